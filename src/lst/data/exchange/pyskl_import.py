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

from lst.data.exchange.pyskl_clip import clip_id_of, read_annotation
from lst.data.exchange.pyskl_splits import split_remarks
from lst.data.exchange.safe_pickle import load_plain_pickle
from lst.data.ntu.files import any_benchmark
from lst.data.ntu.notes import note_sentences
from lst.data.store.clip_store import Problem, StoredClip, write_store
from lst.data.store.prepared import Prepared, on_counts
from lst.facts.clip_ids import parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.skeleton import LAYOUTS

_EXPECTED = (
    "expected a dictionary with `split` and `annotations`, or a list of annotations, as in pyskl's "
    "ntu60_3danno.pkl and ntu120_3danno.pkl"
)


def import_pyskl(path: str | Path, folder: str | Path, *, overwrite: bool = False) -> Prepared:
    """Make the store `folder` of ntu60 or ntu120 from a pickle, without running code from it.

    The whole pickle is in memory meanwhile. An annotation that cannot be used becomes a problem, the others
    go on. The data set is ntu120 if any clip id has an action above 60 or a setup above 17.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the pickle is damaged or holds more than plain data, is of 2-D poses or of another data
            set, or has no usable annotation.
    """
    path = Path(path)
    annotations, splits = _parts(path, load_plain_pickle(path))
    _check_poses(path, annotations)
    run = _Run(path, annotations)
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
        *split_remarks(splits, run.benchmark.dataset, {*store.clip_ids, *run.notes["listed"]}),
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
    if not isinstance(content, list) or not isinstance(splits, dict):
        raise ValueError(f"{path}: is no pickle of pyskl or mmaction2; {_EXPECTED}")
    if not content:
        raise ValueError(f"{path}: holds no annotation; {_EXPECTED}")
    return content, splits


def _check_poses(path: Path, annotations: Sequence[Any]) -> None:
    """The first annotation that is whole tells what kind of poses the file has."""
    for entry in annotations:
        joints = entry.get("keypoint") if isinstance(entry, dict) else None
        if not isinstance(joints, np.ndarray) or joints.ndim != 4:
            continue
        num_joints, channels = joints.shape[2:]
        if channels == 2 or "keypoint_score" in entry:
            alike = [x.name for x in LAYOUTS.values() if (x.num_joints, x.dims) == (num_joints, 2)]
            guess = f", by their number layout {' or '.join(alike)}" if alike else ""
            raise ValueError(
                f"{path}: holds 2-D poses of {num_joints} joints{guess}. Training on 2-D poses is not there "
                "yet. For NTU RGB+D take pyskl's file of 3-D skeletons, such as ntu60_3danno.pkl."
            )
        return


class _Run:
    """What is learnt on the way from the annotations to the store.

    Attributes:
        benchmark: any one of the data set.
        source: for the manifest.
        notes: by kind (see `ntu_notes.NOTES`), the number for every clip.
    """

    def __init__(self, path: Path, annotations: Sequence[Any]) -> None:
        self.path = path
        self.entries = [(clip_id_of(entry), number, entry) for number, entry in enumerate(annotations)]
        self.benchmark = any_benchmark(_dataset(clip_id for clip_id, *_ in self.entries))
        self.problems: list[Problem] = []
        self.notes: defaultdict[str, dict[str, int]] = defaultdict(dict)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.source: dict[str, Any] = {"name": path.name, "sha256": sha256, "annotations": len(annotations)}
        self.source |= {"pipeline": "pyskl", "centred": True}

    def clips(self) -> Iterator[StoredClip]:
        """The usable ones in clip id order, each id once. Completes `source` after the last."""
        used: set[str] = set()
        for clip_id, number, entry in sorted(self.entries, key=lambda x: x[:2]):
            if clip_id in ntu_missing_skeletons():
                self.notes["listed"][clip_id] = 1
                continue
            try:
                if clip_id in used:
                    raise ValueError(f"clip {clip_id} was already read; keep one of the two annotations")
                clip, notes = read_annotation(entry, self.benchmark)
            except ValueError as error:
                name = clip_id or f"annotation {number}"
                self.problems.append(Problem(f"{self.path.name}/{name}", None, str(error)))
                continue
            used.add(clip_id)
            for kind, count in notes.items():
                self.notes[kind][clip_id] = count
            yield clip
        if not used:
            raise ValueError(self._nothing_usable())
        self.source["notes"] = dict(self.notes)

    def _nothing_usable(self) -> str:
        first = self.problems[0] if self.problems else None
        shown = f" The first problem: {first.file}: {first.problem}." if first else ""
        return (
            f"{self.path}: no usable clip of NTU RGB+D among {len(self.entries)} annotations; only the 3-D "
            f"files of NTU RGB+D 60 and 120 can be imported.{shown}"
        )

    def remarks(self) -> list[str]:
        return note_sentences(self.notes)


def _dataset(clip_ids: Iterator[str]) -> str:
    for clip_id in clip_ids:
        try:
            numbers = parse_ntu_id(clip_id)
        except ValueError:
            continue  # becomes a problem when its turn comes
        if numbers.action > 60 or numbers.setup > 17:
            return "ntu120"
    return "ntu60"
