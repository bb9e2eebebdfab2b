"""Recordings that cannot be what they are said to be: told in one line each, with the reason and the remedy.

Used alike when recordings are prepared, when a net is trained and when it is used. NumPy only.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from lst.data.input.body_statistics import BodyStatistics
from lst.facts.coordinates import Coordinates
from lst.facts.joint_roles import mirrored_order
from lst.facts.skeleton import Skeleton

Kind = Literal["unit", "up", "origin", "joints", "sides", "missing"]

LOWEST, HIGHEST = 0.5, 2.5
"""Metres from head to foot along the bones, from a child of two years to a giant."""
_FACTORS = (("mm", "millimetres", 1000.0), ("cm", "centimetres", 100.0))
_WRONG = {3: 0.45, 2: 0.8}
"""How far, as a natural logarithm, a bone may be from that of training, in shares of the body."""
_LESS = 0.4
"""An exchange of two joints explains misfits if it leaves at most this share of them."""


@dataclass(frozen=True)
class Finding:
    """One implausible thing. `str(finding)` is the line for people."""

    kind: Kind
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def check_body(
    body: BodyStatistics,
    training: BodyStatistics | None,
    coordinates: Coordinates | None,
    skeleton: Skeleton,
    *,
    centred: bool = False,
    scaled: bool = False,
) -> list[Finding]:
    """What is implausible about recordings, the worst first.

    training: those that the net learnt from; None when recordings are prepared or trained on.
    coordinates: what is said of the numbers; None = metres, y up.
    centred, scaled: whether the pipeline puts the origin and the size right (`InputPipeline.centres`,
        `.scales`), so that neither matters.
    """
    if body.poses == 0:
        return [Finding("missing", "nobody is in these recordings", "look whether the reader fits the files")]
    known = coordinates or Coordinates()
    findings = [] if scaled else _unit(body, training, known)
    findings += _up(body, training)
    if training is not None:
        findings += [] if centred or findings else _origin(body, training)
        findings += _joints(body, training, skeleton)
    else:
        findings += _uneven(body, skeleton)
    return findings + _sides(body, training) + _missing(body, training)


def _unit(body: BodyStatistics, training: BodyStatistics | None, known: Coordinates) -> list[Finding]:
    if body.stature is None or known.channels != "xyz":
        return []
    low, high, normal = LOWEST, HIGHEST, "0.5 to 2.5 m"
    if training is not None and training.stature is not None:
        low, high = training.stature / 2.5, training.stature * 2.5
        normal = f"in training {training.stature:,.3g}"
    if low <= body.stature <= high:
        return []
    found = f"median body height {body.stature:,.4g}, expected {normal}"
    for unit, word, factor in _FACTORS:
        if low <= body.stature / factor <= high:
            return [Finding("unit", f"{found}: looks like {word}", f"say --unit {unit}")]
    if body.stature < low:
        return [Finding("unit", f"{found}: looks scaled, not metric", "give recordings in metres")]
    return [Finding("unit", f"{found}: no unit of length fits", "say the unit with --unit")]


def _up(body: BodyStatistics, training: BodyStatistics | None) -> list[Finding]:
    expected = "y" if training is None or training.up is None else training.up
    if body.up in (None, expected):
        return []
    where = "" if training is None else f" (in training {expected})"
    return [
        Finding("up", f"heads lie on the side of {body.up}, not of {expected}{where}", f"say --up {body.up}")
    ]


def _origin(body: BodyStatistics, training: BodyStatistics) -> list[Finding]:
    """Both centred, or both as far from the camera as people are."""
    if body.hips_off is None or training.hips_off is None or training.stature is None:
        return []
    ours, theirs = body.hips_off / training.stature, training.hips_off / training.stature
    alike = ours < 0.5 if theirs < 0.25 else ours > 0.25 or theirs < 0.5
    if alike and abs(ours - theirs) < 1.5:
        return []
    return [
        Finding(
            "origin",
            f"the hips begin {body.hips_off:.2f} from the origin, in training {training.hips_off:.2f}: not "
            "centred as there",
            "centre the recordings as before training, or train with the step Centre (--input 'Centre()')",
        )
    ]


def _joints(body: BodyStatistics, training: BodyStatistics, skeleton: Skeleton) -> list[Finding]:
    if body.stature is None or training.stature is None:
        return []
    misfits = _misfits(body, training, skeleton, list(range(skeleton.num_joints)))
    limit = _WRONG[training.dims]
    wrong = sorted((joint for joint, off in misfits.items() if off > limit), key=lambda j: -misfits[j])
    if not wrong:
        return []
    named = ", ".join(f"{joint} ({_times(body, training, joint)})" for joint in wrong[:3])
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    message = f"bones do not fit those of training: {named}{more}"
    total = sum(misfits.values())
    pair, left = _best_exchange(body, training, skeleton)
    if left < _LESS * total:
        names = " and ".join(skeleton.joints[i] for i in pair)
        return [
            Finding("joints", f"{message}: {names} look exchanged", "give the order of joints with --joints")
        ]
    return [Finding("joints", message, "check the layout and the order of joints (--layout, --joints)")]


def _times(body: BodyStatistics, training: BodyStatistics, joint: str) -> str:
    assert body.stature is not None
    assert training.stature is not None
    times = (body.bones[joint] / body.stature) / (training.bones[joint] / training.stature)
    return f"{times:.2g} times as long"


def _misfits(
    body: BodyStatistics, training: BodyStatistics, skeleton: Skeleton, order: list[int]
) -> dict[str, float]:
    """Child joint -> |log| of its bone's length against training, sizes aside, with joints in this order."""
    pairs = {
        skeleton.joints[child]: (order[child], order[parent])
        for child, parent in enumerate(skeleton.parent_index())
        if training.bones.get(skeleton.joints[child]) and skeleton.joints[child] in body.bones
    }
    logs = {
        joint: float(np.log(max(body.distances[i][j], 1e-9) / training.bones[joint]))
        for joint, (i, j) in pairs.items()
    }
    if not logs:
        return {}
    size = float(np.median(list(logs.values())))  # of most bones; wrong ones do not move it
    return {joint: abs(log - size) for joint, log in logs.items()}


