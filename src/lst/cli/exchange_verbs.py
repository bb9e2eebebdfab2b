"""`lst export-data` and `import-data`: files of other repositories."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import tyro

from lst.cli.data_verbs import print_prepared
from lst.data.ntu_export import NPZ_LAYOUTS, export_npz
from lst.data.ntu_import import import_npz
from lst.data.prepare import Prepared
from lst.data.pyskl_import import import_pyskl
from lst.data.store import ClipStore
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.choices import Split

_NPZ, _PICKLES = ".npz", (".pkl", ".pickle")
_BENCHMARKS = {layout.name.lower(): name for name, layout in NPZ_LAYOUTS.items()}


def export_data(args: Sequence[str]) -> None:
    """A store -> the npz of other repositories."""

    def run(
        store: tyro.conf.Positional[Path],
        benchmark: tyro.conf.Positional[str],
        target: tyro.conf.Positional[Path],
        /,
        *,
        overwrite: bool = False,
    ) -> None:
        """Write the .npz of a benchmark in CTR-GCN's layout, which many repositories read.

        Args:
            store: Such as data/ntu60.
            benchmark: Such as ntu60-xsub.
            target: File to write, such as NTU60_CS.npz.
            overwrite: Replace a file that is there already.
        """
        if target.exists() and not overwrite:
            raise ValueError(f"{target}: exists already. Choose another name, or --overwrite it.")
        opened, facts = ClipStore.open(store), get_benchmark(benchmark)
        export_npz(opened, facts, target)
        counts = ", ".join(f"{len(opened.select(facts, split))} {split}" for split in get_args(Split))
        print(f"wrote {target}: {counts}, {target.stat().st_size / 1e6:.1f} MB")
        if opened.manifest["source"].get("synthetic"):
            print("note: the clips are synthetic, and an npz has no place to say so")

    tyro.cli(run, prog="lst export-data", args=args)


def import_data(args: Sequence[str]) -> None:
    """Data that other repositories prepared -> a store."""

    def run(
        paths: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="SOURCE FOLDER")],
        /,
        *,
        benchmark: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Read NTU RGB+D as other repositories prepared it, and write the store FOLDER.

        SOURCE is an .npz of CTR-GCN's layout, or a .pkl of 3-D skeletons from pyskl or mmaction2.

        Args:
            paths: Such as NTU60_CS.npz data/ntu60-xsub, or ntu120_3danno.pkl data/ntu120.
            benchmark: The one that an .npz was made for, if its name does not say so: such as ntu60-xsub.
            overwrite: Replace a store that is there already.
        """
        source, folder = _source_and_folder(paths)
        print_prepared(_import(source, folder, benchmark, overwrite=overwrite))

    tyro.cli(run, prog="lst import-data", args=args)


def _source_and_folder(paths: Sequence[Path]) -> tuple[Path, Path]:
    sources = [path for path in paths if path.suffix.lower() in (_NPZ, *_PICKLES)]
    if len(sources) > 1 and all(path.suffix.lower() == _NPZ for path in sources):
        raise ValueError(
            f"lst import-data got {len(sources)} sources. Several .npz of one data set cannot be joined, "
            "because they carry no clip names: nothing says which rows are the same clip. Import each into "
            "a folder of its own; each store is good for its own benchmark."
        )
    if len(sources) > 1:
        raise ValueError(f"lst import-data got {len(sources)} sources; import each into a folder of its own")
    if len(paths) != 2:
        raise ValueError(
            f"lst import-data needs SOURCE and FOLDER, got {len(paths)} names; for example: "
            "lst import-data NTU60_CS.npz data/ntu60-xsub"
        )
    return paths[0], paths[1]


def _import(source: Path, folder: Path, benchmark: str | None, *, overwrite: bool) -> Prepared:
    if source.suffix.lower() == _NPZ:
        return import_npz(source, _benchmark_of(source, benchmark), folder, overwrite=overwrite)
    if source.suffix.lower() not in _PICKLES:
        raise ValueError(f"{source}: expected an .npz of CTR-GCN's layout or a .pkl of pyskl or mmaction2")
    if benchmark is not None:
        raise ValueError(
            f"--benchmark {benchmark} is for an .npz. A .pkl carries clip names, so its store serves all "
            "benchmarks of the data set: leave --benchmark out."
        )
    return import_pyskl(source, folder, overwrite=overwrite)


def _benchmark_of(source: Path, chosen: str | None) -> Benchmark:
    """Of an `.npz`: by its well-known name, or as the user says."""
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file. Give an npz.")
    by_name = _BENCHMARKS.get(source.stem.lower())
    if chosen is None and by_name is None:
        names = ", ".join(f"{layout.name}.npz" for layout in NPZ_LAYOUTS.values())
        raise ValueError(
            f"{source}: say with --benchmark which benchmark it was made for ({', '.join(NPZ_LAYOUTS)}). "
            f"Only {names} say so by their names."
        )
    if chosen is not None and by_name not in (None, chosen):
        raise ValueError(
            f"{source}: by its name it was made for {by_name}, but --benchmark says {chosen}. Leave "
            "--benchmark out, or rename the file if the name is wrong."
        )
    return get_benchmark(chosen or by_name or "")
