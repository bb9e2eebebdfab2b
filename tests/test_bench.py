"""The benchmark compares equal things: both forms have equal weights and give equal numbers."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lst.cli.main import main
from lst.facts.benchmarks import get_benchmark
from lst.workflows import bench
from lst.workflows.bench import TOLERANCE, bench_encoder, same_weights, supervised

NAMES = ["plain, fp32", "fused, fp32", "fused, bf16 autocast"]


@pytest.fixture
def short_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of NW-UCLA with 8 frames."""
    monkeypatch.setattr(bench, "get_benchmark", lambda name: replace(get_benchmark(name), clip_length=8))


def rows(lines: list[str]) -> dict[str, str]:
    """The lines of the table by the name in front."""
    return {line[:24].strip(): line[24:] for line in lines if line[:24].strip() in NAMES}


def test_both_forms_have_equal_values_and_outputs():
    fused, plain = same_weights()
    x_NCTVM = torch.randn(2, 3, 8, 20, 1, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        ours, theirs = fused.eval()(x_NCTVM), plain.eval()(x_NCTVM)
    assert theirs.std() > 0.01
    assert (ours - theirs).norm() / theirs.norm() < 1e-4
    assert sum(p.numel() for p in fused.parameters()) == sum(p.numel() for p in plain.parameters())


def test_every_path_matters():
    """At its start a block is almost its shortcut (alpha 0, bn near 0); then a wrong graph would not show."""
    fused, _ = same_weights()
    for name, value in fused.named_parameters():
        if name.endswith("alpha") or "spatial.bn.weight" in name:
            assert value.min() > 0.05, name


def test_weights_come_from_the_seed_and_leave_the_global_state_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (same_weights(seed)[0].state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["blocks.0.spatial.values.weight"], other["blocks.0.spatial.values.weight"])


def test_the_heads_are_the_same_for_each():
    fused, plain = same_weights()
    ours, theirs = (supervised(net, fused.out_channels) for net in (fused, plain))
    assert torch.equal(ours.classifier.head.weight, theirs.classifier.head.weight)
    assert torch.equal(ours.project[1].weight, theirs.project[1].weight)


def test_lines_errors_and_record(short_clips: None, tmp_path: Path):
    out = tmp_path / "bench.json"
    lines = list(bench_encoder("cpu", batch=2, repeats=1, compiled=False, out=out))
    assert lines[0].startswith("CPU ")
    assert torch.__version__ in lines[0]
    assert any("2 clips" in line for line in lines)
    assert list(rows(lines)) == NAMES
    assert lines[-1] == f"wrote {out}"
    record = json.loads(out.read_text())
    plain, fused, half = record["rows"]
    assert [row["name"] for row in record["rows"]] == NAMES
    assert plain["error"] == 0.0
    assert fused["error"] < 1e-4  # the same function
    assert 1e-3 < half["error"] < 0.2  # it is bf16: two to three digits
    assert plain["train_ratio"] == plain["infer_ratio"] == 1.0
    assert fused["train_ratio"] == pytest.approx(plain["train_seconds"] / fused["train_seconds"])
    assert (record["batch"], record["code"]["torch"]) == (2, str(torch.__version__))


def test_as_it_is_all_forms_are_within_their_limits():
    """With the real number of frames."""
    lines = list(bench_encoder("cpu", batch=4, repeats=0, compiled=False))
    assert "TOO FAR OFF" not in "\n".join(lines)


def given(times: dict[str, tuple[float, float, float]]) -> Callable[..., None]:
    """In place of the clock: seconds of training and inference and the error, by candidate."""

    def fake(candidates: list[bench.Candidate], *more: Any) -> None:
        for c in candidates:
            c.train, c.infer, c.error = times.get(c.name, (1.0, 1.0, 0.0))

    return fake


def test_the_first_row_is_what_the_others_are_measured_by(short_clips: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "_time_all", given({NAMES[0]: (4.0, 2.0, 0.0)}))
    table = rows(list(bench_encoder("cpu", batch=1, repeats=1, compiled=False)))
    assert re.findall(r"([\d.]+)x", table[NAMES[0]]) == ["1.00", "1.00"]
    assert re.findall(r"([\d.]+)x", table[NAMES[1]]) == ["4.00", "2.00"]
    assert re.findall(r"(\d+) ms", table[NAMES[0]] + table[NAMES[1]]) == ["4000", "2000", "1000", "1000"]


@pytest.mark.parametrize(("share", "bad"), [(0.9, False), (1.1, True)])
def test_a_form_that_computes_something_else_is_marked(
    short_clips: None, monkeypatch: pytest.MonkeyPatch, share: float, bad: bool
):
    errors = {NAMES[1]: (1.0, 1.0, share * TOLERANCE[False]), NAMES[2]: (1.0, 1.0, share * TOLERANCE[True])}
    monkeypatch.setattr(bench, "_time_all", given(errors))
    table = rows(list(bench_encoder("cpu", batch=1, repeats=1, compiled=False)))
    assert ["TOO FAR OFF" in table[name] for name in NAMES] == [False, bad, bad]


def test_the_fastest_of_the_repeats_counts(short_clips: None, monkeypatch: pytest.MonkeyPatch):
    """Each turn times training and then inference; two turns of one candidate."""
    times = iter([3.0, 9.0, 2.0, 5.0])
    monkeypatch.setattr(bench, "seconds", lambda work, device: next(times))
    fused, _ = same_weights()
    c = bench.Candidate("x", supervised(fused, fused.out_channels), bf16=False)
    bench._time_all([c], bench.Step(2, torch.device("cpu")), 2)
    assert (c.train, c.infer) == (2.0, 5.0)
    assert next(times, None) is None


def test_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    seen: dict[str, object] = {}

    def fake(device: str, **options: object) -> list[str]:
        seen.update(device=device, **options)
        return ["one", "two"]

    monkeypatch.setattr(bench, "bench_encoder", fake)
    words = ["--batch", "3", "--repeats", "2", "--compile", "--device", "cpu", "--out", "b.json"]
    assert main(["bench", *words]) == 0
    assert seen == {"device": "cpu", "batch": 3, "repeats": 2, "compiled": True, "out": Path("b.json")}
    assert capsys.readouterr().out == "one\ntwo\n"
