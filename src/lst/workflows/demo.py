"""The whole path on built-in synthetic clips: prepare, train four streams, test, ensemble."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lst.data.prepare import prepare_synthetic
from lst.data.store.clip_store import ClipStore
from lst.evaluation.plots import plot_clip
from lst.evaluation.results import read_results
from lst.training.recipes import TrainOptions
from lst.training.run_folder import RunFolder
from lst.workflows.reproduce import Plan, reproduce

FAMILY = "demo"


def run_demo(out: Path, options: TrainOptions, *, overwrite: bool) -> Iterator[str]:
    """Yields lines for people. A stopped demo goes on where it was; a finished one only prints again."""
    started = time.perf_counter()
    store = _store(out / "data", overwrite=overwrite)
    runs, results = out / "runs", out / "results"
    if overwrite:
        _remove_runs(runs)
    benchmark = store.benchmark()
    yield f"{len(store)} synthetic clips of {benchmark.num_classes} actions (no recordings) in {store.folder}"
    picture = out / "clip.png"
    plot_clip(store.clip(0)[0], store.skeleton.parent_index(), picture, title=store.clip_ids[0])
    done = reproduce(Plan(FAMILY), store, runs, results, options)
    found = {result["name"]: result for result in read_results([results])}
    members = [found[run.name] for run in done if found[run.name]["kind"] == "stream"]
    total = next(found[run.name] for run in done if found[run.name]["kind"] == "ensemble")
    for member in members:
        yield f"  {member['modality']:<13} top-1 {100 * member['top1']:5.1f} %"
    chance = f"(chance {100 / benchmark.num_classes:.1f} %)"
    yield f"  {'ensemble':<13} top-1 {100 * total['top1']:5.1f} %   {chance}"
    yield f"language supervised training on synthetic clips, {time.perf_counter() - started:.0f} s"
    yield f"wrote {picture}, {results}/*.json and for every run:"
    yield f"  {runs}/*/: model.safetensors, card.json, log.jsonl, training.png, test/confusion.png, ..."
    yield "next: lst prepare nw-ucla all_sqe.zip, then lst train nw-ucla-joint"


def _remove_runs(runs: Path) -> None:
    """The demo's own runs only: with --out . the folder may hold others."""
    for name, _, _ in Plan(FAMILY).runs(1, language=True):
        if RunFolder(runs / name).started:
            shutil.rmtree(runs / name)


def _store(folder: Path, *, overwrite: bool) -> ClipStore:
    if folder.is_dir() and not overwrite:
        return ClipStore.open(folder)
    return prepare_synthetic(folder, overwrite=overwrite).store
