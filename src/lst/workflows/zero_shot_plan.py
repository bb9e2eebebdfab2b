"""What the zero-shot study trains: random class sets, each left out of training in turn. No torch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from lst.data.input import draws
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality, PromptChoice
from lst.training.recipes import RunConfig, get_recipe


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
