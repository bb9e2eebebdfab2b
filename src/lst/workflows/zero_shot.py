"""The zero-shot study: train on some classes, test on the others; several random class sets.

Finished work is skipped, a stopped run goes on after its last finished epoch, and several calls share the
work.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import stream_result
from lst.evaluation.zero_shot_table import FORMAT, VERSION, Result, read_zero_shot_file
from lst.files.locks import locked
from lst.files.whole import write_json
from lst.nets.checkpoint import read_card
from lst.training.recipes import RunConfig, TrainOptions, changed_fields
from lst.training.train import train
from lst.workflows.by_text import measure_zero_shot
from lst.workflows.sharing import shared
from lst.workflows.zero_shot_plan import ZeroShotPlan

logger = logging.getLogger(__name__)


def run_zero_shot(
    plan: ZeroShotPlan, store: ClipStore, runs: Path, results: Path, options: TrainOptions
) -> list[Path]:
    """Train and measure what is missing; one JSON per run in `results`. Returns the files, split by split.

    Raises:
        ValueError: a result of the same name was made with another recipe.
    """
    # The test split is measured once, after the last epoch: nothing can be selected on it.
    how = replace(options, resume=True, overwrite=False, test_every=0)
    todo = list(plan.runs())
    files = [results / f"{name}.json" for name, _, _ in todo]

    def one(run: tuple[str, int, RunConfig]) -> None:
        name, split, config = run
        path = results / f"{name}.json"
        with locked(runs / name):
            if path.is_file():
                return _check_same(path, config)
            later = sum(not file.is_file() for file in files) - 1
            train(plan.recipe, config, store, runs / name, how, later=later)
            report = measure_zero_shot(runs / name, store, options.device)
            result = _result(name, plan, split, read_card(runs / name), report)
            write_json(path, result)
            logger.info(line(result))

    for _ in shared(todo, one):
        pass
    return files


def _check_same(path: Path, config: RunConfig) -> None:
    before = read_zero_shot_file(path)
    changed = ["no zero-shot result"] if before is None else changed_fields(before["config"], config)
    if changed:
        how = f" ({', '.join(changed)})"
        raise ValueError(
            f"{path}: was made with another recipe than is asked for now{how}; rename or delete it, or "
            "choose another --results"
        )


def _result(
    name: str, plan: ZeroShotPlan, split: int, card: dict[str, Any], report: dict[str, Any]
) -> Result:
    """The result of a stream, without its class head's accuracy: that head knows no unseen class."""
    result = stream_result(name, card, report)
    del result["best_on_test"]
    own = {"format": FORMAT, "version": VERSION, "kind": "zero-shot"}
    return {**result, **own, "split": split, "class_seed": plan.class_seed, **report}


def line(result: Result) -> str:
    """One run in one line."""
    closed, general = result["zero_shot"], result["generalised"]
    return (
        f"{result['name']}: unseen {', '.join(result['unseen'])}; zero-shot {100 * closed['top1']:.1f} % "
        f"(chance {100 * closed['chance']:.1f} %), S {100 * general['seen_top1']:.1f}, "
        f"U {100 * general['unseen_top1']:.1f}, H {100 * general['harmonic_mean']:.1f}"
    )
