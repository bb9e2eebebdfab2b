"""`lst export-data` and `import-data`: files of other repositories."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import tyro

from lst.cli.data_verbs import print_prepared
from lst.data.exchange.npz_export import NPZ_LAYOUTS, export_npz
from lst.data.exchange.npz_import import import_npz
from lst.data.exchange.pyskl_import import import_pyskl
from lst.data.store.clip_store import ClipStore
from lst.data.store.prepared import Prepared
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
        if target.suffix.lower() != _NPZ or target.is_dir():
            raise ValueError(f"{target}: expected the name of an .npz file, such as NTU60_CS.npz")
        if target.exists() and not overwrite:
            raise ValueError(f"{target}: exists already. Choose another name, or --overwrite it.")
        opened, facts = ClipStore.open(store), get_benchmark(benchmark)
        export_npz(opened, facts, target, progress=_bar)
        counts = ", ".join(f"{len(opened.select(facts, split))} {split}" for split in get_args(Split))
        print(f"wrote {target}: {counts}, {target.stat().st_size / 1e6:.1f} MB")
        if opened.manifest["source"].get("synthetic"):
            print("note: the clips are synthetic, and an npz has no place to say so")

    tyro.cli(run, prog="lst export-data", args=args)


def import_data(args: Sequence[str]) -> None:
    """Data that other repositories prepared -> a store."""

    def run(
        paths: Annotated[
            tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="SOURCE [SOURCE] FOLDER")
        ],
        /,
        *,
        benchmark: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Read NTU RGB+D as other repositories prepared it, and write the store FOLDER.

        SOURCE is a .pkl of 3-D skeletons from pyskl or mmaction2, or an .npz of CTR-GCN's layout. The two
        .npz of a data set become one store for both protocols; several .pkl are joined by clip id.

        Args:
            paths: Such as ntu120_3danno.pkl data/ntu120; train.pkl val.pkl data/ntu60; or NTU120_CSub.npz
                NTU120_CSet.npz data/ntu120.
            benchmark: The one a single .npz was made for, if its name does not say so: such as ntu60-xsub.
            overwrite: Replace a store that is there already.
        """
        sources, folder = _sources_and_folder(paths)
        print_prepared(_import(sources, folder, benchmark, overwrite=overwrite))

    tyro.cli(run, prog="lst import-data", args=args)


def _sources_and_folder(paths: Sequence[Path]) -> tuple[Sequence[Path], Path]:
    endings = [path.suffix.lower() for path in paths]
    if len(paths) < 2 or endings[-1] in (_NPZ, *_PICKLES):
        raise ValueError(
            f"lst import-data needs SOURCE and FOLDER, the folder last; got "
            f"{' '.join(map(str, paths)) or 'nothing'}. Example: lst import-data NTU60_CS.npz data/ntu60-xsub"
        )
    if len(paths) > 2 and set(endings[:-1]) != {_NPZ} and not set(endings[:-1]) <= set(_PICKLES):
        raise ValueError(
            f"lst import-data got {len(paths) - 1} sources: {', '.join(map(str, paths[:-1]))}. Only .npz of "
            "one data set, or only .pkl, can be joined; import others into folders of their own"
        )
    return paths[:-1], paths[-1]


def _import(sources: Sequence[Path], folder: Path, benchmark: str | None, *, overwrite: bool) -> Prepared:
    source, *others = sources
    if source.suffix.lower() == _NPZ:
        if others and benchmark is not None:
            raise ValueError(
                f"--benchmark {benchmark} is for a single .npz. Of several each must say by its name which "
                f"benchmark it was made for: {_npz_names()}"
            )
        made_for = [(path, _benchmark_of(path, benchmark)) for path in sources]
        return import_npz(made_for, folder, progress=_bar, overwrite=overwrite)
    if source.suffix.lower() not in _PICKLES:
        raise ValueError(f"{source}: expected an .npz of CTR-GCN's layout or a .pkl of pyskl or mmaction2")
    if benchmark is not None:
        raise ValueError(
            f"--benchmark {benchmark} is for an .npz. A .pkl carries clip names, so its store serves all "
            "benchmarks of the data set: leave --benchmark out."
        )
    return import_pyskl(sources, folder, overwrite=overwrite)


def _bar(clips: Iterator[Any], total: int, what: str) -> Iterator[Any]:
    """A bar with the time left, on a terminal only."""
    from tqdm import tqdm

    return iter(tqdm(clips, total=total, desc=what, unit=" clips", disable=None))


def _npz_names() -> str:
    return ", ".join(f"{layout.name}.npz" for layout in NPZ_LAYOUTS.values())


def _benchmark_of(source: Path, chosen: str | None) -> Benchmark:
    """Of an `.npz`: by its well-known name, or as the user says."""
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file. Give an npz.")
    by_name = _BENCHMARKS.get(source.stem.lower())
    if chosen is None and by_name is None:
        raise ValueError(
            f"{source}: say with --benchmark which benchmark it was made for ({', '.join(NPZ_LAYOUTS)}). "
            f"Only {_npz_names()} say so by their names."
        )
    if chosen is not None and by_name not in (None, chosen):
        raise ValueError(
            f"{source}: by its name it was made for {by_name}, but --benchmark says {chosen}. Leave "
            "--benchmark out, or rename the file if the name is wrong."
        )
    return get_benchmark(chosen or by_name or "")
