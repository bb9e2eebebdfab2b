"""Bones of recorded people, which way is up, where they stand: what a card keeps of its training.

Letters: N poses (one person in one frame), V joints, C coordinates (3, or 2 of a picture).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from lst.data.store.clip_store import ClipStore
from lst.facts.joint_roles import joint_roles
from lst.facts.skeleton import Skeleton

_CLIPS, _FRAMES = 400, 8
"""Poses that are looked at: so many clips, spread evenly, and so many frames of each."""


@dataclass(frozen=True, kw_only=True)
class BodyStatistics:
    """Medians over poses; lengths in the unit of the recordings. JSON: `statistics_json`."""

    layout: str
    dims: int
    poses: int
    stature: float | None
    """Bones added up from head to foot, whatever the posture; the longest way in the tree where no joint is
    called head or foot. None without a complete pose."""
    up: str | None
    """Axis from feet to head, such as "y" or "-y"; None where none stands out."""
    hips_off: float | None
    """Distance of the hips from the origin in the first frame of a clip."""
    bones: dict[str, float]
    """Child joint -> length of its bone."""
    spreads: dict[str, float]
    """Child joint -> median deviation from that length, as a share of it."""
    forward: float | None
    """Share of poses whose left is left, seen from where the feet point; None where the layout cannot say."""
    missing: dict[str, float]
    """Joint -> share of poses that lack it, where that is above 0."""
    not_finite: int = 0
    """Infinite numbers."""
    distances: tuple[tuple[float, ...], ...] = ()
    """(V, V) between all joints, to find joints that were exchanged; not kept in files."""


def statistics_json(statistics: BodyStatistics) -> dict[str, Any]:
    """For a card."""
    values = msgspec.to_builtins(statistics)
    del values["distances"]
    return values


def statistics_from_json(values: Any) -> BodyStatistics:
    """ValueError if it is not what `statistics_json` made."""
    try:
        return msgspec.convert(values, BodyStatistics)
    except msgspec.ValidationError as error:
        raise ValueError(f"body: {error}") from None


def store_statistics(store: ClipStore, clips: np.ndarray) -> BodyStatistics:
    """Of some clips of a store (positions in it), by an even sample."""
    some = clips[np.linspace(0, len(clips) - 1, min(len(clips), _CLIPS)).astype(int)]
    channels = "xyz" if store.coordinates is None else store.coordinates.channels
    return body_statistics((store.clip(i) for i in some), store.skeleton, dims=3 if channels == "xyz" else 2)


def body_statistics(
    joints: Iterable[np.ndarray], skeleton: Skeleton, *, dims: int | None = None
) -> BodyStatistics:
    """joints: clips (M, T, V, C); NaN and persons who are all 0 in a frame are missing.

    dims: how many of the C numbers are coordinates; those of the layout if not given.
    """
    dims = skeleton.dims if dims is None else dims
    clips = [np.asarray(clip, dtype=np.float64)[..., :dims] for clip in joints]
    poses_NVC = _poses([_some_frames(clip) for clip in clips], skeleton.num_joints, dims)
    not_finite = int(np.isinf(poses_NVC).sum())
    poses_NVC = np.where(np.isfinite(poses_NVC), poses_NVC, np.nan)
    first_NVC = _poses([clip[:1, :1] for clip in clips], skeleton.num_joints, dims)
    distances_VV = _distances(poses_NVC)
    bones, spreads = _bones(poses_NVC, skeleton)
    missing_V = (
        np.isnan(poses_NVC).any(axis=2).mean(axis=0) if len(poses_NVC) else np.ones(skeleton.num_joints)
    )
    hips_off = np.linalg.norm(_mean(first_NVC, joint_roles(skeleton).hips), axis=-1)
    return BodyStatistics(
        layout=skeleton.name,
        dims=dims,
        poses=len(poses_NVC),
        stature=_stature(bones, skeleton),
        up=_up(poses_NVC, skeleton),
        hips_off=_median(hips_off),
        bones=bones,
        spreads=spreads,
        forward=_forward(poses_NVC, skeleton),
        missing={j: float(m) for j, m in zip(skeleton.joints, missing_V, strict=True) if m > 0},
        not_finite=not_finite,
        distances=tuple(map(tuple, distances_VV.tolist())),
    )


def path_length(lengths: dict[str, float], skeleton: Skeleton, start: str, end: str) -> float | None:
    """Bones added up along the tree; None if one is not known."""
    up_from_start, up_from_end = _ancestors(skeleton, start), _ancestors(skeleton, end)
    apart = set(up_from_start) ^ set(up_from_end)
    found = [lengths.get(joint) for joint in skeleton.joints if joint in apart]  # one order, so one sum
    return None if None in found else float(sum(length for length in found if length is not None))


def _ancestors(skeleton: Skeleton, joint: str) -> list[str]:
    """The joint and all above it but the root: each stands for the bone to its parent."""
    way = []
    while joint in skeleton.parents:
        way.append(joint)
        joint = skeleton.parents[joint]
    return way


def _some_frames(clip_MTVC: np.ndarray) -> np.ndarray:
    frames = clip_MTVC.shape[1]
    return clip_MTVC[:, np.linspace(0, frames - 1, min(frames, _FRAMES)).astype(int)]


def _poses(clips: Sequence[np.ndarray], num_joints: int, dims: int) -> np.ndarray:
    """(N, V, C) of those persons who are there."""
    poses = [clip.reshape(-1, num_joints, dims) for clip in clips]
    poses_NVC = np.concatenate(poses) if poses else np.empty((0, num_joints, dims))
    there_N = ((poses_NVC != 0) & ~np.isnan(poses_NVC)).any(axis=(1, 2))
    return poses_NVC[there_N]


def _mean(poses_NVC: np.ndarray, joints: Sequence[int]) -> np.ndarray:
    """(N, C) the middle of some joints, NaN where one is missing; all NaN for none."""
    if not joints:
        return np.full((len(poses_NVC), poses_NVC.shape[2]), np.nan)
    return poses_NVC[:, list(joints)].mean(axis=1)


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _distances(poses_NVC: np.ndarray) -> np.ndarray:
    """(V, V) medians; NaN for two joints that are never seen together."""
    v = poses_NVC.shape[1]
    distances_VV = np.zeros((v, v))
    for i, j in combinations(range(v), 2):
        length = _median(np.linalg.norm(poses_NVC[:, i] - poses_NVC[:, j], axis=1))
        distances_VV[i, j] = distances_VV[j, i] = np.nan if length is None else length
    return distances_VV


def _bones(poses_NVC: np.ndarray, skeleton: Skeleton) -> tuple[dict[str, float], dict[str, float]]:
    lengths, spreads = {}, {}
    for child, parent in enumerate(skeleton.parent_index()):
        length_N = np.linalg.norm(poses_NVC[:, child] - poses_NVC[:, parent], axis=1)
        median = None if child == parent else _median(length_N)
        if median is not None:
            lengths[skeleton.joints[child]] = median
            deviation = _median(np.abs(length_N - median)) or 0.0
            spreads[skeleton.joints[child]] = deviation / median if median > 0 else 0.0
    return lengths, spreads


def _stature(bones: dict[str, float], skeleton: Skeleton) -> float | None:
    roles = joint_roles(skeleton)
    pairs = [(skeleton.joints[h], skeleton.joints[f]) for h in roles.head for f in roles.feet]
    ways = [path_length(bones, skeleton, *pair) for pair in pairs or combinations(skeleton.joints, 2)]
    known = [way for way in ways if way]
    if not known:
        return None
    return float(np.median(known)) if pairs else max(known)


def _up(poses_NVC: np.ndarray, skeleton: Skeleton) -> str | None:
    """The axis that most of the way from feet to head follows."""
    roles = joint_roles(skeleton)
    upright_NC = _mean(poses_NVC, roles.head) - _mean(poses_NVC, roles.feet)
    length_N = np.linalg.norm(upright_NC, axis=1)
    known_N = np.isfinite(length_N) & (length_N > 0)
    if not known_N.any():
        return None
    share_C = np.median(upright_NC[known_N] / length_N[known_N, None], axis=0)
    axis = int(np.abs(share_C).argmax())
    if abs(share_C[axis]) < 0.6:
        return None
    return ("" if share_C[axis] > 0 else "-") + "xyz"[axis]


def _forward(poses_NVC: np.ndarray, skeleton: Skeleton) -> float | None:
    """Sign of (left minus right) x up . forward, the feet pointing forward."""
    names = [joint.lower().replace("_", "") for joint in skeleton.joints]
    ankles = [i for i, name in enumerate(names) if "ankle" in name]
    toes = [i for i, name in enumerate(names) if "foot" in name or "bigtoe" in name]
    roles = joint_roles(skeleton)
    hips = [pair for pair in roles.sides if "hip" in names[pair[0]]]
    if not (ankles and toes and hips and roles.shoulders and roles.hips) or poses_NVC.shape[2] != 3:
        return None
    left, right = hips[0]
    sideways_NC = poses_NVC[:, left] - poses_NVC[:, right]
    up_NC = _mean(poses_NVC, roles.shoulders) - _mean(poses_NVC, roles.hips)
    ahead_NC = _mean(poses_NVC, toes) - _mean(poses_NVC, ankles)
    sign_N = (np.cross(sideways_NC, up_NC) * ahead_NC).sum(axis=1)
    known_N = np.isfinite(sign_N) & (sign_N != 0)
    return float((sign_N[known_N] > 0).mean()) if known_N.any() else None
