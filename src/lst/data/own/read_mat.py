"""MATLAB files of UTD-MHAD: `d_skel`, 20 x 3 x T in metres. Needs scipy; version 7.3 is not read."""

import io
import math
from typing import Any

import numpy as np

from lst.data.own.numbers import check_joints, without_absurd
from lst.data.own.options import ReadOptions
from lst.data.own.read_kinect_text import name_hints
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import MAX_BYTES, Source

UTD_JOINTS = (
    *("Head", "ShoulderCenter", "Spine", "HipCenter"),
    *("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft"),
    *("ShoulderRight", "ElbowRight", "WristRight", "HandRight"),
    *("HipLeft", "KneeLeft", "AnkleLeft", "FootLeft"),
    *("HipRight", "KneeRight", "AnkleRight", "FootRight"),
)
"""The order of UTD-MHAD's own description. Head and spine stand in the opposite order of kinect_v1_20."""
UTD = "d_skel"


def read_mat(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording: `d_skel`, or the only array of shape (V, 3, T) or (T, V, 3).

    Raises:
        ReadError: scipy is not installed, the file is damaged, or has no such array.
    """
    if source.head.startswith(b"\x89HDF") or b"MATLAB 7.3" in source.head[:128]:
        raise ReadError("is a MATLAB file of version 7.3; save it with save(..., '-v7')")
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise ReadError(".mat needs scipy: pip install scipy, or save the array as .npy") from None
    try:
        shapes = {name: shape for name, shape, _ in whosmat(io.BytesIO(source.content))}
        name = _chosen(shapes)
        content: dict[str, Any] = loadmat(io.BytesIO(source.content), variable_names=[name])
    except ReadError:
        raise
    except Exception as error:  # scipy documents none; a damaged file raises many kinds
        raise ReadError(f"cannot be read as MATLAB file ({str(error)[:100]})") from None
    array = content.get(name)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.ndim != 3:
        raise ReadError(f"{name} holds no numbers")
    joints_TVC = array.transpose(2, 0, 1) if array.shape[1] == 3 and array.shape[2] != 3 else array
    check_joints(joints_TVC.shape[1], name)
    joints_MTVC = without_absurd(joints_TVC.astype(np.float64))[None]
    joints_MTVC[(joints_MTVC == 0).all(axis=(2, 3))] = np.nan
    joints_MTVC[np.isnan(joints_MTVC).any(axis=-1)] = np.nan
    is_utd = name == UTD and joints_TVC.shape[1] == len(UTD_JOINTS)
    return [
        Recording(
            name=source.clip,
            joints_MTVC=joints_MTVC,
            joint_names=UTD_JOINTS if is_utd else (),
            unit="m" if is_utd else "",
            up="y" if is_utd else "",
            fps=30.0 if is_utd else None,
            hints=name_hints(source.path.stem),
        )
    ]


def _chosen(shapes: dict[str, tuple[int, ...]]) -> str:
    good = [name for name, shape in shapes.items() if len(shape) == 3 and 3 in shape[1:]]
    name = UTD if UTD in good else good[0] if len(good) == 1 else ""
    if not name:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "(nothing)"
        raise ReadError(f"holds {found}; expected one array of shape (joints, 3, frames)")
    if math.prod(shapes[name]) * 8 > MAX_BYTES or 0 in shapes[name]:
        raise ReadError(f"{name} has shape {shapes[name]}")
    return name
