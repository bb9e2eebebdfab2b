"""A store from a pickle of pyskl or mmaction2 with the 3-D skeletons of NTU RGB+D (data.md 3).

The clips carry their NTU names, so one store serves all protocols. The numbers are not those of the
reference: pyskl chooses and orders persons by other rules and rounds to float16. It does not centre; that is
done here, because the input steps expect it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.exchange.pyskl_clip import axes_hint, clip_id_of, pre_normalised, read_annotation
from lst.data.exchange.pyskl_splits import split_remarks
from lst.data.exchange.safe_pickle import load_plain_pickle
from lst.data.ntu.files import any_benchmark
from lst.data.ntu.notes import note_sentences
from lst.data.store.clip_store import Problem, StoredClip, write_store
from lst.data.store.prepared import Prepared, on_counts
from lst.facts.clip_ids import ntu_id_in, parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.shown import shown, shown_value
from lst.facts.skeleton import LAYOUTS

_EXPECTED = (
    "expected a dictionary with `split` and `annotations`, or a list of annotations, as in pyskl's "
    "ntu60_3danno.pkl and ntu120_3danno.pkl"
)


def import_pyskl(
    paths: str | Path | Sequence[str | Path], folder: str | Path, *, overwrite: bool = False
) -> Prepared:
    """Make the store `folder` of ntu60 or ntu120 from a pickle, without running code from it.

    Several pickles, such as train.pkl and val.pkl of mmaction2, become one store. Their whole content is in
    memory meanwhile. An annotation that cannot be used becomes a problem, the others
    go on. The data set is ntu120 if any clip id has an action above 60 or a setup above 17.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the pickle is damaged or holds more than plain data, is of 2-D poses or of another data
            set, or has no usable annotation.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if len({path.resolve() for path in files}) < len(files) or not files:
        raise ValueError(f"expected different pickles, got {', '.join(map(str, files)) or 'none'}")
    annotations: list[tuple[Path, Any]] = []
    splits: defaultdict[str, list[Any]] = defaultdict(list)
    for path in files:
        found, listed = _parts(path, load_plain_pickle(path))
        _check_poses(path, found)
        annotations += [(path, entry) for entry in found]
        for name, clip_ids in listed.items():
            splits[name].append(clip_ids)
    run = _Run(files, annotations)
    store = write_store(
        folder,
        run.clips(),
        dataset=run.benchmark.dataset,
        layout=run.benchmark.layout,
        source=run.source,  # filled while the clips are written
        problems=run.problems,
        overwrite=overwrite,
    )
    remarks = [
        *run.remarks(),
        *split_remarks(_joined(splits), run.benchmark.dataset, {*store.clip_ids, *run.notes["listed"]}),
        *on_counts(store),
        f"{store.folder}: prepared by pyskl's rules, so results are not comparable with published ones of "
        "CTR-GCN's preparation",
    ]
    return Prepared(store, tuple(run.problems), tuple(remarks))


def _parts(path: Path, content: Any) -> tuple[list[Any], Mapping[str, Any]]:
    """Annotations and split lists of either form."""
    splits: Any = {}
    if isinstance(content, dict):
        splits, content = content.get("split", {}), content.get("annotations")
    if isinstance(content, np.ndarray):
        raise ValueError(
            f"{path}: holds one array of shape {shown_value(content.shape)}; {_EXPECTED}{_axes(content)}"
        )
    if not isinstance(content, list) or not isinstance(splits, dict):
        raise ValueError(f"{path}: is no pickle of pyskl or mmaction2; {_EXPECTED}")
    if not content:
        raise ValueError(f"{path}: holds no annotation; {_EXPECTED}")
    return content, splits


def _axes(array: np.ndarray) -> str:
    if array.ndim != 5 or array.shape[1::2] != (3, 25):
        return ""
    return (
        ". By its shape its axes are (clips, channels, frames, joints, persons), and it has no clip names: "
        "`keypoint` of clip i would be x[i].transpose(3, 1, 2, 0)"
    )


def _joined(splits: Mapping[Any, list[Any]]) -> dict[Any, Any]:
    """The lists of one name in several files, end to end, with clip ids for the names of files."""
    joined: dict[Any, Any] = {}
    for name, parts in splits.items():
        whole = all(isinstance(part, list | tuple) for part in parts)
        listed = [x for part in parts for x in part] if whole else parts
        is_text = whole and all(isinstance(x, str) for x in listed)
        joined[name] = [ntu_id_in(str(x)) for x in listed] if is_text else None
    return joined


