"""From raw files to a store."""

from pathlib import Path

from lst.data import nw_ucla
from lst.data.store.clip_store import Problem, write_store
from lst.data.store.prepared import Prepared, on_counts
from lst.data.store.raw_files import RawFiles, under_another_ending
from lst.data.synthetic.clips import LAYOUT, synthetic_clips
from lst.facts.shown import shown


def prepare_nw_ucla(source: str | Path, folder: str | Path, *, overwrite: bool = False) -> Prepared:
    """Make the store `folder` from `source`: the folder `all_sqe`, or the zip as it was downloaded.

    Raises:
        FileNotFoundError: there is no `source`.
        ValueError: `source` has no usable clip, or `folder` may not be replaced.
    """
    problems: list[Problem] = []
    with RawFiles(Path(source), ".json") as raw:
        problems += [Problem(name, None, "this folder may not be read") for name in raw.unreadable]
        problems += [
            Problem(name, None, under_another_ending(name, ".json"))
            for _, name in raw.misnamed(nw_ucla.is_clip_id)
        ]
        sha256 = nw_ucla.checksum(raw.files)
        official = sha256 == nw_ucla.OFFICIAL_SHA256
        facts = {
            "name": Path(source).resolve().name,
            "sha256": sha256,
            "official": official,
            "files": len(raw.files),
            "ignored": len(raw.ignored),
            **({"synthetic": True} if raw.is_synthetic else {}),
        }
        store = write_store(
            folder,
            nw_ucla.read_nw_ucla(raw, problems),
            dataset="nw-ucla",
            layout="kinect_v1_20",
            source=facts,
            problems=problems,
            overwrite=overwrite,
        )
        remarks = [*_on_ignored(raw), *on_counts(store)]
    if not official:
        remarks.append(
            f"{source}: not exactly the distributed files (SHA-256 {sha256}, "
            f"expected {nw_ucla.OFFICIAL_SHA256})"
        )
    return Prepared(store, tuple(problems), tuple(remarks))


def _on_ignored(raw: RawFiles) -> list[str]:
    if not raw.ignored:
        return []
    ignored, total = len(raw.ignored), len(raw.ignored) + len(raw.files)
    return [
        f"{raw.path}: ignored {ignored} of {total} files (hidden or of another kind), such as "
        f"{shown(raw.ignored[0])}"
    ]


def prepare_synthetic(folder: str | Path, *, seed: int = 0, overwrite: bool = False) -> Prepared:
    """Make the store of the built-in synthetic clips (no recording): see `lst.data.synthetic.clips`."""
    store = write_store(
        folder,
        synthetic_clips(seed=seed),
        dataset="synthetic",
        layout=LAYOUT,
        source={"name": "lst.data.synthetic", "seed": seed, "synthetic": True},
        problems=[],
        overwrite=overwrite,
    )
    return Prepared(store, (), tuple(on_counts(store)))
