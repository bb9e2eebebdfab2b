"""GapTables: what GAP's official code has instead of the tables of `lst`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from lst.facts.choices import Modality, choose

T = TypeVar("T")


@dataclass(frozen=True)
class GapTables:
    """What GAP's official code (commit ca17b54) hard-wires for a layout, quirks included.

    Kept for parity only (method.md 4.2, 6.2; quirks Q1 to Q6); `lst` itself uses the corrected tables.
    """

    joint_k: int
    """Power of the edge matrix in the class for "joint" (and joint motion)."""
    bone_k: int
    """The same in the class for "bone" (and bone motion)."""
    edges: Literal["to_parent", "to_children"]
    """Which neighbours a joint has subtracted: its parent (NTU) or, by a slip, its children (UCLA)."""
    joint_parts: Mapping[str, tuple[str, ...]]
    bone_parts: Mapping[str, tuple[str, ...]]

    def k(self, modality: Modality) -> int:
        return _by_modality(modality, self.joint_k, self.bone_k)

    def parts(self, modality: Modality) -> Mapping[str, tuple[str, ...]]:
        return _by_modality(modality, self.joint_parts, self.bone_parts)


def _by_modality(modality: Modality, joint: T, bone: T) -> T:
    """GAP has one class for a modality and its motion."""
    return choose(
        "modality", modality, {"joint": joint, "bone": bone, "joint_motion": joint, "bone_motion": bone}
    )
