"""Pickles of pyskl and mmaction2 with any ids, classes and joints, read without running code from them."""

from collections import Counter
from typing import Any

import numpy as np

from lst.data.exchange.safe_pickle import load_plain_pickle
from lst.data.own.numbers import check_joints, without_absurd
from lst.data.own.options import ReadOptions
from lst.data.own.recording import Hints, ReadError, Recording
from lst.data.own.source import Source
from lst.facts.shown import shown_json


def read_pyskl(source: Source, options: ReadOptions) -> list[Recording]:
    """A recording per annotation; the classes are called by their numbers, which is all the file has.

    Raises:
        ReadError: it holds more than plain data, is damaged, or an annotation is not as pyskl writes it.
    """
    try:
        content = load_plain_pickle(source.path)
    except ValueError as error:
        raise ReadError(str(error).removeprefix(f"{source.path}: ")) from None
    splits: Any = {}
    if isinstance(content, dict):
        splits, content = content.get("split", {}), content.get("annotations")
    if not isinstance(content, list) or not content or not isinstance(splits, dict):
        raise ReadError("is no pickle of pyskl or mmaction2: expected `split` and `annotations`")
    split_of = _split_of(splits)
    labels = [entry.get("label") for entry in content if isinstance(entry, dict)]
    width = len(str(max((x for x in labels if isinstance(x, int)), default=0)))
    return [_recording(entry, number, split_of, width) for number, entry in enumerate(content)]


def _split_of(splits: dict[Any, Any]) -> dict[str, str]:
    """Clip id -> train or test, if the file has one way to split; a `val` is the test of pyskl."""
    train = [name for name in splits if "train" in str(name)]
    others = [name for name in splits if name not in train]
    if len(train) != 1 or len(others) != 1:
        return {}
    named = {"train": splits[train[0]], "test": splits[others[0]]}
    return {str(clip): split for split, clips in named.items() if isinstance(clips, list) for clip in clips}


def _recording(entry: Any, number: int, split_of: dict[str, str], width: int) -> Recording:
    what = f"annotation {number}"
    if not isinstance(entry, dict):
        raise ReadError(f"{what}: expected a dictionary, got {shown_json(entry)}")
    name = entry.get("frame_dir", entry.get("filename"))
    if not isinstance(name, str) or not name:
        raise ReadError(f"{what}: has no clip id in `frame_dir`")
    what = f"{what} ({name})"
    joints_MTVC = _numbers(entry.get("keypoint"), 4, f"{what}, keypoint")
    if joints_MTVC.shape[-1] not in (2, 3) or 0 in joints_MTVC.shape:
        raise ReadError(
            f"{what}, keypoint: shape {joints_MTVC.shape}; expected (persons, frames, joints, 2 or 3)"
        )
    check_joints(joints_MTVC.shape[2], what)
    scores_MTV = None
    if entry.get("keypoint_score") is not None:
        scores_MTV = _numbers(entry["keypoint_score"], 3, f"{what}, keypoint_score")
        if scores_MTV.shape != joints_MTVC.shape[:3]:
            raise ReadError(f"{what}: keypoint_score {scores_MTV.shape} for keypoint {joints_MTVC.shape}")
        joints_MTVC[(joints_MTVC == 0).all(axis=-1) & ~(scores_MTV > 0)] = np.nan
    joints_MTVC[(joints_MTVC == 0).all(axis=(2, 3))] = np.nan  # a person who is not there
    is_2d = joints_MTVC.shape[-1] == 2
    return Recording(
        name=name,
        joints_MTVC=joints_MTVC,
        scores_MTV=scores_MTV,
        unit="px" if is_2d else "",
        up="-y" if is_2d else "",
        hints=Hints(label=_label(entry.get("label"), width), split=split_of.get(name, "")),
        remarks=Counter({"clips from a pickle, whose classes have numbers, no names": 1}),
    )


def _numbers(value: Any, ndim: int, what: str) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim != ndim:
        raise ReadError(f"{what}: expected an array of numbers with {ndim} axes, got {shown_json(value)}")
    return without_absurd(np.array(value, dtype=np.float64))


def _label(label: Any, width: int) -> str:
    is_number = isinstance(label, int | np.integer) and not isinstance(label, bool)
    return f"class_{int(label):0{width}d}" if is_number else label if isinstance(label, str) else ""
