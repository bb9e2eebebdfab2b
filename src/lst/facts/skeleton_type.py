"""Skeleton: joint names, child -> parent, body parts, and the matrices that follow from them.

Letters: V joints, P parts. Import from `lst.facts.skeleton`, which also has the layouts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lst.facts.body_parts import PartName, joints_of
from lst.facts.choices import Modality, choose
from lst.facts.gap_tables import GapTables
from lst.facts.trees import difference_matrix, parent_matrix, spatial_graph, tree_problems

Tree = Literal["anatomical", "graph", "bone"]

KINECT_V2_JOINTS = (
    *("SpineBase", "SpineMid", "Neck", "Head"),
    *("ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft"),
    *("ShoulderRight", "ElbowRight", "WristRight", "HandRight"),
    *("HipLeft", "KneeLeft", "AnkleLeft", "FootLeft"),
    *("HipRight", "KneeRight", "AnkleRight", "FootRight"),
    *("SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight"),
)
"""Joint order of Kinect v2 and of NTU RGB+D (data.md 4.3): the layout all others can be mapped to."""


@dataclass(frozen=True)
class Skeleton:
    """A named set of joints with its trees and body parts, checked when built.

    Raises:
        ValueError: unknown or repeated joints, not exactly one root, cycles, empty parts, joints in no part.
    """

    name: str
    joints: tuple[str, ...]
    parents: Mapping[str, str]
    """Anatomical tree, child -> parent; the root joint has no entry. For bones and for drawing."""
    parts: Mapping[str, tuple[str, ...]]
    """Body part -> the joints it pools; the order is the order of the part texts."""
    to_kinect_v2: tuple[tuple[str, ...], ...] = ()
    """For each of KINECT_V2_JOINTS the joints whose mean it is (data.md 4.4); empty = no mapping is known."""
    substitutes: frozenset[str] = frozenset()
    """The Kinect v2 joints for which `to_kinect_v2` only has a stand-in ("~" in data.md 4.4)."""
    graph_parents: Mapping[str, str] | None = None
    """Tree of CTR-GCN's spatial graph (method.md 3) where it differs from `parents`."""
    bone_parents: Mapping[str, str] | None = None
    """Tree of GAP's joint matrix (method.md 3) where it differs from `parents`."""
    gap: GapTables | None = None
    unit: str = "metres"
    up: Literal["+y", "-y"] = "+y"
    dims: Literal[2, 3] = 3
    source: str = ""

    def __post_init__(self) -> None:
        if problems := [*self._tree_problems(), *self._part_problems(), *self._mapping_problems()]:
            raise ValueError(f"skeleton {self.name!r}: {'; '.join(problems)}")

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def num_parts(self) -> int:
        return len(self.parts)

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(self.parts)

    @property
    def root(self) -> str:
        """Root of the anatomical tree."""
        return next(joint for joint in self.joints if joint not in self.parents)

    def parent_index(self, tree: Tree = "anatomical") -> list[int]:
        """Index of each joint's parent; the root points at itself, so its bone is zero."""
        parents = self._parents_of(tree)
        return [self.joints.index(parents.get(joint, joint)) for joint in self.joints]

    def part_index(self) -> dict[str, tuple[int, ...]]:
        """Part name -> indices of its joints."""
        return self._indices(self.parts)

    def joints_of(self, parts: Collection[PartName]) -> tuple[int, ...]:
        """Indices of the joints that some of the six body parts of the texts have together.

        Raises:
            ValueError: as `body_parts.joints_of`; names the layout.
        """
        try:
            return tuple(sorted(map(self.joints.index, joints_of(parts, self.parts))))
        except ValueError as error:
            raise ValueError(f"skeleton {self.name!r}: {error}") from None

    def part_weights(self, parts: Mapping[str, Sequence[int]] | None = None) -> np.ndarray:
        """(P, V) float32 rows that average one part's joints; every row sums to 1.

        `parts` are joint indices by part name, for example `gap_parts("bone")`; None = this skeleton's own.

        Raises:
            ValueError: a part is empty or has an index outside 0..V-1.
        """
        parts = self.part_index() if parts is None else parts
        rows_PV = np.zeros((len(parts), self.num_joints), dtype=np.float32)
        for row_V, (part, index) in zip(rows_PV, parts.items(), strict=True):
            if not index or not all(0 <= i < self.num_joints for i in index):
                raise ValueError(
                    f"skeleton {self.name!r}: part {part!r} has joints {list(index)}, "
                    f"expected at least one, each from 0 to {self.num_joints - 1}"
                )
            row_V[list(index)] = 1
        return rows_PV / rows_PV.sum(axis=1, keepdims=True)

    def graph_matrices(self) -> np.ndarray:
        """(3, V, V) float32: identity, inward, outward (method.md 4.1).

        `A[s][u][v]` is the weight with which joint u receives from joint v. Inward sums the children,
        outward is the parent divided by its number of children.
        """
        return spatial_graph(self.parent_index("graph"))

    def bone_matrix(self, tree: Tree = "anatomical") -> np.ndarray:
        """(V, V) float32, every joint minus its parent in the named tree; the root's row is zero."""
        return difference_matrix(self.parent_index(tree))

    def gap_joint_matrix(self, k: int) -> np.ndarray:
        """(V, V) float32: GAP's joint matrix `Id - B^k`, or Id for k = 0 (method.md 4.2).

        Reference quirks kept for parity, each pinned by a test:
        - Q1: NTU "joint" (k = 8) is the identity.
        - Q2: NTU "bone" (k = 1) has its root at SpineMid and leaves that joint absolute.
        - Q3: UCLA subtracts the children instead of the parent; "joint" (k = 6) still changes one joint.

        Raises:
            ValueError: negative k, or a layout GAP has no code for.
        """
        if k < 0:
            raise ValueError(f"skeleton {self.name!r}: k must be 0 or more, got {k}")
        identity = np.eye(self.num_joints, dtype=np.float32)
        to_parent = parent_matrix(self.parent_index("bone"))
        edges = to_parent if self._gap().edges == "to_parent" else to_parent.T
        return identity - np.linalg.matrix_power(edges, k) if k else identity

    def gap_k(self, modality: Modality) -> int:
        """The k for `gap_joint_matrix` in GAP's class for this modality. Errors as `gap_parts`."""
        return self._gap().k(modality)

    def gap_parts(self, modality: Modality) -> dict[str, tuple[int, ...]]:
        """GAP's part lists for this modality (method.md 6.2; quirks Q4 to Q6): part name -> joint indices.

        Raises:
            ValueError: an unknown modality, or a layout GAP has no code for.
        """
        return self._indices(self._gap().parts(modality))

    def _gap(self) -> GapTables:
        if self.gap is None:
            raise ValueError(
                f"skeleton {self.name!r}: GAP has no code for this layout, only for kinect_v2_25 and "
                "kinect_v1_20; use the default tables instead"
            )
        return self.gap

    def _parents_of(self, tree: Tree) -> Mapping[str, str]:
        given = {"anatomical": self.parents, "graph": self.graph_parents, "bone": self.bone_parents}
        parents = choose("tree", tree, given)
        return self.parents if parents is None else parents

    def _indices(self, parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
        return {part: tuple(map(self.joints.index, names)) for part, names in parts.items()}

    def _tree_problems(self) -> list[str]:
        problems = []
        if repeated := sorted({joint for joint in self.joints if self.joints.count(joint) > 1}):
            problems.append(f"joints: {repeated} stand there more than once")
        trees = {
            "parents": self.parents,
            "graph_parents": self.graph_parents,
            "bone_parents": self.bone_parents,
        }
        for what, parents in trees.items():
            problems += [] if parents is None else tree_problems(self.joints, parents, what)
        return problems

    def _part_problems(self) -> list[str]:
        covered = {joint for names in self.parts.values() for joint in names}
        problems = self._unknown("parts", covered)
        problems += [f"parts: {part!r} is empty" for part, names in self.parts.items() if not names]
        if uncovered := [joint for joint in self.joints if joint not in covered]:
            problems.append(f"parts: {uncovered} are in no part")
        for gap_parts in (self.gap.joint_parts, self.gap.bone_parts) if self.gap else ():
            problems += self._unknown("GAP parts", {joint for names in gap_parts.values() for joint in names})
        return problems

    def _mapping_problems(self) -> list[str]:
        problems = self._unknown("to_kinect_v2", {joint for names in self.to_kinect_v2 for joint in names})
        if len(self.to_kinect_v2) not in (0, len(KINECT_V2_JOINTS)) or not all(self.to_kinect_v2):
            sizes = [len(names) for names in self.to_kinect_v2]
            problems.append(f"to_kinect_v2: expected 25 entries of at least one joint, got sizes {sizes}")
        if unknown := sorted(self.substitutes - set(KINECT_V2_JOINTS)):
            problems.append(f"substitutes: {unknown} are not Kinect v2 joints")
        return problems

    def _unknown(self, what: str, names: set[str]) -> list[str]:
        unknown = sorted(names - set(self.joints))
        return [f"{what}: {unknown} are not among its joints"] if unknown else []
