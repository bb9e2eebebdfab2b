"""Trees of joints: by name, child -> parent without the root, or as indices with the root at itself.

Letter: V joints.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np


def chains(*paths: str) -> dict[str, str]:
    """Child -> parent from paths that run outward: `chains("Spine Neck Head", "Spine Hip")`.

    Raises:
        ValueError: a joint would get two different parents.
    """
    parents: dict[str, str] = {}
    for path in paths:
        for parent, child in pairwise(path.split()):
            if parents.setdefault(child, parent) != parent:
                raise ValueError(f"joint {child!r} has two parents: {parents[child]!r} and {parent!r}")
    return parents


def tree_problems(joints: tuple[str, ...], parents: Mapping[str, str], what: str) -> list[str]:
    """What keeps `parents` from being one tree over `joints`, one sentence each; empty = it is one."""
    problems = []
    if unknown := sorted({*parents, *parents.values()} - set(joints)):
        problems.append(f"{what}: {unknown} are not among its joints")
    roots = [joint for joint in joints if joint not in parents]
    if len(roots) != 1:
        problems.append(f"{what}: exactly one joint must have no parent (the root), found {roots}")
    if looping := [joint for joint in joints if _walks_forever(joint, parents)]:
        problems.append(f"{what}: {looping} lead into a cycle instead of to a root")
    return problems


def parent_matrix(parent_index: Sequence[int]) -> np.ndarray:
    """(V, V) float32 0/1: a 1 at [joint][its parent]; the root's row is zero."""
    parents = np.asarray(parent_index)
    is_child_V = parents != np.arange(len(parents))
    return np.eye(len(parents), dtype=np.float32)[parents] * is_child_V[:, None]


def difference_matrix(parent_index: Sequence[int]) -> np.ndarray:
    """(V, V) float32: times positions it gives every joint minus its parent, and zero for the root."""
    identity = np.eye(len(parent_index), dtype=np.float32)
    return identity - identity[np.asarray(parent_index)]


def spatial_graph(parent_index: Sequence[int]) -> np.ndarray:
    """(3, V, V) float32: identity, inward, outward, columns scaled to sum 1 (method.md 4.1)."""
    outward = parent_matrix(parent_index)  # row u receives from its parent
    subsets = (np.eye(len(parent_index), dtype=np.float32), outward.T, outward)
    return np.stack([_columns_to_one(matrix) for matrix in subsets])


def _columns_to_one(matrix_VV: np.ndarray) -> np.ndarray:
    sums_V = matrix_VV.sum(axis=0)
    return matrix_VV / np.where(sums_V > 0, sums_V, 1)  # a joint that nobody receives from keeps its zeros


def _walks_forever(joint: str, parents: Mapping[str, str]) -> bool:
    for _ in range(len(parents) + 1):  # a path to the root has at most len(parents) steps
        if joint not in parents:
            return False
        joint = parents[joint]
    return True
