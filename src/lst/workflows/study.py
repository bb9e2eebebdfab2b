"""What is language worth? One change of the text side at a time, seed by seed. Finished work is skipped."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import Result, read_result
from lst.evaluation.study_table import Row, study_caption, study_table
from lst.facts.choices import Modality
from lst.training.recipes import (
    STREAMS,
    RunConfig,
    TrainOptions,
    changed_fields,
    get_recipe,
    stream_names,
)
from lst.workflows.reproduce import keep_result, train_and_test
from lst.workflows.sharing import shared
from lst.workflows.study_variants import BASELINE, VARIANTS, Variant, get_variant

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TextStudy:
    """What to compare. None is the recipe's own value."""

    family: str
    seeds: int = 1
    epochs: int | None = None
    repeat: int | None = None
    encoder_width: int | None = None
    streams: tuple[Modality, ...] = ("joint",)
    variants: tuple[str, ...] | None = None
    """None: all that the family can have."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"--seeds must be at least 1, got {self.seeds}")
        stream_names(self.family)
        for name in self.variants or ():
            get_variant(name)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the variants: gap families have the prompts of the official code only."""
        if self.variants is not None:
            return self.variants
        is_gap = get_recipe(stream_names(self.family)[0]).parity == "gap"
        return tuple(v.name for v in VARIANTS if not is_gap or v.text.get("prompts", "parts4") == "parts4")

    def recipes(self) -> list[str]:
        """The recipes of the streams asked for, in the usual order."""
        names = zip(STREAMS, stream_names(self.family), strict=True)
        return [name for modality, name in names if modality in self.streams]

    def runs(self) -> Iterator[tuple[str, str, RunConfig]]:
        """(run name, recipe name, config): all variants of the first seed, then those of the next.

        So a study that is stopped has complete comparisons for its first seeds.
        """
        for seed in range(1, self.seeds + 1):
            for variant in VARIANTS:
                if variant.name in self.chosen:
                    for recipe in self.recipes():
                        name = f"{self.row_name(recipe, variant)}-seed{seed}"
                        yield name, recipe, self.config(recipe, variant, seed)

    def config(self, recipe: str, variant: Variant, seed: int) -> RunConfig:
        """The recipe with the study's settings and the variant's text side."""
        config = get_recipe(recipe)
        asked = {"repeat": self.repeat, "encoder_width": self.encoder_width}
        config = replace(
            config, seed=seed, **{key: value for key, value in asked.items() if value is not None}
        )
        if self.epochs is not None:
            config = replace(config, optim=replace(config.optim, epochs=self.epochs))
        return config.with_text(**variant.text)

    def row_name(self, recipe: str, variant: Variant) -> str:
        """A run's name without its seed; whatever was asked beside the recipe is in it."""
        asked = {"{}epochs": self.epochs, "repeat{}": self.repeat, "width{}": self.encoder_width}
        settings = [form.format(value) for form, value in asked.items() if value is not None]
        return "-".join([recipe, variant.name, *settings])


def run_study(
    study: TextStudy, store: ClipStore, runs: Path, results: Path, options: TrainOptions
) -> Iterator[Result]:
    """Train and test what is missing; yields the result of every run of the study when it is there.

    A stopped call goes on where it was, and several calls share the work. A run whose folder is gone is not
    trained again if its result is kept. The test split is measured after the last epoch only.

    Raises:
        ValueError: a run or result of the same name had other settings, data or texts.
    """
    options = replace(options, test_every=0)
    plan = list(study.runs())  # a variant that this family cannot have is named before hours of training

    def one(run: tuple[str, str, RunConfig]) -> Result:
        name, recipe, config = run
        kept = results / f"{name}.json"
        if kept.is_file() and not (runs / name).exists():
            return _checked(kept, config)
        later = sum(not (results / f"{other}.json").is_file() for other, _, _ in plan) - 1
        done = train_and_test(runs / name, recipe, config, store, options, later=later)
        return keep_result(done, results)

    for _, result in shared(plan, one):
        yield result


def study_text(study: TextStudy, results: Path) -> str:
    """Markdown: a caption and a table for each stream, from all kept results with the study's settings.

    Which variants and seeds are asked for does not matter here: the table has all that is kept.
    """
    tables = []
    for recipe in study.recipes():
        kept = {variant.name: _kept(study, recipe, variant, results) for variant in VARIANTS}
        rows = [Row(v.name, v.description, tuple(kept[v.name])) for v in VARIANTS if kept[v.name]]
        if rows:
            found = [result for row in rows for result in row.results]
            tables.append(f"{study_caption(found, BASELINE)}\n\n{study_table(rows, kept[BASELINE])}")
    return "\n\n".join(tables)


def _kept(study: TextStudy, recipe: str, variant: Variant, results: Path) -> list[Result]:
    """Every seed's result of one row."""
    files = sorted(results.glob(f"{study.row_name(recipe, variant)}-seed*.json"))
    kept = [(path, read_result(path)["seed"]) for path in files]
    return [_checked(path, study.config(recipe, variant, seed)) for path, seed in kept]


def _checked(path: Path, config: RunConfig) -> Result:
    """A kept result, if it is one of this config."""
    result = read_result(path)
    if changed := changed_fields(result["config"], config):
        raise ValueError(
            f"{path}: has other settings than this study ({', '.join(changed)}). "
            "Move it elsewhere, or choose another --results."
        )
    return result