def _best_exchange(
    body: BodyStatistics, training: BodyStatistics, skeleton: Skeleton
) -> tuple[tuple[int, int], float]:
    """The two joints whose exchange makes the bones fit best, and what misfit is left."""
    best, least = (0, 0), float("inf")
    for i, j in combinations(range(skeleton.num_joints), 2):
        order = list(range(skeleton.num_joints))
        order[i], order[j] = j, i
        left = sum(_misfits(body, training, skeleton, order).values())
        if left < least:
            best, least = (i, j), left
    return best, least


def _uneven(body: BodyStatistics, skeleton: Skeleton) -> list[Finding]:
    """Without a training to compare with: left and right are equally long, and bones do not stretch."""
    if body.dims != 3:
        return []
    uneven = []
    for joint, length in body.bones.items():
        partner = _other_side(joint, skeleton)
        if body.bones.get(partner or "") and length > 1.5 * body.bones[str(partner)]:
            uneven.append(f"{joint} {length / body.bones[str(partner)]:.1f} times {partner}")
    elastic = [joint for joint, spread in body.spreads.items() if spread > 0.25]
    if not uneven and not elastic:
        return []
    what = [f"bones differ by side ({', '.join(uneven[:2])})"] if uneven else []
    what += [f"bones change their length ({', '.join(elastic[:3])})"] if elastic else []
    return [
        Finding("joints", " and ".join(what), "check the layout and the order of joints (--layout, --joints)")
    ]


def _other_side(joint: str, skeleton: Skeleton) -> str | None:
    partner = skeleton.joints[mirrored_order(skeleton)[skeleton.joints.index(joint)]]
    return None if partner == joint else partner


def _sides(body: BodyStatistics, training: BodyStatistics | None) -> list[Finding]:
    if training is None or body.forward is None or training.forward is None:
        return []
    if abs(body.forward - training.forward) < 0.5:
        return []
    return [
        Finding(
            "sides",
            f"left and right look exchanged: feet point forward in {100 * body.forward:.0f} % of poses, in "
            f"training in {100 * training.forward:.0f} %",
            "check whether the picture is mirrored, and the order of joints (--joints)",
        )
    ]


def _missing(body: BodyStatistics, training: BodyStatistics | None) -> list[Finding]:
    before = {} if training is None else training.missing
    often = {j: m for j, m in body.missing.items() if m > max(0.3, 1.5 * before.get(j, 0.0))}
    findings = []
    if often:
        named = ", ".join(f"{joint} in {100 * share:.0f} %" for joint, share in list(often.items())[:3])
        more = f" and {len(often) - 3} more joints" if len(often) > 3 else ""
        findings = [
            Finding(
                "missing",
                f"joints are missing: {named}{more} of the poses",
                "see `lst check`",
            )
        ]
    if body.not_finite:
        findings.append(
            Finding("missing", f"{body.not_finite} numbers are infinite", "mend the files they come from")
        )
    return findings
