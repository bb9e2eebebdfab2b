"""`lst prepare` and `synthesize`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tyro

from lst.cli import own_verbs
from lst.cli.announce import Announced
from lst.cli.info_verbs import print_splits
from lst.data.ntu.clip import Pipeline
from lst.data.ntu.files import Outcome, usable_cores
from lst.data.ntu.prepare import prepare_ntu
from lst.data.prepare import prepare_nw_ucla, prepare_synthetic
from lst.data.store.prepared import Prepared
from lst.data.synthetic.raw_folder import synthesize_ntu
from lst.facts.choices import choose
from lst.facts.shown import printable, shown
from lst.facts.wording import command, plural

DATASETS = {
    "nw-ucla": "all_sqe.zip or the folder all_sqe",
    "ntu60": "nturgb+d_skeletons, a folder or the zip",
    "ntu120": "nturgb+d_skeletons and nturgb+d_skeletons120, folders or zips",
    "synthetic": "no source: the clips are made",
}
NTU = ("ntu60", "ntu120")


def prepare(args: Sequence[str]) -> None:
    """Raw files -> a store."""
    if args[:1] == ["own"]:
        return own_verbs.prepare(args[1:])

    def run(
        dataset: tyro.conf.Positional[str],
        sources: tyro.conf.Positional[tuple[Path, ...]] = (),
        /,
        *,
        out: Path | None = None,
        overwrite: bool = False,
        seed: int | None = None,
        workers: int | None = None,
        pipeline: Pipeline = "reference",
        strict: bool = False,
    ) -> None:
        """Raw files of a data set -> one store that serves all its protocols.

        Args:
            dataset: nw-ucla, ntu60, ntu120, or synthetic (made by lst, no source).
            sources: Zips as downloaded, or folders.
            out: Folder to write; data/DATASET if not given, data/DATASET-clean for the clean pipeline.
            overwrite: Replace a store that is there already.
            seed: For synthetic clips only.
            workers: Processes, for NTU only; as many as there are cores if not given.
            pipeline: NTU only. Reference: the numbers of published results. Clean: without their oddities.
            strict: Exit status 1 if a file was left out. The store is written all the same.
        """
        expected = choose("data set", dataset, DATASETS)
        if pipeline != "reference" and dataset not in NTU:
            raise ValueError(f"--pipeline {pipeline} is for {' and '.join(NTU)}, not for {dataset}")
        if seed is not None and dataset != "synthetic":
            raise ValueError(f"--seed is for synthetic clips, not for {dataset}, where nothing is random")
        folder = out or Path("data") / (dataset if pipeline == "reference" else f"{dataset}-{pipeline}")
        if not sources and dataset != "synthetic":
            raise ValueError(f"lst prepare {dataset} needs its source: {expected}")
        if dataset in NTU:
            count = usable_cores() if workers is None else workers
            prepared = prepare_ntu(
                dataset,
                sources,
                folder,
                pipeline=pipeline,
                workers=count,
                progress=_bar,
                overwrite=overwrite,
            )
        else:
            prepared = _prepare_other(dataset, sources, folder, overwrite=overwrite, seed=seed or 0)
        print_prepared(prepared)
        if strict and prepared.problems:
            raise SystemExit(1)

    tyro.cli(run, prog="lst prepare", args=args)


def _prepare_other(
    dataset: str, sources: Sequence[Path], folder: Path, *, overwrite: bool, seed: int
) -> Prepared:
    if len(sources) != (dataset != "synthetic"):
        raise ValueError(f"lst prepare {dataset} got {len(sources)} sources; expected {DATASETS[dataset]}")
    if dataset == "synthetic":
        return prepare_synthetic(folder, seed=seed, overwrite=overwrite)
    return prepare_nw_ucla(sources[0], folder, overwrite=overwrite)


def synthesize(args: Sequence[str]) -> None:
    """Synthetic raw files in NTU's format."""

    def run(
        dataset: tyro.conf.Positional[str],
        folder: tyro.conf.Positional[Path],
        /,
        *,
        clips: int = 500,
        seed: int = 0,
    ) -> None:
        """Write .skeleton files of generated figures, to try everything that reads NTU RGB+D. No recordings.

        Args:
            dataset: ntu60 or ntu120, whose names and classes they have.
            folder: New folder; SYNTHETIC.json in it says what it is.
            clips: Number of files, 0.3 MB each.
            seed: Other clips for another seed.
        """
        size = synthesize_ntu(dataset, folder, clips=clips, seed=seed)
        print(f"{folder}: {plural(clips, 'synthetic clip')}, {size / 1e6:.1f} MB, no recordings")
        out = f"data/{dataset}-synthetic"
        print(f"next: {command('prepare', dataset, folder, '--out', out)}")

    tyro.cli(run, prog="lst synthesize", args=args)


def _bar(outcomes: Iterator[Outcome], total: int, done: int) -> Iterator[Outcome]:
    """A bar with the time left, on a terminal only."""
    from tqdm import tqdm

    begun = Announced(total, done, "file")
    for number, outcome in enumerate(
        tqdm(outcomes, total=total, initial=done, unit=" files", disable=None), start=1
    ):
        begun.at(done + number)
        yield outcome
    if sys.stderr.isatty():
        print("looking for poses that clips share ...", file=sys.stderr)


def print_prepared(prepared: Prepared, next_step: str = "") -> None:
    """What was left out and why, what else to know, and the splits."""
    store = prepared.store
    for problem in prepared.problems[:20]:
        line = "" if problem.line is None else f":{problem.line}"
        print(f"left out {shown(problem.file)}{line}: {shown(problem.problem, 500)}")
    if len(prepared.problems) > 20:
        print(f"... and {len(prepared.problems) - 20} more in {store.folder / 'problems.csv'}")
    for remark in prepared.remarks:
        print(f"note: {printable(remark)}")
    print(
        f"{store.folder}: {plural(len(store), 'clip')}, {plural(int(store.frames.sum()), 'frame')}, "
        f"{plural(len(prepared.problems), 'file')} left out"
    )
    print_splits(store.summary())
    print(f"next: {next_step or command('info', store.folder)}")
