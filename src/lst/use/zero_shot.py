"""The zero-shot study: train on some classes, test on the others; several random class sets.

Finished work is skipped, and a stopped run goes on after its last finished epoch.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from lst.data import draws
from lst.data.store import ClipStore
from lst.evaluation.results import stream_result
from lst.evaluation.zero_shot_table import FORMAT, VERSION, Result
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality, PromptChoice
from lst.files import write_json
from lst.nets.checkpoint import read_card
from lst.training.recipes import RunConfig, TrainOptions, get_recipe
from lst.training.train import train
from lst.use.by_text import measure_zero_shot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ZeroShotPlan:
    """What to train. None is the recipe's own value."""

    family: str
    splits: int = 5
    """Number of class sets, counted from 1."""
    unseen: int = 3
    """Classes left out of training in each."""
    class_seed: int = 0
    """Draws the class sets; apart from the seeds of training, so that these share them."""
    seeds: int = 1
    """Trainings of each class set, their seeds counted from 1."""
    modality: Modality = "joint"
    epochs: int | None = None
    repeat: int | None = None
    encoder_width: int | None = None
    prompts: PromptChoice | None = None

    def __post_init__(self) -> None:
        if self.splits < 1 or self.seeds < 1:
            raise ValueError(f"--splits and --seeds must be at least 1, got {self.splits} and {self.seeds}")
        num_classes = get_benchmark(self.base.benchmark).num_classes
        if not 2 <= self.unseen <= num_classes - 2:
            raise ValueError(
                f"--unseen must be between 2 and {num_classes - 2} of the {num_classes} classes of "
                f"{self.base.benchmark}, got {self.unseen}: among one class there is nothing to choose"
            )
        if self.splits > (most := math.comb(num_classes, self.unseen)):
            raise ValueError(
                f"--splits {self.splits}: there are {most} different sets of {self.unseen} classes"
            )
        if self.base.text.weight == 0:
            raise ValueError(f"{self.recipe} trains without text; zero-shot needs it")

    @property
    def recipe(self) -> str:
        return f"{self.family}-{self.modality.replace('_', '-')}"

    @property
    def base(self) -> RunConfig:
        """The recipe with the plan's changes, all classes seen."""
        config = get_recipe(self.recipe)
        if self.epochs is not None:
            config = replace(config, optim=replace(config.optim, epochs=self.epochs))
        if self.repeat is not None:
            config = replace(config, repeat=self.repeat)
        if self.encoder_width is not None:
            config = replace(config, encoder_width=self.encoder_width)
        return config if self.prompts is None else config.with_text(prompts=self.prompts)

    def class_sets(self) -> list[tuple[int, ...]]:
        """Labels of the unseen classes of every split."""
        return unseen_sets(
            get_benchmark(self.base.benchmark).class_names, self.unseen, self.splits, self.class_seed
        )

    def runs(self) -> Iterator[tuple[str, int, RunConfig]]:
        """(run name, split number from 1, config), split by split."""
        for split, unseen in enumerate(self.class_sets(), start=1):
            for seed in range(1, self.seeds + 1):
                yield self._name(split, seed), split, replace(self.base, unseen=unseen, seed=seed)

    def _name(self, split: int, seed: int) -> str:
        """Every different run has a name of its own."""
        changed = (
            ("epochs", self.epochs),
            ("repeat", self.repeat),
            ("width", self.encoder_width),
            ("", self.prompts),
            ("classes", self.class_seed or None),
        )
        words = "".join(f"-{word}{value}" for word, value in changed if value is not None)
        return f"{self.recipe}{words}-{self.unseen}unseen-split{split}-seed{seed}"


def unseen_sets(class_names: Sequence[str], size: int, splits: int, class_seed: int) -> list[tuple[int, ...]]:
    """Labels of the unseen classes of each split: `size` of them, drawn without replacement.

    A draw depends on (class_seed, its number, class names) alone. A set that was drawn before is passed over,
    so the sets differ, and more splits add to the sets of fewer.
    """
    keys = draws.clip_keys(class_names)
    found: dict[tuple[int, ...], None] = {}
    for attempt in count(1):
        order = np.argsort(draws.uniform(class_seed, attempt, keys, "unseen classes", 1)[:, 0], kind="stable")
        found.setdefault(tuple(sorted(order[:size].tolist())))
        if len(found) == splits:
            break
    return list(found)


def run_zero_shot(
    plan: ZeroShotPlan, store: ClipStore, runs: Path, results: Path, options: TrainOptions
) -> list[Path]:
    """Train and measure what is missing; one JSON per run in `results`. Returns the files, split by split.

    Raises:
        ValueError: a result of the same name was made with another recipe.
    """
    done: list[Path] = []
    for name, split, config in plan.runs():
        path = results / f"{name}.json"
        if path.is_file():
            _check_same(path, config)
        else:
            # The test split is measured once, after the last epoch: nothing can be selected on it.
            how = replace(options, resume=True, overwrite=False, test_every=0)
            train(plan.recipe, config, store, runs / name, how)
            report = measure_zero_shot(runs / name, store, options.device)
            result = _result(name, plan, split, read_card(runs / name), report)
            write_json(path, result)
            logger.info(line(result))
        done.append(path)
    return done


def _check_same(path: Path, config: RunConfig) -> None:
    before = json.loads(path.read_text(encoding="utf-8"))
    if before.get("config") != json.loads(json.dumps(asdict(config))):
        raise ValueError(
            f"{path}: was made with another recipe than is asked for now; rename or delete it, or choose "
            "another --results"
        )


def _result(
    name: str, plan: ZeroShotPlan, split: int, card: dict[str, Any], report: dict[str, Any]
) -> Result:
    """The result of a stream, without its class head's accuracy: that head knows no unseen class."""
    result = stream_result(name, card, {})
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
