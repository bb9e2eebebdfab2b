"""Cross-validation: one training per fold, tested on it; mean and deviation. What is finished is skipped."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import Result, read_result
from lst.files.whole import write_json
from lst.training.recipes import RunConfig, TrainOptions
from lst.workflows.reproduce import train_and_test

SUMMARY = "folds.json"


@dataclass(frozen=True)
class Folds:
    """The results of all folds, in order."""

    results: tuple[Result, ...]

    @property
    def top1(self) -> list[float]:
        """Accuracy of each fold."""
        return [result["top1"] for result in self.results]

    def line(self) -> str:
        """Mean and standard deviation over the folds, in percent."""
        each = ", ".join(f"{100 * value:.1f}" for value in self.top1)
        return (
            f"top-1 {100 * statistics.mean(self.top1):.1f} ± {100 * statistics.stdev(self.top1):.1f} % over "
            f"{len(self.top1)} folds ({each})"
        )


def train_folds(
    name: str,
    make_config: Callable[[str], RunConfig],
    store: ClipStore,
    num_folds: int,
    out: Path,
    options: TrainOptions,
) -> Folds:
    """Train and test every fold into `out`/fold1of5 and so on. A stopped call goes on where it was.

    Args:
        make_config: benchmark's name -> the recipe for it.

    Raises:
        ValueError: more folds than groups, or a folder holds a run with another recipe.
    """
    names = [store.benchmark(f"fold{i}of{num_folds}").name for i in range(1, num_folds + 1)]
    results = []
    for i, benchmark in enumerate(names, start=1):
        run, config = out / f"fold{i}of{num_folds}", make_config(benchmark)
        train_and_test(run, name, config, store, options)
        results.append(read_result(run / "result.json"))
    found = Folds(tuple(results))
    write_json(
        out / SUMMARY,
        {
            "format": "lst-folds",
            "version": 1,
            "dataset": store.dataset,
            "top1": found.top1,
            "mean": statistics.mean(found.top1),
            "deviation": statistics.stdev(found.top1),
        },
    )
    return found
