"""`lst prepare`, `synthesize`, `info`, `export-data` and `import-data`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from lst.data.ntu_export import export_npz
from lst.data.ntu_import import import_npz
from lst.data.prepare import Prepared, prepare_nw_ucla, prepare_synthetic
from lst.data.prepare_ntu import prepare_ntu
from lst.data.store import ClipStore
from lst.data.synthesize import synthesize_ntu
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import choose

DATASETS = {
    "nw-ucla": "all_sqe.zip or the folder all_sqe",
    "ntu60": "nturgb+d_skeletons, a folder or the zip",
    "ntu120": "nturgb+d_skeletons and nturgb+d_skeletons120, folders or zips",
    "synthetic": "no source: the clips are made",
}


def prepare(args: Sequence[str]) -> None:
    """Raw files -> a store."""

    def run(
        dataset: tyro.conf.Positional[str],
        sources: tyro.conf.Positional[tuple[Path, ...]] = (),
        /,
        *,
        out: Path | None = None,
        overwrite: bool = False,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        """Raw files of a data set -> one store that serves all its protocols.

        Args:
            dataset: nw-ucla, ntu60, ntu120, or synthetic (made by lst, no source).
            sources: Zips as downloaded, or folders.
            out: Folder to write; data/DATASET if not given.
            overwrite: Replace a store that is there already.
            seed: For synthetic clips only.
            workers: Processes, for NTU only.
        """
        expected = choose("data set", dataset, DATASETS)
        folder = out or Path("data") / dataset
        if not sources and dataset != "synthetic":
            raise ValueError(f"lst prepare {dataset} needs its source: {expected}")
        _print_prepared(_prepare(dataset, sources, folder, overwrite=overwrite, seed=seed, workers=workers))

    tyro.cli(run, prog="lst prepare", args=args)


def _prepare(
    dataset: str, sources: Sequence[Path], folder: Path, *, overwrite: bool, seed: int, workers: int
) -> Prepared:
    if dataset in ("ntu60", "ntu120"):
        return prepare_ntu(dataset, sources, folder, workers=workers, overwrite=overwrite)
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
        print(f"{folder}: {clips} synthetic clips, {size / 1e6:.1f} MB, no recordings")
        print(f"next: lst prepare {dataset} {folder} --out data/{dataset}-synthetic")

    tyro.cli(run, prog="lst synthesize", args=args)


def export_data(args: Sequence[str]) -> None:
    """A store -> the npz of other repositories."""

    def run(
        store: tyro.conf.Positional[Path],
        benchmark: tyro.conf.Positional[str],
        target: tyro.conf.Positional[Path],
        /,
    ) -> None:
        """Write the .npz of a benchmark in CTR-GCN's layout, which many repositories read.

        Args:
            store: Such as data/ntu60.
            benchmark: Such as ntu60-xsub.
            target: File to write, such as NTU60_CS.npz.
        """
        export_npz(ClipStore.open(store), get_benchmark(benchmark), target)
        print(f"wrote {target}")

    tyro.cli(run, prog="lst export-data", args=args)


def import_data(args: Sequence[str]) -> None:
    """The npz of other repositories -> a store."""

    def run(
        source: tyro.conf.Positional[Path],
        benchmark: tyro.conf.Positional[str],
        /,
        *,
        out: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        """Read the .npz of a benchmark in CTR-GCN's layout. It has no clip names, so names are made up.

        Args:
            source: Such as NTU60_CS.npz.
            benchmark: The one it was made for, such as ntu60-xsub.
            out: Folder to write; data/BENCHMARK-imported if not given.
            overwrite: Replace a store that is there already.
        """
        folder = out or Path("data") / f"{benchmark}-imported"
        _print_prepared(import_npz(source, get_benchmark(benchmark), folder, overwrite=overwrite))

    tyro.cli(run, prog="lst import-data", args=args)


def _print_prepared(prepared: Prepared) -> None:
    store = prepared.store
    for problem in prepared.problems[:20]:
        line = "" if problem.line is None else f":{problem.line}"
        print(f"left out {problem.file}{line}: {problem.problem}")
    if len(prepared.problems) > 20:
        print(f"... and {len(prepared.problems) - 20} more in {store.folder / 'problems.csv'}")
    for remark in prepared.remarks:
        print(f"note: {remark}")
    print(
        f"{store.folder}: {len(store)} clips, {len(store.joints)} frames, {len(prepared.problems)} left out"
    )
    _print_splits(store.summary())
    print(f"next: lst info {store.folder}")


def _print_splits(summary: dict[str, Any]) -> None:
    for name, facts in summary["benchmarks"].items():
        counts = " / ".join(f"{facts[split]['clips']} {split}" for split in ("train", "test"))
        copied = len(facts["copied_from_train"])
        print(f"  {name:<16} {counts}" + (f", {copied} test clips copied from training" if copied else ""))


def info(args: Sequence[str]) -> None:
    """What is in a store or a run."""

    def run(path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="STORE|RUN")]) -> None:
        """Clips, classes, splits, lengths and defects of a store; or what a run is and what it reached.

        Args:
            path: A store such as data/nw-ucla, or a run such as runs/nw-ucla-joint.
        """
        if (path / "card.json").is_file() or (path / "recipe.json").is_file():
            from lst.cli.show_verbs import print_card

            return print_card(path)  # says so when the run is not finished
        if (path / "result.json").is_file():
            from lst.evaluation.results import one_line, read_result

            return print(one_line(read_result(path / "result.json")))
        return _print_store(ClipStore.open(path))

    tyro.cli(run, prog="lst info", args=args)


def _print_store(store: ClipStore) -> None:
    summary = store.summary()
    source, lengths = summary["source"], summary["lengths"]
    print(f"{store.folder}: {summary['dataset']}, layout {summary['layout']}, {summary['clips']} clips")
    print(f"  source   {source.get('name')}{_kind_of(source)}")
    print(
        f"  frames   {lengths['total']}, per clip {lengths['min']} / {lengths['median']} / {lengths['max']}"
    )
    print(f"  left out {summary['problems']} files" + (" (problems.csv)" if summary["problems"] else ""))
    _print_splits(summary)
    first = next(iter(summary["benchmarks"].values()))
    print(f"  {'class':<28} train  test")
    for name, count in first["train"]["classes"].items():
        print(f"  {name:<28} {count:>5} {first['test']['classes'][name]:>5}")
    for facts in summary["benchmarks"].values():
        for remark in facts["remarks"]:
            print(f"  note: {remark}")
    _print_defects(summary["defects"])


def _kind_of(source: dict[str, Any]) -> str:
    if source.get("synthetic"):
        return " (synthetic clips, no recordings)"
    return " (the distributed files)" if source.get("official") else ""


def _print_defects(defects: dict[str, list[Any]]) -> None:
    """Facts about the data that are no errors; the first three of each kind."""
    for kind, found in defects.items():
        if found:
            shown = ", ".join(_defect_text(item) for item in found[:3])
            more = ", ... (all in manifest.json)" if len(found) > 3 else ""
            print(f"  {kind.replace('_', ' ')}: {len(found)}: {shown}{more}")


def _defect_text(item: Any) -> str:
    if isinstance(item, dict) and "clips" in item:
        return f"{' + '.join(item['clips'])} ({item['frames']})"
    if isinstance(item, dict):
        joints = f" joints {item['joints']}" if "joints" in item else ""
        return f"{item['clip']} frame {item['frame']}{joints}"
    return " = ".join(item) if isinstance(item, list) else str(item)
