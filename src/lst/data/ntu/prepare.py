"""From the raw files of NTU RGB+D 60 or 120 to a store, with the numbers of the reference (data.md 1)."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, get_args

from lst.data.ntu.clip import Pipeline
from lst.data.ntu.counts import WANTED
from lst.data.ntu.files import SUFFIX, Outcome, Rules, Task, any_benchmark, convert_all, list_tasks
from lst.data.ntu.journal import Journal
from lst.data.ntu.notes import note_sentences
from lst.data.ntu.persons import ShortRule
from lst.data.store.clip_store import ClipStore, Problem, StoredClip, write_store
from lst.data.store.files import MANIFEST
from lst.data.store.prepared import Prepared, on_counts
from lst.data.store.raw_files import MARKER, RawFiles, under_another_ending
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import choose
from lst.facts.clip_ids import parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.shown import shown
from lst.files.whole import names_full_disk

ListedRule = Literal["leave_out", "use"]
"""What happens to the files on the published list of missing or incomplete skeletons."""

Progress = Callable[[Iterator[Outcome], int, int], Iterator[Outcome]]
"""See `prepare_ntu`."""

_RANGES = (
    "there are setups 1 to 32, cameras 1 to 3, subjects 1 to 106 (1 to 40 in ntu60), and actions 1 to 60 in "
    "setups 1 to 17, 61 to 120 in the others"
)
_EXPECTED = (
    "expected files such as S001C002P003R001A060.skeleton in the folder or zip (folders inside are fine)"
)


def _no_progress(outcomes: Iterator[Outcome], total: int, done: int) -> Iterator[Outcome]:
    return outcomes


def prepare_ntu(
    dataset: str,
    sources: str | Path | Sequence[str | Path],
    folder: str | Path,
    *,
    listed: ListedRule = "leave_out",
    short: ShortRule = "leave_out",
    pipeline: Pipeline = "reference",
    wanted: Collection[str] | None = None,
    workers: int = 1,
    progress: Progress = _no_progress,
    overwrite: bool = False,
) -> Prepared:
    """Make the store `folder` of "ntu60" or "ntu120" from `sources`: folders or zips with `.skeleton` files.

    A file that cannot be used is a problem, and the others go on. The joints are centred; only persons and
    frames that a file has are stored. The number of `workers` (processes) changes nothing in the store; with
    more than one, a script must call this below `if __name__ == "__main__":`.

    A run that was stopped at any moment, even by a kill, goes on when it is called again with the same
    arguments, and gives the same store. Its work so far waits in `<folder>.unfinished`.

    Args:
        listed: use or leave out the files on the published list of missing or incomplete skeletons.
        short: what the reference does with a file of several bodies, all of them shorter than 12 frames.
        pipeline: as all published results, or corrected.
        wanted: use these clips only; one that has no file is a problem.
        progress: called with (outcomes of files, number of all files, number of files that an earlier run has
            done); gives the outcomes on, for example through a progress bar.

    Raises:
        FileNotFoundError: a source does not exist.
        ValueError: an unknown choice, no usable clip, or `folder` may not be replaced.
    """
    rules = Rules(dataset, short, pipeline)
    _check_choices(rules, listed, workers)
    paths = [Path(path) for path in ([sources] if isinstance(sources, str | Path) else sources)]
    with names_full_disk(Path(folder)), ExitStack() as stack:
        raws = [stack.enter_context(RawFiles(path, SUFFIX)) for path in dict.fromkeys(paths)]
        run = _Run(rules, raws)
        tasks = run.choose_tasks(listed, wanted)
        journal = stack.enter_context(Journal(Path(folder), raws, tasks, rules))
        store = None if overwrite else _written_before(Path(folder), run, journal, len(tasks))
        if store is None:
            outcomes = journal.outcomes(
                lambda rest: progress(convert_all(raws, rest, rules, workers), len(tasks), journal.done)
            )
            store = write_store(
                folder,
                run.clips(outcomes),
                dataset=dataset,
                layout=any_benchmark(dataset).layout,
                source=run.source,  # filled while the clips are written
                problems=run.problems,
                overwrite=overwrite,
            )
    return Prepared(store, tuple(run.problems), tuple([*journal.remarks, *run.remarks(), *on_counts(store)]))


def _written_before(folder: Path, run: "_Run", journal: Journal, num_tasks: int) -> ClipStore | None:
    """The store, if a run was killed after its last step but before it could remove its journal."""
    if journal.done < num_tasks or not (folder / MANIFEST).exists():
        return None
    for _ in run.clips(journal.replay()):
        pass
    store = ClipStore.open(folder)
    return store if store.manifest["source"] == run.source else None  # None: it is another one


def _is_clip(clip_id: str, dataset: str) -> bool:
    try:
        return any_benchmark(dataset).rule(clip_id) is not None
    except ValueError:
        return False


def _check_choices(rules: Rules, listed: str, workers: int) -> None:
    any_benchmark(rules.dataset)
    for what, choice, known in (
        ("rule for listed files", listed, ListedRule),
        ("rule for short bodies", rules.short, ShortRule),
        ("pipeline", rules.pipeline, Pipeline),
    ):
        choose(what, choice, {name: name for name in get_args(known)})
    if workers < 1:
        raise ValueError(f"workers: expected at least 1 process, got {workers}")


class _Run:
    """What is learnt on the way from the raw files to the store.

    Attributes:
        source: for the manifest: pipeline, names, number and checksum of the files, "synthetic" if a source
            is marked as generated, and "notes": by kind (see `ntu_notes.NOTES`), the number for every clip.
        problems: files that cannot be used.
    """

    def __init__(self, rules: Rules, raws: Sequence[RawFiles]) -> None:
        self.dataset = rules.dataset
        self.raws = raws
        self.problems: list[Problem] = []
        self.notes: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.source: dict[str, Any] = {
            "name": " + ".join(raw.path.resolve().name for raw in raws),
            "pipeline": rules.pipeline,
            "files": sum(len(raw.files) for raw in raws),
            "ignored": sum(len(raw.ignored) for raw in raws),
        }
        if any(raw.is_synthetic for raw in raws):
            self.source["synthetic"] = True

    def choose_tasks(self, listed: ListedRule, wanted: Collection[str] | None) -> list[Task]:
        """The files to convert; the others become problems or notes."""
        self.problems += [
            Problem(name, None, "this folder may not be read") for raw in self.raws for name in raw.unreadable
        ]
        tasks = list_tasks(self.raws)
        if wanted is not None:
            names = frozenset(wanted)
            self.source[WANTED] = len(names)
            tasks = [task for task in tasks if task.clip_id in names]
            found = {task.clip_id for task in tasks}
            self.problems += [
                Problem(f"{clip_id}{SUFFIX}", None, "this clip is wanted, but there is no such file")
                for clip_id in sorted(names - found)
            ]
        left_out = ntu_missing_skeletons() if listed == "leave_out" else frozenset()
        self.problems += [
            Problem(name, None, under_another_ending(name, SUFFIX))
            for raw in self.raws
            for clip_id, name in raw.misnamed(lambda clip_id: _is_clip(clip_id, self.dataset))
            if clip_id not in left_out and (wanted is None or clip_id in wanted)
        ]
        for task in tasks:
            if task.clip_id in left_out:
                self.notes["listed"][task.clip_id] = 1
        return [task for task in tasks if task.clip_id not in left_out and self._belongs(task)]

    def _belongs(self, task: Task) -> bool:
        """Whether the clip is one of the data set, by its name."""
        try:
            if any_benchmark(self.dataset).rule(task.clip_id) is not None:
                return True
            if get_benchmark("ntu120-xsub").rule(task.clip_id) is not None:
                self.notes["other_dataset"][task.clip_id] = 1
                return False
            numbers = ", ".join(f"{k} {v}" for k, v in parse_ntu_id(task.clip_id)._asdict().items())
            text = f"is no clip of NTU RGB+D: {numbers}; {_RANGES}"
        except ValueError as error:
            text = str(error)
        self.problems.append(Problem(task.name, None, text))
        return False

    def clips(self, outcomes: Iterator[Outcome]) -> Iterator[StoredClip]:
        """The usable ones, each clip id once. Completes `source` after the last."""
        digest = hashlib.sha256()
        used: dict[str, str] = {}
        for outcome in outcomes:
            clip_id, name = outcome.task[:2]
            digest.update(f"{outcome.sha256}  {clip_id}{SUFFIX}\n".encode(errors="surrogateescape"))
            result = outcome.result
            if isinstance(result, Problem):
                self.problems.append(result)
            elif clip_id in used:
                text = f"clip {clip_id} was already read from {shown(used[clip_id])}; keep one of the two"
                self.problems.append(Problem(name, None, text))
            else:
                used[clip_id] = name
                for kind, count in outcome.notes.items():
                    self.notes[kind][clip_id] = count
                yield result
        if not used:
            raise ValueError(self._nothing_usable())
        self.source |= {"sha256": digest.hexdigest(), "notes": dict(self.notes)}

    def _nothing_usable(self) -> str:
        where = ", ".join(str(raw.path) for raw in self.raws)
        others = f" ({self.source['ignored']} other files)" if self.source["ignored"] else ""
        zips = [name for raw in self.raws for name in raw.ignored if name.lower().endswith(".zip")]
        hint = f" {shown(zips[0])} is a zip inside: name the zip itself." if zips else ""
        first = self.problems[0] if self.problems else None
        told = f" The first problem: {shown(first.file)}: {first.problem}." if first else ""
        return (
            f"{where}: no usable clip of {self.dataset} among {self.source['files']} {SUFFIX} files{others}; "
            f"{_EXPECTED}.{hint}{told}"
        )

    def remarks(self) -> list[str]:
        """A sentence for each kind of note, for files of another kind and for generated ones."""
        synthetic = [
            f"{raw.path}: synthetic clips, no recordings ({MARKER})" for raw in self.raws if raw.is_synthetic
        ]
        ignored = [
            f"{raw.path}: ignored {len(raw.ignored)} files of another kind, such as {shown(raw.ignored[0])}"
            for raw in self.raws
            if raw.ignored
        ]
        return [*synthetic, *ignored, *note_sentences(self.notes)]
