"""`.npy` and `.npz`: (T, V, C), (M, T, V, C), also (C, T, V, M) as in the files of CTR-GCN's family.

Letters: M persons, T frames, V joints, C channels.
"""

import io
import math
import zipfile
import zlib
from collections import Counter
from typing import IO, Any

import numpy as np

from lst.data.own.numbers import check_joints, without_absurd
from lst.data.own.options import ReadOptions
from lst.data.own.recording import Hints, ReadError, Recording
from lst.data.own.source import MAX_BYTES, Source

NAMES = ("joints", "keypoint", "keypoints", "poses", "pose", "skeleton", "skeletons", "data", "x")
"""What the array of the joints may be called in an `.npz`, the best first."""
SCORES = ("scores", "score", "keypoint_score", "keypoint_scores", "confidence")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def read_npy(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording. Raises a ReadError for anything but an array of joints."""
    array = _array(io.BytesIO(source.content), len(source.content), "the array")
    return [recording_of(source.clip, array, None, options)]


def read_npz(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording: the only array, or one called as in NAMES; scores, joint_names, fps, label beside it.

    Raises:
        ReadError: it is damaged, or it does not tell which array holds joints.
    """
    arrays = _arrays(source.content)
    known = [name for name in NAMES if name in arrays]
    beside = {*SCORES, "joint_names", "fps", "label"}
    others = [name for name in arrays if name not in beside]
    if not known and len(others) != 1:
        raise ReadError(
            f"holds the arrays {', '.join(arrays) or '(none)'}; expected one, or one called {NAMES[0]!r}"
        )
    scores = next((arrays[name] for name in SCORES if name in arrays), None)
    recording = recording_of(source.clip, arrays[known[0] if known else others[0]], scores, options)
    names = tuple(map(str, np.ravel(arrays.get("joint_names", ()))))
    if names and len(names) != recording.joints_MTVC.shape[2]:
        raise ReadError(f"has {len(names)} joint_names for {recording.joints_MTVC.shape[2]} joints")
    label, fps = arrays.get("label"), arrays.get("fps")
    return [
        Recording(
            name=recording.name,
            joints_MTVC=recording.joints_MTVC,
            joint_names=names,
            scores_MTV=recording.scores_MTV,
            fps=float(fps) if fps is not None and fps.ndim == 0 and fps.dtype.kind in "fiu" else None,
            hints=Hints(label=str(label) if label is not None and label.ndim == 0 else ""),
            remarks=recording.remarks,
        )
    ]


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
            if (size := sum(entry.file_size for entry in entries)) > MAX_BYTES:
                raise ReadError(f"unpacks to {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.1f} GB are read")
            arrays = {}
            for entry in entries:
                with archive.open(entry) as file:
                    arrays[entry.filename.removesuffix(".npy")] = _array(
                        file, entry.file_size, entry.filename
                    )
            return arrays
    except _DAMAGE as error:
        raise ReadError(f"cannot be read as npz, perhaps cut short ({error})") from None


def _array(file: IO[bytes], size: int, what: str) -> np.ndarray:
    """The array, after its header was compared with the bytes that are there."""
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(file)
        if dtype.hasobject:
            raise ReadError(f"{what}: holds Python objects, which are not read because they can run code")
        needed = math.prod(shape) * dtype.itemsize
        if file.tell() + needed > size:
            raise ReadError(f"{what}: is cut short: shape {shape} needs {needed} bytes, {size} are there")
        numbers: Any = np.frombuffer(file.read(needed), dtype)
        return numbers.reshape(shape, order="F" if is_fortran else "C")
    except ReadError:
        raise
    except Exception as error:  # a header that is no header raises errors of many kinds
        raise ReadError(f"{what}: is no array of NumPy, or damaged ({str(error)[:100]})") from None


def recording_of(name: str, array: np.ndarray, scores: np.ndarray | None, options: ReadOptions) -> Recording:
    """The recording in an array of one of the known shapes.

    Raises:
        ReadError: the shape, or the kind of the numbers, is none of joints.
    """
    if array.dtype.kind not in "fiu":
        raise ReadError(f"holds {array.dtype} values; expected numbers")
    if 0 in array.shape:
        raise ReadError(f"has shape {array.shape}: nothing is in it")
    remarks: Counter[str] = Counter()
    joints_MTVC = _in_order(array, options, remarks).astype(np.float64)
    check_joints(joints_MTVC.shape[2], f"shape {array.shape}")
    scores_MTV = None if scores is None else _scores(scores, joints_MTVC.shape[:3])
    if scores_MTV is None and joints_MTVC.shape[-1] == 3 and options.layout and options.layout.dims == 2:
        joints_MTVC, scores_MTV = joints_MTVC[..., :2], joints_MTVC[..., 2]
        remarks["files whose third number is taken as score"] += 1
    joints_MTVC = without_absurd(joints_MTVC)
    joints_MTVC[(joints_MTVC == 0).all(axis=(2, 3))] = np.nan  # a person who is not there
    if scores_MTV is not None:
        joints_MTVC[(joints_MTVC == 0).all(axis=-1) & (scores_MTV == 0)] = np.nan
    return Recording(name, joints_MTVC, scores_MTV=scores_MTV, remarks=remarks)


def _in_order(array: np.ndarray, options: ReadOptions, remarks: Counter[str]) -> np.ndarray:
    """Any known shape -> (M, T, V, C)."""
    known_joints = options.num_joints
    if array.ndim == 2 and known_joints and array.shape[1] in (2 * known_joints, 3 * known_joints):
        remarks["files of flat frames (T, V * C)"] += 1
        return array.reshape(1, len(array), known_joints, -1)
    if array.ndim == 3 and array.shape[-1] in (2, 3):
        return array[None]
    if array.ndim == 3 and array.shape[0] in (2, 3):
        remarks["files of shape (C, T, V)"] += 1
        return np.moveaxis(array, 0, -1)[None]
    if array.ndim == 4 and _is_channels_first(array.shape, options):
        remarks["files of shape (C, T, V, M)"] += 1
        return array.transpose(3, 1, 2, 0)
    if array.ndim == 4 and array.shape[-1] in (2, 3):
        return array
    raise ReadError(
        f"has shape {array.shape}; expected (frames, joints, 2 or 3), (persons, frames, joints, 2 or 3) "
        "or (3, frames, joints, persons)"
    )


def _is_channels_first(shape: tuple[int, ...], options: ReadOptions) -> bool:
    """(C, T, V, M) of at most three persons; (2, T, V, 3) is two persons in 3-D."""
    if shape[0] not in (2, 3) or shape[-1] == 3:
        return False
    if shape[-1] != 2:
        return shape[-1] < 10
    if shape[0] == 2:
        return False  # (2, T, V, 2): two persons in 2-D
    if options.layout is None:
        raise ReadError(
            f"has shape {shape}: 3 channels of 2 persons, or 3 persons in 2-D? Say --layout, which tells"
        )
    return options.layout.dims == 3


def _scores(scores: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if scores.dtype.kind not in "fiu" or scores.size != math.prod(shape):
        raise ReadError(f"has scores of shape {scores.shape} for joints of shape {shape}")
    return scores.reshape(shape).astype(np.float64)
