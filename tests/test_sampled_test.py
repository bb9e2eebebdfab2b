"""Test-time averaging: what is shown, the mean by hand, and the folder beside the single view."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from lst.cli.main import main
from lst.data.input.batches import ClipBatches
from lst.data.input.changes import apply_changes
from lst.data.input.presets import published_pipeline
from lst.data.store.clip_store import ClipStore
from lst.evaluation.scores import load_scores
from lst.nets.checkpoint import load_checkpoint
from lst.workflows.measure import batches_for
from lst.workflows.sampled_test import measure_samplings

pytestmark = pytest.mark.usefixtures("one_thread", "quick", "quick_pictures")


def views(batches: ClipBatches, sampling: int, *, turns: bool = False) -> torch.Tensor:
    return torch.cat([batch.x_NCTVM for batch in batches.sampled(sampling, turns=turns)])


def batches_of(store: ClipStore, *changes: str, size: int = 7) -> ClipBatches:
    path = published_pipeline(
        layout=store.skeleton.name, modality="joint", clip_length=6, num_persons=1, frames="crop_resize"
    )
    clips = np.arange(len(store.clip_ids))
    return ClipBatches(
        store, clips, apply_changes(path, changes), batch_size=size, device=torch.device("cpu")
    )


def test_samplings_differ_in_frames_and_nothing_else(tiny_store: ClipStore):
    batches = batches_of(tiny_store, "UniformFrames()")
    first, again, second = views(batches, 0), views(batches, 0), views(batches, 1)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    in_one = batches_of(tiny_store, "UniformFrames()", size=36)
    assert torch.equal(first, views(in_one, 0))
    for n, shown_CTVM in enumerate(first):  # every frame shown is one of the clip as it is stored
        stored_TVC = torch.from_numpy(np.array(tiny_store.clip(n)[0]))
        shown_TVC = shown_CTVM[..., 0].permute(1, 2, 0)
        gaps_TT = (shown_TVC[:, None] - stored_TVC[None]).abs().amax(dim=(2, 3))
        assert gaps_TT.amin(dim=1).max() < 1e-5


def test_turns_are_turned_and_other_augmentation_is_left_out(tiny_store: ClipStore):
    plain = batches_of(tiny_store, "UniformFrames()")
    dropping = batches_of(tiny_store, "UniformFrames()", "AxisDrop(share=1.0)")
    assert torch.equal(views(plain, 3), views(dropping, 3))
    turned = views(plain, 3, turns=True)
    assert not torch.equal(turned, views(plain, 3))
    lengths = [x.square().sum(dim=1) for x in (turned, views(plain, 3))]
    torch.testing.assert_close(*lengths, rtol=1e-4, atol=1e-4)  # a turn keeps distances from the origin


def test_the_mean_by_hand_and_where_it_lies(
    tiny_store: ClipStore,
    tmp_path: Path,
    unbroken: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
):
    run = Path(copytree(unbroken(), tmp_path / "run"))
    command = ["test", str(run), "--data", str(tiny_store.folder), "--device", "cpu"]
    assert main([*command, "--samplings", "3"]) == 0
    folder = run / "test" / "samplings-3"
    scores, single = load_scores(folder / "scores.npz"), load_scores(run / "test" / "scores.npz")
    assert scores.clip_ids == single.clip_ids
    assert not np.array_equal(scores.logits_NK, single.logits_NK)
    assert (scores.info["samplings"], scores.info["turned"]) == (3, False)
    checkpoint = load_checkpoint(run)
    clips = tiny_store.select(tiny_store.benchmark("synthetic"), "test")
    batches = batches_for(checkpoint, tiny_store, clips)
    with torch.inference_mode():
        views = [torch.cat([checkpoint.classifier(*b.inputs) for b in batches.sampled(s)]) for s in range(3)]
    mean = torch.stack([view.double().softmax(dim=1) for view in views]).mean(dim=0)
    np.testing.assert_allclose(np.exp(scores.logits_NK), mean.numpy(), rtol=1e-3, atol=1e-6)
    report = json.loads((folder / "report.json").read_text())
    printed = capsys.readouterr().out
    assert "mean of 3 samplings per clip" in printed
    assert report["clips"] == len(clips)


def test_turns_want_samplings(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["test", str(tmp_path), "--turns"]) == 2
    assert "--samplings 10" in capsys.readouterr().err
    with pytest.raises(ValueError, match="samplings must be at least 1, got 0"):
        measure_samplings(tmp_path, None, samplings=0)  # pyright: ignore[reportArgumentType]
