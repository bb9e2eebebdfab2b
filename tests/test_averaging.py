"""Average of the weights, and label smoothing: by hand, and in a run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from lst.data.store.clip_store import ClipStore
from lst.nets.checkpoint import load_checkpoint
from lst.nets.losses import ClassLoss
from lst.training.averaging import WeightAverage
from lst.training.recipes import OptimConfig
from lst.training.run_folder import STATE
from lst.training.run_state import read_state
from short_runs import log_of, model_bytes, run, tiny

pytestmark = pytest.mark.usefixtures("one_thread", "quick")


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()


def moved(net: nn.Module, step: int) -> None:
    with torch.no_grad():
        for value in net.state_dict().values():
            value += step


def test_the_average_by_hand():
    """Decays 1/10, 2/11, 3/12 at first, and then the given one."""
    net = small_net()
    start = net.state_dict()["0.weight"].clone()
    average, expected = WeightAverage(net, 0.2), start.clone()
    for n, decay in enumerate((0.1, 2 / 11, 0.2, 0.2)):
        moved(net, n + 1)
        average.update()
        expected = decay * expected + (1 - decay) * net.state_dict()["0.weight"]
    average.keep()
    torch.testing.assert_close(net.state_dict()["0.weight"], expected)
    # batch statistics move like weights here, so they have the same average; the counter does not
    shift = expected - start
    torch.testing.assert_close(net[1].running_mean, torch.zeros(3).double() + shift[0, 0])
    torch.testing.assert_close(net[1].running_var, torch.ones(3).double() + shift[0, 0])
    assert net[1].num_batches_tracked == 10


def test_in_place_gives_the_net_its_own_bits_back():
    net = small_net()
    average = WeightAverage(net, 0.9)
    moved(net, 1)
    average.update()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with average.in_place():
        assert not torch.equal(net.state_dict()["0.weight"], before["0.weight"])
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_state_of_another_net_is_refused():
    average = WeightAverage(small_net(), 0.9)
    other = WeightAverage(nn.Linear(2, 3), 0.9)
    for wrong in (other.state(), None, {"steps": -1, "values": {}}, {"steps": 1}):
        with pytest.raises(ValueError, match=r"run/state\.pt: average: .*--overwrite"):
            average.restore(wrong, Path("run/state.pt"))


def test_a_run_keeps_the_average_and_tests_it(tiny_store: ClipStore, tmp_path: Path):
    plain, averaged = tiny(2), tiny(2, optim={"ema": 0.5})
    run(tiny_store, tmp_path / "plain", plain)
    card = run(tiny_store, tmp_path / "averaged", averaged)
    assert card["config"]["optim"]["ema"] == 0.5
    assert card["overrides"].get("optim.ema", 0.5) == 0.5
    # training itself is not touched: the same losses and the same last weights
    ours, theirs = (log_of(tmp_path / name) for name in ("averaged", "plain"))
    assert [row["loss"] for row in ours] == [row["loss"] for row in theirs]
    state = read_state(tmp_path / "averaged" / STATE)
    other = read_state(tmp_path / "plain" / STATE)
    assert all(torch.equal(value, other["net"][key]) for key, value in state["net"].items())
    kept = load_checkpoint(tmp_path / "averaged").classifier.state_dict()
    values = state["average"]["values"]
    assert state["average"]["steps"] == 6
    for key, value in kept.items():
        if value.is_floating_point():
            assert torch.equal(value, values[f"classifier.{key}"]), key
    assert "encoder.input_bn.running_mean" in kept
    assert model_bytes(tmp_path / "averaged") != model_bytes(tmp_path / "plain")


def test_smoothed_cross_entropy_by_hand():
    torch.manual_seed(1)
    logits, labels = torch.randn(4, 5).double(), torch.tensor([0, 3, 3, 1])
    log_p = logits.log_softmax(dim=1)
    expected = 0.0
    for n, label in enumerate(labels):
        target = [0.2 / 5 + 0.8 * (k == int(label)) for k in range(5)]
        expected -= sum(t * log_p[n, k].item() for k, t in enumerate(target)) / 4
    assert ClassLoss(smoothing=0.2)(logits, labels).item() == pytest.approx(expected, rel=1e-12)
    assert torch.equal(ClassLoss()(logits, labels), nn.functional.cross_entropy(logits, labels))


def test_smoothing_reaches_the_run_and_leaves_the_texts_alone(tiny_store: ClipStore, tmp_path: Path):
    run(tiny_store, tmp_path / "plain", tiny(1))
    run(tiny_store, tmp_path / "smooth", tiny(1, optim={"label_smoothing": 0.3}))
    (plain,), (smooth,) = log_of(tmp_path / "plain"), log_of(tmp_path / "smooth")
    assert smooth["loss_classes"] != plain["loss_classes"]


@pytest.mark.parametrize("name", ["label_smoothing", "ema"])
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_shares_out_of_range_are_refused(name: str, value: float):
    with pytest.raises(ValueError, match=rf"optim\.{name} is a share in \[0, 1\), got {value}"):
        replace(OptimConfig(), **{name: value})
