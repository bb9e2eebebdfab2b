"""A store from arrays in memory: `lst.write_store`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.store.clip_store import ClipStore, SplitPlan, StoredClip
from lst.data.store.clip_store import write_store as write_clips
from lst.facts.coordinates import Coordinates
from lst.facts.own_layout import LayoutLike


def write_store(
    path: str | Path,
    clips: Sequence[np.ndarray],
    labels: Sequence[str] | Sequence[int] | np.ndarray,
    *,
    layout: LayoutLike,
    class_names: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    groups: Sequence[str] | Sequence[int] | None = None,
    test_groups: Sequence[str] | Sequence[int] = (),
    test_share: float | None = None,
    coordinates: Coordinates | None = None,
    clip_ids: Sequence[str] | None = None,
    name: str | None = None,
    overwrite: bool = False,
) -> ClipStore:
    """Write clips as a store that `lst train PATH` takes.

    Args:
        path: folder to write.
        clips: each (T, V, C) for one person or (M, T, V, C): persons, frames, joints, channels.
        labels: class of each clip: a name, or a number from 0 on.
        layout: name of a layout (`lst.list_layouts()`), or a `Skeleton` of one's own.
        class_names: in label order. Of text labels they are the sorted names if not given; of numbers
            "class 0", "class 1", ..., which say nothing to a text encoder.
        splits: "train", "test" or "" for each clip.
        groups: what belongs together, for each clip: person or recording. No share or fold tears it apart.
        test_groups: the groups to test on.
        test_share: share of the clips to test on, 0.3 if nothing says how to split.
        coordinates: unit, up axis, channels, frame rate; metres with y up if not given.
        clip_ids: "clip00000", "clip00001", ... if not given.
        name: of the data set; the folder's name if not given.
        overwrite: replace a store that is already there.

    Raises:
        ValueError: lists of different lengths, a label that is no class, clips that do not fit the layout.
            Names the clip.

    >>> import numpy as np, lst
    >>> clips = [np.random.default_rng(i).normal(size=(30, 17, 3)) for i in range(8)]  # doctest: +SKIP
    >>> lst.write_store("data/mine", clips, ["wave", "sit"] * 4, layout="coco_17")  # doctest: +SKIP
    """
    columns: dict[str, Any] = {"labels": labels, "splits": splits, "groups": groups}
    for what, values in {**columns, "clip_ids": clip_ids}.items():
        if values is not None and len(values) != len(clips):
            raise ValueError(f"{what}: got {len(values)} for {len(clips)} clips; give one for each")
    numbers, names = _classes(labels, class_names)
    ids = [f"clip{i:05d}" for i in range(len(clips))] if clip_ids is None else list(clip_ids)
    attributes = [
        {key: str(values[i]) for key, values in (("group", groups), ("split", splits)) if values is not None}
        for i in range(len(clips))
    ]
    return write_clips(
        path,
        (StoredClip(ids[i], numbers[i], _joints(ids[i], clips[i]), attributes[i]) for i in range(len(clips))),
        dataset=name or Path(path).resolve().name,
        layout=layout,
        source={"name": "arrays in memory"},
        problems=[],
        overwrite=overwrite,
        class_names=names,
        split=SplitPlan(
            column=None if splits is None else "split",
            groups=None if groups is None else "group",
            test_groups=tuple(map(str, test_groups)),
            test_share=test_share,
        ),
        coordinates=coordinates or Coordinates(channels="xyz" if np.shape(clips[0])[-1] == 3 else "xy"),
    )


def _classes(
    labels: Sequence[str] | Sequence[int] | np.ndarray, class_names: Sequence[str] | None
) -> tuple[list[int], list[str]]:
    """Numbers from 0 on, and the names."""
    values = np.asarray(labels).tolist()
    if values and isinstance(values[0], str):
        names = sorted(set(values)) if class_names is None else list(class_names)
        if unknown := [(i, value) for i, value in enumerate(values) if value not in names]:
            i, value = unknown[0]
            raise ValueError(f"clip {i}: label {value!r} is none of the class names {', '.join(names)}")
        place: Mapping[str, int] = {name: k for k, name in enumerate(names)}
        return [place[value] for value in values], names
    if not all(isinstance(value, int) for value in values):
        raise ValueError(f"labels: expected class names or whole numbers from 0 on, got {values[:1]}")
    count = max(values, default=-1) + 1
    return values, [f"class {k}" for k in range(count)] if class_names is None else list(class_names)


def _joints(clip_id: str, joints: np.ndarray) -> np.ndarray:
    joints = np.asarray(joints, dtype=np.float32)
    if joints.ndim not in (3, 4):
        raise ValueError(
            f"clip {clip_id!r}: expected (frames, joints, channels) or (persons, frames, joints, channels), "
            f"got shape {joints.shape}"
        )
    return joints[None] if joints.ndim == 3 else joints
