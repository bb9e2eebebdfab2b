"""Which store a verb works on: the one named, that of the run, or data/<data set>."""

from pathlib import Path
from typing import get_args

from lst.data.store.clip_store import ClipStore
from lst.data.store.files import MANIFEST
from lst.facts.benchmarks import BENCHMARKS, get_benchmark
from lst.facts.choices import Split


def open_data(benchmark_name: str, data: Path | None) -> ClipStore:
    """The store of a benchmark, in data/<data set> unless a folder is given; says what is missing in it.

    With a folder also a store of one's own that has a benchmark of this name.
    """
    if benchmark_name not in BENCHMARKS and data is not None:
        store = ClipStore.open(data)
        store.benchmark(benchmark_name)
        return store
    benchmark = get_benchmark(benchmark_name)
    folder = data or Path("data") / benchmark.dataset
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no store there. Make it with `lst prepare {benchmark.dataset} ...`, "
            "or name it with --data."
        )
    store = ClipStore.open(folder)
    counts = {split: len(store.select(benchmark, split)) for split in get_args(Split)}
    for remark in benchmark.check_counts(counts):
        print(f"note: {remark}")
    return store


def say_notice(benchmark_name: str) -> None:
    """What everyone who quotes results of this protocol must know; after the results, once."""
    if (benchmark := BENCHMARKS.get(benchmark_name)) is not None and benchmark.notice:
        print(f"note: {benchmark.notice}")


def open_data_of(run: Path, data: Path | None) -> ClipStore:
    """The store of a finished run: --data, else the folder it was trained from, else data/<data set>.

    Raises:
        FileNotFoundError: the run is not finished, or its store is not there.
    """
    from lst.nets.checkpoint import read_card

    card = read_card(run)
    if data is None and card["benchmark"] not in BENCHMARKS:
        data = _trained_from(run) or Path("data") / str(card.get("dataset", card["benchmark"]))
        if not data.is_dir():
            raise FileNotFoundError(
                f"{data}: the store of {run} is not there; name it with --data, or prepare it again"
            )
    return open_data(card["benchmark"], data)


def own_store(name: str) -> ClipStore | None:
    """The store of one's own that a verb is given instead of a recipe; None if `name` is no folder of one.

    Raises:
        ValueError: a store of a published data set, which has recipes of its own.
    """
    folder = Path(name)
    if not folder.is_dir() or not (folder / MANIFEST).is_file():
        return None
    store = ClipStore.open(folder)
    if store.is_published:
        recipe = "demo" if store.dataset == "synthetic" else store.benchmark_names[0]
        raise ValueError(
            f"{folder}: holds the published data set {store.dataset!r}; name its recipe: "
            f"lst train {recipe}-joint --data {folder}"
        )
    return store


def _trained_from(run: Path) -> Path | None:
    """The folder of the store that a run was started with, if it is still there."""
    from lst.training.run_folder import RECIPE, read_recipe

    if not (run / RECIPE).is_file():
        return None
    folder = read_recipe(run).data
    return folder if folder is not None and folder.is_dir() else None
