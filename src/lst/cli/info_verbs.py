"""`lst info`: what is in a store or a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from lst.cli.places import existing_folder
from lst.cli.run_card import print_run
from lst.data.ntu.counts import StoreCounts, why_not_counted, write_differences
from lst.data.store.clip_store import ClipStore
from lst.facts.wording import plural


def info(args: Sequence[str]) -> None:
    """What is in a store or a run."""

    def run(
        path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="STORE|RUN")],
        /,
        *,
        differences: Path | None = None,
    ) -> None:
        """Clips, classes, splits, lengths and defects of a store; or what a run is and what it reached.

        Args:
            path: A store such as data/nw-ucla, or a run such as runs/nw-ucla-joint.
            differences: CSV file to write with every clip in which an NTU store differs from the data set.
        """
        existing_folder(path, "a store or a run")
        if differences is not None:
            return _write_differences(ClipStore.open(path), differences)
        if (path / "card.json").is_file() or (path / "recipe.json").is_file():
            return print_run(path)
        if (path / "result.json").is_file():
            from lst.evaluation.results import one_line, read_result

            return print(one_line(read_result(path / "result.json")))
        return _print_store(ClipStore.open(path))

    tyro.cli(run, prog="lst info", args=args)


def _print_store(store: ClipStore) -> None:
    summary = store.summary()
    source, lengths = summary["source"], summary["lengths"]
    clips, layout = plural(summary["clips"], "clip"), summary["layout"]
    print(f"{store.folder}: {summary['dataset']}, layout {layout}, {clips}")
    print(f"  source   {source.get('name')}{_kind_of(source)}")
    if "pipeline" in source:
        print(f"  pipeline {source['pipeline']}")
    print(
        f"  frames   {lengths['total']}, per clip {lengths['min']} / {lengths['median']} / {lengths['max']}"
    )
    print(
        f"  left out {plural(summary['problems'], 'file')}"
        + (" (problems.csv)" if summary["problems"] else "")
    )
    _print_own_facts(store, summary)
    print_splits(summary)
    _print_classes(summary["benchmarks"])
    for facts in summary["benchmarks"].values():
        own_notice = [] if store.is_published or facts["notice"] is None else [facts["notice"]]
        for remark in [*facts["remarks"], *own_notice]:
            print(f"  note: {remark}")
    if why_not_counted(store) is None:
        _print_counts(StoreCounts(store))
    _print_defects(summary["defects"])


def _print_own_facts(store: ClipStore, summary: dict[str, Any]) -> None:
    """What stores of one's own carry: coordinates, what was done to them, groups."""
    if store.coordinates is not None:
        print(f"  numbers  {store.coordinates}")
    if converted := summary["source"].get("converted"):
        print(f"  changed  {'; '.join(map(str, converted))}")
    if groups := summary["groups"]:
        shown = ", ".join(f"{name} {clips}" for name, clips in list(groups.items())[:6])
        more = ", ..." if len(groups) > 6 else ""
        assert store.facts is not None
        print(f"  {store.facts.groups}: {plural(len(groups), 'group')} (clips): {shown}{more}")


def _print_classes(benchmarks: dict[str, Any]) -> None:
    """Clips of every class, in the first benchmark."""
    if not benchmarks:
        return print("  no class names and no splits")
    first = next(iter(benchmarks.values()))
    print(f"  {'class':<28} train  test")
    train, test = first["train"]["classes"], first["test"]["classes"]
    shown = [name for name in train if train[name] + test[name]]
    for name in shown:
        print(f"  {name if len(name) <= 28 else name[:25] + '...':<28} {train[name]:>5} {test[name]:>5}")
    if len(shown) < len(train):
        hidden = len(train) - len(shown)
        print(f"  and {plural(hidden, 'class')} without a clip")


def _write_differences(store: ClipStore, path: Path) -> None:
    written = write_differences(StoreCounts(store), path)
    print(f"{path}: {written:,} differences of {store.folder} to {store.manifest['dataset']}")


_SURPLUS = {
    "listed": "on the published list of missing skeletons, but used",
    "problem": "file cannot be used (problems.csv)",
    "no_file": "no file, though there is one of the same recording",
    "no_recording": "of recordings without any file",
    "extra": "of more recordings of this split than the data set has",
}


def _print_counts(counts: StoreCounts) -> None:
    """Why the numbers of clips are not the published ones, if so."""
    found, expected = len(counts.recordings), counts.num_expected_recordings
    surpluses = counts.surpluses()
    as_published = "" if surpluses else ", all clips as published"
    print(f"  counts   {found} of {expected} recordings (setup, subject, replication){as_published}")
    for benchmark, split, reason, clips in surpluses:
        print(f"    {benchmark:<12} {split:<5} {clips:>+8,} {_SURPLUS[reason]}")
    if surpluses:
        print(f"    clip by clip: lst info {counts.store.folder} --differences FILE.csv")


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


def print_splits(summary: dict[str, Any]) -> None:
    for name, facts in summary["benchmarks"].items():
        counts = " / ".join(f"{facts[split]['clips']} {split}" for split in ("train", "test"))
        copied = len(facts["copied_from_train"])
        print(f"  {name:<16} {counts}" + (f", {copied} test clips copied from training" if copied else ""))
