"""The whole path on built-in synthetic clips: prepare, train four streams, test, ensemble."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from lst.data.prepare import prepare_synthetic
from lst.data.store.clip_store import ClipStore
from lst.evaluation.plots import plot_clip
from lst.evaluation.results import Result, read_results
from lst.evaluation.scores import load_scores
from lst.facts.wording import command
from lst.files.locks import locked
from lst.files.whole import remove_folder
from lst.text.descriptions import default_descriptions
from lst.training.recipes import TrainOptions
from lst.training.run_folder import RunFolder
from lst.workflows.measure import SCORES
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
    best = max((run for run in done if found[run.name]["kind"] == "stream"), key=_top1(found))
    yield from _prediction(best, benchmark.dataset)
    yield "next, without any download:"
    yield f"  {command('info', best)}"
    actions = ", ".join(benchmark.class_names[:3])
    data = ("--data", store.folder)
    yield f"  {command('classify-by-text', best, '--actions', actions, *data)}"
    plain = command("train", "demo-joint", "--text.weight", "0", "--out", runs / "plain", *data)
    yield f"  {plain}"
    yield "with recordings: lst prepare nw-ucla all_sqe.zip, then lst train nw-ucla-joint"


def _top1(found: Mapping[str, Result]) -> Callable[[Path], float]:
    return lambda run: found[run.name]["top1"]


def _prediction(run: Path, dataset: str) -> Iterator[str]:
    """What one run says about the first test clip, and what the class it chose looks like in words."""
    scores = load_scores(run / SCORES)
    logits_K = scores.logits_NK[0].astype(np.float64)
    shares_K = np.exp(logits_K - logits_K.max())
    shares_K /= shares_K.sum()
    names, order = scores.class_names, np.argsort(-logits_K, kind="stable")[:3]
    ranked = ", ".join(f"{names[k]} {100 * shares_K[k]:.0f} %" for k in order)
    yield f"{run.name} on {scores.clip_ids[0]}, a clip of {names[scores.labels_N[0]]!r}: {ranked}"
    chosen = default_descriptions(dataset)[int(order[0])]
    yield f"  {chosen.name!r} was described to it as: {chosen.sentence}"


def _remove_runs(runs: Path) -> None:
    """The demo's own runs only: with --out . the folder may hold others."""
    for name, _, _ in Plan(FAMILY).runs(1, language=True):
        with locked(runs / name):
            if RunFolder(runs / name).started:
                remove_folder(runs / name)


def _store(folder: Path, *, overwrite: bool) -> ClipStore:
    if folder.is_dir() and not overwrite:
        return ClipStore.open(folder)
    return prepare_synthetic(folder, overwrite=overwrite).store
