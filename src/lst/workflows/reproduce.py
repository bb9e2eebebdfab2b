"""All streams and seeds of a family of recipes, their ensembles, and the table. Finished work is skipped."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lst.data.store.clip_store import ClipStore
from lst.evaluation.report import summary_line
from lst.evaluation.result_file import write_result
from lst.evaluation.results import RESULT, Result, read_result
from lst.facts.choices import Modality
from lst.files.locks import locked
from lst.nets.checkpoint import CARD
from lst.training.recipes import STREAMS, RunConfig, TrainOptions, get_recipe, stream_names
from lst.training.train import train
from lst.workflows.measure import ensemble_runs, is_up_to_date, measure_run
from lst.workflows.sharing import shared

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to reproduce. `epochs` None is the recipe's own schedule."""

    family: str
    seeds: int = 1
    plain: bool = False
    """Also train the plain encoder (text.weight 0), the baseline the gain of language is measured from."""
    epochs: int | None = None
    streams: tuple[Modality, ...] = STREAMS

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"--seeds must be at least 1, got {self.seeds}")

    def runs(self, seed: int, *, language: bool) -> Iterator[tuple[str, str, RunConfig]]:
        """(run name, recipe name, config) of every stream of one seed."""
        for name in stream_names(self.family):
            config = get_recipe(name)
            if config.modality not in self.streams:
                continue
            epochs = config.optim.epochs if self.epochs is None else self.epochs
            config = replace(config, seed=seed, optim=replace(config.optim, epochs=epochs))
            if not language:
                config = config.with_text(weight=0.0)
            yield self.run_name(name, seed, language=language), name, config

    @property
    def ensemble_name(self) -> str:
        """Fewer streams have a name of their own, or they would replace the ensemble of all."""
        some = [m.replace("_", "-") for m in STREAMS if m in self.streams]
        return f"{self.family}-ensemble" + ("" if len(some) == len(STREAMS) else "-of-" + "+".join(some))

    def run_name(self, recipe: str, seed: int, *, language: bool) -> str:
        """A name for each different run: another number of epochs never stands in for the full schedule."""
        plain = "" if language else "-plain"
        epochs = "" if self.epochs is None else f"-{self.epochs}epochs"
        return f"{recipe}{plain}{epochs}-seed{seed}"


@dataclass(frozen=True)
class _Member:
    """One run of a plan, and the ensemble it belongs to."""

    group: str
    run: str
    recipe: str
    config: RunConfig


def reproduce(plan: Plan, store: ClipStore, runs: Path, results: Path, options: TrainOptions) -> list[Path]:
    """Train, test and ensemble what is missing; copy every result to `results`. Returns the run folders.

    Seeds count from 1. A stopped call goes on where it was: runs resume after their last finished epoch.
    Several calls may work on one plan: each takes the runs that no other has in hand.
    """
    members = [
        _Member(plan.run_name(plan.ensemble_name, seed, language=language), *run)
        for seed in range(1, plan.seeds + 1)
        for language in ((True, False) if plan.plain else (True,))
        for run in plan.runs(seed, language=language)
    ]
    groups: dict[str, list[Path]] = {}
    for member in members:
        groups.setdefault(member.group, []).append(runs / member.run)
    missing = {group: len(paths) for group, paths in groups.items()}

    def one(member: _Member) -> None:
        later = sum(not (runs / other.run / CARD).is_file() for other in members) - 1
        train_and_test(runs / member.run, member.recipe, member.config, store, options, later=later)
        keep_result(runs / member.run, results)

    done: list[Path] = []
    for member, _ in shared(members, one):
        missing[member.group] -= 1
        if missing[member.group] == 0:
            done += _with_ensemble(groups[member.group], runs / member.group, results)
    return done


def _with_ensemble(members: list[Path], out: Path, results: Path) -> list[Path]:
    """The members and their ensemble, which one of several calls makes."""
    if len(members) < 2:
        return members
    for _ in shared([out], lambda out: _ensemble(members, out)):
        keep_result(out, results)
    return [*members, out]


def _ensemble(members: list[Path], out: Path) -> None:
    with locked(out):
        if not is_up_to_date(members, out):
            logger.info("%s: %s", out.name, summary_line(ensemble_runs(members, out).report))


def train_and_test(
    run: Path, name: str, config: RunConfig, store: ClipStore, options: TrainOptions, *, later: int = 0
) -> Path:
    """Whatever of one run is missing: started, continued, tested, or nothing. Returns its folder.

    `later`: how many runs of this kind are still to come, for the estimate of the time.

    Raises:
        FolderBusy: another process works on this run.
    """
    with locked(run):
        train(name, config, store, run, replace(options, resume=True, overwrite=False), later=later)
        if not (run / RESULT).is_file():
            logger.info("%s: %s", run.name, summary_line(measure_run(run, store, options.device).report))
    return run


def keep_result(run: Path, results: Path) -> Result:
    """A small copy that outlives the run folder; at once, so that a stopped call loses nothing."""
    result = read_result(run / RESULT)
    write_result(results / f"{run.name}.json", result)
    return result
