"""What two synthetic figures do with each other: two-person classes of NTU RGB+D. NumPy only.

Each function moves the resting poses of two actors who share one time axis and face each other along their
own -z axes. Units and letters as in `figure.py`; time in seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lst.data.synthetic.actor import Cue, hold, path, smooth
from lst.data.synthetic.figure import RIGHT, SIGNS, Array, Pose
from lst.data.synthetic.motions import kick_forward, punch_forward


@dataclass
class Actor:
    """One of the two: the pose that changes, and who moves when."""

    pose: Pose
    cue: Cue


def punch_other(first: Actor, second: Actor) -> None:
    punch_forward(first.pose, first.cue)
    _recoil(second, first.cue.between(0.2, 0.5))


def kick_other(first: Actor, second: Actor) -> None:
    kick_forward(first.pose, first.cue)
    _recoil(second, -first.cue.between(0.2, 0.5))  # hit in the belly, the trunk bends forward


def _recoil(actor: Actor, angle: float) -> None:
    """Away from the other, leaning back (or forward for a negative angle), and up again."""
    progress = next(actor.cue.repeats(1))
    hit = hold(np.clip(progress * 1.4 - 0.3, 0, 1), 0.3)
    actor.pose.torso_TA[:, 0] -= angle * hit
    actor.pose.pelvis_TC[:, 2] += actor.cue.size(0.05, 0.15) * hit
    actor.pose.head_TA[:, 0] -= 0.5 * angle * hit


def point_at_other(first: Actor, second: Actor) -> None:
    side, height = first.cue.side(), first.cue.between(-0.05, 0.25)
    pointed = hold(next(first.cue.repeats(1)), first.cue.between(0.2, 0.4))
    first.pose.reach(side, path(-0.1 * SIGNS[side], height, -0.96), pointed, elbow=(SIGNS[side], -1.0, 0.3))
    second.pose.head_TA[:, 0] += second.cue.between(-0.2, 0.2) * pointed


def shake_hands(first: Actor, second: Actor) -> None:
    beat, window = first.cue.swing(1.2, 2.2), first.cue.window(0.5)
    height, size = first.cue.between(-0.55, -0.35), first.cue.size(0.04, 0.12)
    for actor in (first, second):  # one beat for both: they hold each other
        _right_hand(actor, path(-0.35, height + size * beat, -0.72), window)


def high_five(first: Actor, second: Actor) -> None:
    height = first.cue.between(0.25, 0.6)
    raised = hold(next(first.cue.repeats(1)), 0.45)
    for actor in (first, second):
        _right_hand(actor, path(-0.3, height, -0.65), raised)


def play_rock_paper_scissors(first: Actor, second: Actor) -> None:
    count, size = 3, first.cue.size(0.2, 0.4)
    beats = np.sum([hold(progress, 0.5) for progress in first.cue.repeats(count)], axis=0)
    window = first.cue.window(0.3)
    for actor in (first, second):
        _right_hand(actor, path(-0.1, -0.45 + size * beats, -0.6), window)


def _right_hand(actor: Actor, hand_TC: Array, weight_T: Array) -> None:
    """The right hand to a place before the middle of the body, where the other's right hand is too."""
    actor.pose.reach(RIGHT, hand_TC, weight_T, elbow=(0.6, -1.0, 0.3))


def walk_towards(first: Actor, second: Actor) -> None:
    for actor in (first, second):
        _walk(actor, actor.cue.between(0.8, 1.1))


def walk_apart(first: Actor, second: Actor) -> None:
    """They stand back to back (see `Duet.turned`), so both simply walk on."""
    for actor in (first, second):
        _walk(actor, actor.cue.between(0.9, 1.4))


def _walk(actor: Actor, metres: float) -> None:
    """Forward by `metres` during the action, in steps of about 0.6 m."""
    cue, pose = actor.cue, actor.pose
    progress = next(cue.repeats(1))
    gone = metres * (0.5 * progress + 0.5 * smooth(progress))
    cycle, window = gone / cue.between(1.0, 1.3), cue.window(0.25)  # a cycle is two steps
    pose.pelvis_TC[:, 2] -= gone
    for side, sign in enumerate(SIGNS):
        phase = cycle + 0.5 * side
        swing = np.clip(2 * (phase % 1.0) - 0.5, 0, 1)  # the foot rests in the other half of its cycle
        place = np.floor(phase) + smooth(swing) - 0.5 * side
        pose.feet_TSC[:, side, 2] -= place * gone[-1] / max(cycle[-1], 1e-9)
        pose.feet_TSC[:, side, 1] += 0.1 * np.sin(np.pi * swing) * window
        pose.hands_TSC[:, side, 2] += 0.25 * sign * np.sin(2 * np.pi * cycle) * window


@dataclass(frozen=True)
class Duet:
    """An action of two, and how they stand before it."""

    move: Callable[[Actor, Actor], None]
    nearest: float
    farthest: float
    """Metres between the two when it begins."""
    turned: bool = False
    """Back to back instead of face to face."""


DUETS: dict[int, Duet] = {
    50: Duet(punch_other, 0.6, 0.8),
    51: Duet(kick_other, 0.8, 1.1),
    54: Duet(point_at_other, 0.9, 1.6),
    58: Duet(shake_hands, 0.85, 1.0),
    59: Duet(walk_towards, 2.6, 3.2),
    60: Duet(walk_apart, 0.4, 0.8, turned=True),
    112: Duet(high_five, 0.75, 0.95),
    120: Duet(play_rock_paper_scissors, 0.9, 1.3),
}
"""By action number of NTU RGB+D."""
