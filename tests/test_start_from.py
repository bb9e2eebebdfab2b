"""Fine-tuning: numbers go where their joints went, the trunk is held, a resumed run has the same bits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import lst.training.train as train_module
from lst.data.store.clip_store import ClipStore
from lst.facts.skeleton import KINECT_V2_JOINTS, Skeleton, get_layout
from lst.nets.checkpoint import load_checkpoint, read_card
from lst.nets.classifier import build_classifier
from lst.training.start_from import _joint_axes, _mapped, start_from
from short_runs import model_bytes, run, stop_after, tiny

pytestmark = pytest.mark.usefixtures("one_thread", "quick")
V1, V2 = get_layout("kinect_v1_20"), get_layout("kinect_v2_25")


def build(layout: str, num_persons: int = 1, persons: str = "every_slot") -> dict[str, object]:
    sizes = {"num_persons": num_persons, "num_classes": 12, "width": 8}
    return {"encoder": "ctrgcn", "layout": layout, "persons": persons, **sizes}


def test_the_axes_of_joints_are_found_by_measurement():
    axes = _joint_axes("ctrgcn", 8)
    first, second, third = axes["blocks.0.spatial.adjacency"]
    assert first is None
    assert second is not None
    assert third is not None
    assert (second.inner, second.persons) == (1, False)
    [norm] = axes["input_bn.weight"]
    assert norm is not None
    assert (norm.inner, norm.persons) == (3, True)
    assert axes["blocks.0.spatial.values.weight"] == [None] * 4
    assert axes["input_bn.num_batches_tracked"] == []


def test_numbers_move_with_their_joints_by_hand():
    """Old joints a b c, new joints c x a: two persons of one channel, and a matrix between joints."""
    pairs = {0: 2, 2: 0}
    axes = _joint_axes("ctrgcn", 8)
    matrix = _mapped(
        torch.tensor([[[0.0, 1, 2], [10, 11, 12], [20, 21, 22]]]).repeat(3, 1, 1),
        torch.full((3, 3, 3), -1.0),
        axes["blocks.0.spatial.adjacency"],
        pairs,
        3,
        3,
    )
    assert matrix[0].tolist() == [[22, -1, 20], [-1, -1, -1], [2, -1, 0]]
    norm = _mapped(  # (person, joint, channel); the second person of the new run starts as the only old one
        torch.arange(9.0), torch.full((18,), -1.0), axes["input_bn.weight"], pairs, 3, 3
    )
    assert norm.tolist() == [6, 7, 8, -1, -1, -1, 0, 1, 2] * 2


def test_the_same_joints_and_classes_are_the_same_net(unbroken: Callable[..., Path]):
    old = load_checkpoint(unbroken())
    new = build_classifier(**old.card["build"])
    reused = start_from(new, old.card["build"], V1, old.class_names, old.folder)
    for name, tensor in old.classifier.state_dict().items():
        assert torch.equal(new.state_dict()[name], tensor), name
    assert reused.head
    assert reused.new_joints == ()
    assert reused.joints["HandLeft"] == "HandLeft"


def test_another_layout_and_other_classes(unbroken: Callable[..., Path]):
    old = load_checkpoint(unbroken())
    torch.manual_seed(5)
    new = build_classifier(**build("kinect_v2_25", 2))
    before = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    reused = start_from(new, build("kinect_v2_25", 2), V2, [f"class {k}" for k in range(12)], old.folder)
    assert not reused.head
    assert torch.equal(new.head.weight, before["head.weight"])
    assert reused.joints["HandLeft"] == "HandLeft"
    assert "ThumbLeft" in reused.new_joints
    hand, thumb, there = (KINECT_V2_JOINTS.index("HandLeft"), KINECT_V2_JOINTS.index("ThumbLeft"), 0)
    theirs = V1.joints.index("HandLeft")
    mean, given = new.state_dict()["encoder.input_bn.running_mean"], old.classifier.state_dict()
    for person in (0, 25):
        at = (person + hand) * 3
        expected = given["encoder.input_bn.running_mean"][theirs * 3 : theirs * 3 + 3]
        assert torch.equal(mean[at : at + 3], expected)
        at = (person + thumb) * 3
        assert mean[at : at + 3].tolist() == [0, 0, 0]
    name = "encoder.blocks.3.spatial.adjacency"
    assert torch.equal(new.state_dict()[name][there, hand, hand], given[name][there, theirs, theirs])
    assert torch.equal(new.state_dict()[name][:, thumb], before[name][:, thumb])
    name = "encoder.blocks.5.temporal.direct.weight"
    assert torch.equal(new.state_dict()[name], given[name])


def test_what_does_not_fit_is_told(unbroken: Callable[..., Path]):
    run_folder = unbroken()
    wide = {**build("kinect_v1_20"), "width": 16}
    with pytest.raises(ValueError, match="--encoder-width 8"):
        start_from(build_classifier(**wide), wide, V1, ["a"], run_folder)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="freeze_epochs"):
        tiny(freeze_epochs=1)
    strange = Skeleton(
        name="strange",
        joints=("p", "q"),
        parents={"q": "p"},
        parts={"all": ("p", "q")},
    )
    with pytest.raises(ValueError, match="strange"):
        start_from(build_classifier(**build("kinect_v1_20")), build("kinect_v1_20"), strange, [], run_folder)


def test_a_run_starts_there_holds_its_trunk_and_says_so(
    unbroken: Callable[..., Path], tiny_store: ClipStore, tmp_path: Path
):
    old = unbroken()
    config = tiny(2, start_from=str(old), freeze_epochs=2, seed=9)
    run(tiny_store, tmp_path / "new", config)
    card = read_card(tmp_path / "new")
    assert card["reused"]["run"] == str(old)
    assert card["reused"]["head"] is True
    assert card["inputs"]["start_from"] == card["reused"]["sha256"]
    before, after = (load_checkpoint(path).classifier.state_dict() for path in (old, tmp_path / "new"))
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert all(same[name] for name in same if name.startswith("encoder."))
    assert not same["head.weight"]
    run(tiny_store, tmp_path / "free", replace(config, freeze_epochs=1))
    free = load_checkpoint(tmp_path / "free").classifier.state_dict()
    name = "encoder.blocks.0.spatial.adjacency"
    assert not torch.equal(before[name], free[name])


def test_resumed_between_frozen_and_free_it_has_the_same_bits(
    unbroken: Callable[..., Path], tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = tiny(3, start_from=str(unbroken()), freeze_epochs=1)
    run(tiny_store, tmp_path / "whole", config)
    for epoch in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "epoch_line", stop_after(epoch))
            with pytest.raises(KeyboardInterrupt):
                run(tiny_store, tmp_path / "broken", config, resume=epoch > 1)
    run(tiny_store, tmp_path / "broken", config, resume=True)
    assert model_bytes(tmp_path / "broken") == model_bytes(tmp_path / "whole")