def _check_poses(path: Path, annotations: Sequence[Any]) -> None:
    """The first annotation that is whole tells what kind of poses the file has."""
    for entry in annotations:
        joints = entry.get("keypoint") if isinstance(entry, dict) else None
        if not isinstance(joints, np.ndarray) or joints.ndim != 4:
            continue
        num_joints, channels = joints.shape[2:]
        if channels == 2 or _has_pixels(joints):
            alike = [x.name for x in LAYOUTS.values() if (x.num_joints, x.dims) == (num_joints, 2)]
            guess = f", by their number layout {' or '.join(alike)}" if alike else ""
            raise ValueError(
                f"{path}: holds 2-D poses of {num_joints} joints{guess}. Training on 2-D poses is not there "
                "yet. For NTU RGB+D take pyskl's file of 3-D skeletons, such as ntu60_3danno.pkl"
                f"{axes_hint(joints)}."
            )
        return


def _has_pixels(joints_MTVC: np.ndarray) -> bool:
    """x, y and a score rather than x, y and z: no Kinect sees as far as the hundreds of an image."""
    if joints_MTVC.dtype.kind not in "fiu" or joints_MTVC.shape[-1] != 3 or not joints_MTVC.size:
        return False
    largest = np.nan_to_num(np.abs(joints_MTVC.astype(np.float64))).max(axis=(0, 1, 2))
    return bool(largest[:2].max() > 30 and largest[2] <= 1)


class _Run:
    """What is learnt on the way from the annotations to the store.

    Attributes:
        benchmark: any one of the data set.
        source: for the manifest.
        notes: by kind (see `ntu_notes.NOTES`), the number for every clip.
    """

    def __init__(self, paths: Sequence[Path], annotations: Sequence[tuple[Path, Any]]) -> None:
        self.path = paths[0]
        self.entries = [
            (clip_id_of(entry), number, path.name, entry) for number, (path, entry) in enumerate(annotations)
        ]
        self.benchmark = any_benchmark(_dataset(clip_id for clip_id, *_ in self.entries))
        self.problems: list[Problem] = []
        self.notes: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.source: dict[str, Any] = {
            "name": " + ".join(path.name for path in paths),
            "sha256": _sha256(paths),
            "annotations": len(annotations),
        }
        self.source |= {"pipeline": "pyskl", "centred": True}

    def clips(self) -> Iterator[StoredClip]:
        """The usable ones in clip id order, each id once. Completes `source` after the last."""
        used: set[str] = set()
        for clip_id, number, file, entry in sorted(self.entries, key=lambda x: x[:2]):
            if clip_id in ntu_missing_skeletons():
                self.notes["listed"][clip_id] = 1
                continue
            try:
                if clip_id in used:
                    raise ValueError(f"clip {clip_id} was already read; keep one of the two annotations")
                clip, notes = read_annotation(entry, self.benchmark)
            except ValueError as error:
                name = clip_id or f"annotation {number}"
                self.problems.append(Problem(f"{file}/{shown(name)}", None, str(error)))
                continue
            used.add(clip_id)
            if how := pre_normalised(entry["keypoint"]):
                self.notes["pre_centred"][clip_id] = clip.joints_MTVC.shape[1]
                if how == "upright":
                    self.notes["pre_turned"][clip_id] = clip.joints_MTVC.shape[1]
            for kind, count in notes.items():
                self.notes[kind][clip_id] = count
            yield clip
        if not used:
            raise ValueError(self._nothing_usable())
        self.source["notes"] = {kind: clips for kind, clips in self.notes.items() if clips}
        if clips := self.notes.get("pre_centred"):
            self.source["pre_normalised"] = len(clips)

    def _nothing_usable(self) -> str:
        first = self.problems[0] if self.problems else None
        told = f" The first problem: {shown(first.file)}: {first.problem}." if first else ""
        return (
            f"{self.path}: no usable clip of NTU RGB+D among {len(self.entries)} annotations; only the 3-D "
            f"files of NTU RGB+D 60 and 120 can be imported.{told}"
        )

    def remarks(self) -> list[str]:
        told = note_sentences(self.notes)
        if pre := len(self.notes["pre_centred"]):
            told.append(
                f"{self.path}: {pre:,} of {len(self.entries):,} clips are normalised already (pyskl's "
                "PreNormalize3D): where a person goes is lost, and z may point up. Do not mix "
                "them with raw ones; results are not comparable with those on raw skeletons"
            )
        return told


def _sha256(paths: Sequence[Path]) -> str:
    """Of the one file, or of the checksums of several in their order."""
    digests: list[str] = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _dataset(clip_ids: Iterator[str]) -> str:
    for clip_id in clip_ids:
        try:
            numbers = parse_ntu_id(clip_id)
        except ValueError:
            continue  # becomes a problem when its turn comes
        if numbers.action > 60 or numbers.setup > 17:
            return "ntu120"
    return "ntu60"
