"""One annotation of a pyskl or mmaction2 pickle with NTU RGB+D skeletons -> one clip of a store (data.md 3).

Letters: M persons, T frames, V joints, C channels, D numbers per frame (75 per person: joint * 3 + channel).
"""

from typing import Any

import numpy as np

from lst.data.ntu.clip import centre
from lst.data.ntu.persons import PERSON, Notes
from lst.data.store.clip_store import StoredClip
from lst.facts.benchmarks import Benchmark
from lst.facts.clip_ids import ntu_id_in, parse_ntu_id
from lst.facts.shown import shown, shown_value

_NUM_JOINTS = PERSON // 3
_MAX_PERSONS = 2
_SPINE_MID = 1
_AT_ZERO = 1e-4
"""Metres: a tenth of a millimetre; a Kinect is off by centimetres."""


def clip_id_of(entry: Any) -> str:
    """Of an annotation, without folder and ending; empty if there is none."""
    name = entry.get("frame_dir", entry.get("filename", "")) if isinstance(entry, dict) else ""
    return ntu_id_in(str(name)) if isinstance(name, str) else ""


def read_annotation(entry: Any, benchmark: Benchmark) -> tuple[StoredClip, Notes]:
    """The centred clip, without frames at the end and persons that are 0 throughout, and what happened to it.

    Raises:
        ValueError: it is no annotation of a clip of the benchmark's data set, or contradicts its id.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"expected an annotation (a dictionary), got a {type(entry).__name__}")
    if not (clip_id := clip_id_of(entry)):
        raise ValueError("has no clip id: expected a text in `frame_dir` or `filename`")
    if missing := [key for key in ("label", "keypoint") if key not in entry]:
        raise ValueError(f"lacks {' and '.join(missing)}; it has the keys {_keys(entry)}")
    attributes = parse_ntu_id(clip_id)._asdict()
    label = benchmark.label_of(clip_id)
    if benchmark.rule(clip_id) is None:
        raise ValueError(f"clip {clip_id} is no clip of {benchmark.dataset} by its setup, camera or subject")
    if not _is(entry["label"], label):
        raise ValueError(
            f"label {shown_value(entry['label'])} disagrees with the clip id: "
            f"action {label + 1} has label {label}"
        )
    joints_MTVC = _joints(entry["keypoint"])
    num_frames = joints_MTVC.shape[1]
    if not _is(entry.get("total_frames", num_frames), num_frames):
        raise ValueError(
            f"total_frames is {shown_value(entry['total_frames'])}, but `keypoint` has {num_frames} frames"
        )
    joints_MTVC = _without_filling(joints_MTVC)
    notes: Notes = Notes()
    if len(joints_MTVC) == 1:
        notes["zero_frames"] = int((joints_MTVC[0] == 0).all(axis=(1, 2)).sum())
    return StoredClip(clip_id, label, _centred(joints_MTVC), attributes), +notes


def _is(value: object, number: int) -> bool:
    # `True == 1` in Python, but it is no label.
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value == number


def _joints(keypoint: Any) -> np.ndarray:
    """float32 (M, T, 25, 3)."""
    shape = getattr(keypoint, "shape", None)
    if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind not in "fiu":
        raise ValueError(f"`keypoint`: expected an array of numbers, got a {type(keypoint).__name__}")
    if keypoint.ndim != 4 or keypoint.shape[2:] != (_NUM_JOINTS, 3) or 0 in keypoint.shape:
        text = f"`keypoint`: expected shape (persons, frames, {_NUM_JOINTS}, 3), got {shown_value(shape)}"
        raise ValueError(text + axes_hint(keypoint))
    with np.errstate(over="ignore"):  # what overflows is not finite and found by the next line
        joints_MTVC = np.asarray(keypoint, dtype=np.float32)
    if (bad := np.argwhere(~np.isfinite(joints_MTVC))).size:
        person, frame, joint, axis = bad[0]
        raise ValueError(
            f"{len(bad)} coordinates are NaN or infinite, the first at person {person}, frame {frame}, "
            f"joint {joint}, {'xyz'[axis]}"
        )
    return joints_MTVC


def _keys(entry: dict[Any, Any]) -> str:
    return shown(", ".join(key if isinstance(key, str) else shown_value(key) for key in entry))


def axes_hint(keypoint: np.ndarray) -> str:
    """For arrays as ST-GCN has them; not turned in silence, as three persons in 2-D have this shape too."""
    if keypoint.ndim != 4 or keypoint.shape[::2] != (3, _NUM_JOINTS) or keypoint.shape[-1] > _MAX_PERSONS:
        return ""
    turned = "keypoint.transpose(3, 1, 2, 0)"
    return f". If its axes are (channels, frames, joints, persons), write it anew as {turned}"


def pre_normalised(keypoint: Any) -> str:
    """How a clip was moved before it was written: "", "centred" in every frame, or "upright" (turned) too.

    pyskl's `PreNormalize3D` puts SpineMid of the first person at 0 in each frame and turns the clip until the
    spine of its first frame lies along z. No camera sees a person like that.
    """
    try:
        joints_TVC = _without_filling(_joints(keypoint))[0]
    except ValueError:
        return ""
    joints_TVC = joints_TVC[(joints_TVC != 0).any(axis=(1, 2))]
    if len(joints_TVC) < 2 or np.abs(joints_TVC[:, _SPINE_MID]).max() > _AT_ZERO:
        return ""
    x, y, z = np.abs(joints_TVC[0, 0] - joints_TVC[0, _SPINE_MID])
    return "upright" if max(x, y) < 0.01 * z else "centred"


def _without_filling(joints_MTVC: np.ndarray) -> np.ndarray:
    """Files differ in what they pad: persons who are never there and frames at the end are left out."""
    persons, frames = np.nonzero((joints_MTVC != 0).any(axis=(2, 3)))
    if len(frames) == 0:
        raise ValueError("all joints of all persons are 0 in all frames")
    kept_MTVC = joints_MTVC[np.unique(persons), : frames.max() + 1]
    if len(kept_MTVC) > _MAX_PERSONS:
        raise ValueError(f"has {len(kept_MTVC)} persons; expected at most {_MAX_PERSONS}")
    return kept_MTVC


def _centred(joints_MTVC: np.ndarray) -> np.ndarray:
    """As the reference and our preparation of raw files do it, see `centre`."""
    num_persons, num_frames = joints_MTVC.shape[:2]
    x_TD = joints_MTVC.swapaxes(0, 1).reshape(num_frames, num_persons * PERSON)
    return centre(x_TD).reshape(num_frames, num_persons, _NUM_JOINTS, 3).swapaxes(0, 1)
