"""The twelve synthetic actions: each function moves a resting figure's pose. NumPy only.

A motion draws its own variation (how high, how wide, how often, which side) from `cue.rng` and must show in
every clip what its class name says. Units and letters as in `figure.py`; time in seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lst.data.synthetic.actor import Cue, hold, keyed, path
from lst.data.synthetic.figure import LEFT, RIGHT, SIGNS, Array, Pose


def wave_right_hand(pose: Pose, cue: Cue) -> None:
    _wave(pose, cue, {RIGHT: cue.swing(1.0, 2.2)})


def wave_both_hands(pose: Pose, cue: Cue) -> None:
    swing = cue.swing(1.0, 2.2)
    # The same swing takes both hands to the same side of the room, the opposite one mirrors them.
    _wave(pose, cue, {LEFT: -swing if cue.chance(0.5) else swing, RIGHT: swing})


def _wave(pose: Pose, cue: Cue, swings: dict[int, Array]) -> None:
    height, width, ahead = cue.between(-0.05, 0.7), cue.size(0.1, 0.28), cue.between(0.1, 0.45)
    window = cue.window()
    for side, swing in swings.items():
        hand = path(SIGNS[side] * 0.38 + width * swing, height - 0.3 * width * swing**2, -ahead)
        pose.reach(side, hand, window, elbow=(SIGNS[side] * 0.7, -1.0, 0.0))


def clap(pose: Pose, cue: Cue) -> None:
    swing, window = cue.swing(1.2, 2.4), cue.window()
    half_gap = 0.045 + cue.size(0.05, 0.2) * (0.5 + 0.5 * swing)
    height, ahead = cue.between(-0.3, 0.08), cue.between(0.22, 0.38)
    for side, sign in enumerate(SIGNS):
        hand = cue.person.body.from_shoulder(side, path(sign * half_gap, height, -ahead))
        pose.reach(side, hand, window, elbow=(sign * 0.7, -1.0, 0.2))
        # Without this the hands would go on along the forearms and pass through each other.
        pose.palms_TSC[:, side] += window[:, None] * [0.45 * sign, 0.3, -0.8]


def punch_forward(pose: Pose, cue: Cue) -> None:
    side, window = cue.side(), cue.window(0.25)
    count = int(np.clip(round(cue.duration * cue.person.tempo / 0.8), 1, 4))
    alternate, height, guard = cue.chance(0.3), cue.between(-0.15, 0.2), cue.between(-0.2, 0.1)
    stretch = np.zeros((len(cue.seconds_T), 2))
    for i, progress in enumerate(cue.repeats(count)):
        out = keyed(progress, [(0.0, 0.0), (0.2, -0.1), (0.45, 1.0), (0.6, 1.0), (1.0, 0.0)])
        stretch[:, 1 - side if alternate and i % 2 else side] += out
    both = alternate or cue.chance(0.5)
    for s, sign in enumerate(SIGNS):
        if s == side or both:
            start, end = np.array([-0.1 * sign, guard, -0.42]), np.array([0.05 * sign, height, -0.95])
            hand = start + stretch[:, s, None] * (end - start)
            pose.reach(s, hand, window, elbow=(sign * 0.6, -1.0, 0.3))
    pose.torso_TA[:, 2] += window * cue.size(0.2, 0.5) * (stretch[:, RIGHT] - stretch[:, LEFT])
    pose.torso_TA[:, 0] += window * cue.size(0.03, 0.15) * stretch.sum(axis=1)


def raise_both_arms(pose: Pose, cue: Cue) -> None:
    count = 2 if cue.duration * cue.person.tempo > 2.4 and cue.chance(0.5) else 1
    top = min(max(cue.size(1.8, 3.0), 1.75), 3.05)  # from above the horizontal to straight up
    front, rise, length = cue.between(0.0, 1.5), cue.between(0.3, 0.5), cue.between(0.92, 0.99)
    angle = 0.12 + (top - 0.12) * np.sum([hold(progress, rise) for progress in cue.repeats(count)], axis=0)
    window = cue.window(0.3)
    for side, sign in enumerate(SIGNS):
        out = length * np.sin(angle)
        hand = path(sign * out * np.cos(front), -length * np.cos(angle), -out * np.sin(front))
        pose.reach(side, hand, window, elbow=(sign * 1.0, -0.3, 0.5))


def drink_from_cup(pose: Pose, cue: Cue) -> None:
    side, body = cue.side(), cue.person.body
    sign, sips = SIGNS[side], 2 if cue.duration * cue.person.tempo > 2.6 and cue.chance(0.5) else 1
    rise, low = cue.between(0.2, 0.4), cue.between(-0.5, -0.2)
    raised = np.sum([hold(progress, rise) for progress in cue.repeats(sips)], axis=0)
    waist = np.array([-0.1 * sign, low, -0.5])
    mouth = body.from_shoulder(side, [0.09 * sign, 0.55 * body.neck + cue.between(-0.02, 0.04), -0.15])
    pose.reach(side, path(*waist), cue.window(0.45), elbow=(sign * 0.6, -1.0, 0.3))
    pose.reach(side, mouth, raised, elbow=(sign * cue.between(0.5, 1.5), -1.0, -0.2))
    pose.palms_TSC[:, side] += raised[:, None] * [-0.6 * sign, 0.2, 0.2]
    pose.head_TA[:, 0] -= cue.size(0.1, 0.4) * raised**2


def nod_head(pose: Pose, cue: Cue) -> None:
    down = (0.5 + 0.5 * cue.swing(0.8, 1.8)) * cue.window()
    pose.head_TA[:, 0] += cue.size(0.4, 0.9) * down - 0.12 * cue.window()
    pose.torso_TA[:, 0] += cue.size(0.0, 0.08) * down


def bow(pose: Pose, cue: Cue) -> None:
    down = _repeated(cue, 3.0, hold_from=0.3)
    depth = cue.size(0.45, 1.2)
    pose.torso_TA[:, 0] += depth * down
    pose.head_TA[:, 0] += cue.between(0.0, 0.5) * down
    pose.pelvis_TC[:, 2] += 0.1 * depth * down  # the hips go back, or the figure would fall over
    pose.hang(cue.between(0.2, 1.0))


def squat(pose: Pose, cue: Cue) -> None:
    down = _repeated(cue, 1.8, hold_from=0.35)
    depth = min(cue.size(0.16, 0.45), 0.55)
    pose.pelvis_TC[:, 1] -= depth * cue.person.body.leg * down
    pose.pelvis_TC[:, 2] += (0.05 + 0.3 * depth) * down
    pose.torso_TA[:, 0] += (0.2 + cue.between(0.4, 1.0) * depth) * down
    pose.head_TA[:, 0] -= 0.3 * down
    arms, height = cue.rng.random(), cue.between(-0.3, 0.15)
    for side, sign in enumerate(SIGNS):
        if arms < 0.4:
            pose.reach(side, path(0.0, height + 0.3, -0.9), down, elbow=(sign * 1.0, -1.0, 0.0))
        elif arms < 0.6:
            pose.reach(side, path(-0.25 * sign, height - 0.2, -0.4), down, elbow=(sign * 1.0, -1.0, 0.2))
    if arms >= 0.6:
        pose.hang(0.9)


def _repeated(cue: Cue, seconds: float, hold_from: float) -> Array:
    """(T,) 0 to 1 and back, once or as often as `seconds` per repetition fit."""
    count = max(1, round(cue.duration * cue.person.tempo / seconds))
    rise = cue.between(hold_from, 0.5)
    return np.sum([hold(progress, rise) for progress in cue.repeats(count)], axis=0)


def kick_forward(pose: Pose, cue: Cue) -> None:
    side, leg = cue.side(), cue.person.body.leg
    count = max(1, round(cue.duration * cue.person.tempo / 1.3))
    height, back = min(cue.size(0.25, 0.6), 0.8), cue.between(0.05, 0.3)
    reach = np.sqrt(cue.between(0.93, 0.99) ** 2 - (1 - height) ** 2)  # the leg is nearly straight at the top
    keys = [
        (0.0, (0.0, 0.0, 0.0)),
        (0.3, (0.0, 0.2, back)),
        (0.55, (0.0, height, -reach)),
        (0.65, (0.0, height, -reach)),
        (0.85, (0.0, 0.12, -0.1)),
        (1.0, (0.0, 0.0, 0.0)),
    ]
    for progress in cue.repeats(count):
        offset = leg * keyed(progress, keys)
        pose.feet_TSC[:, side] += offset
        forward = np.clip(-offset[:, 2] / leg, 0, 1)
        pose.torso_TA[:, 0] -= cue.between(0.1, 0.35) * forward
        pose.toes_TS[:, side] += 0.6 * offset[:, 1] / leg
        _swing_arm(pose, 1 - side, cue.size(0.2, 0.9) * forward)
        _swing_arm(pose, side, -cue.size(0.1, 0.5) * forward)
    pose.pelvis_TC[:, 0] -= SIGNS[side] * 0.8 * cue.person.stance * cue.window()  # weight on the other leg


def march_in_place(pose: Pose, cue: Cue) -> None:
    swing, window, body = cue.swing(0.7, 1.2), cue.window(), cue.person.body
    height, arms = min(cue.size(0.12, 0.4), 0.5), cue.size(0.1, 0.8)
    back = cue.between(0.0, 0.1)
    for side, sign in enumerate(SIGNS):
        lift = np.clip(sign * swing, 0, 1) * window
        pose.feet_TSC[:, side] += body.leg * lift[:, None] * [0.0, height, back]
        pose.toes_TS[:, side] += 0.5 * lift
        _swing_arm(pose, side, -sign * arms * swing * window)
        pose.pelvis_TC[:, 0] -= sign * 0.5 * cue.person.stance * lift


def jump(pose: Pose, cue: Cue) -> None:
    count = max(1, round(cue.duration * cue.person.tempo / 1.1))
    height, crouch, arms = cue.size(0.1, 0.3), cue.size(0.08, 0.2), cue.size(0.2, 2.3)
    for side, sign in enumerate(SIGNS):
        pose.reach(side, path(0.2 * sign, -0.93, -0.1), cue.window(0.15), elbow=(0.6 * sign, 0.0, 0.8))
    for progress in cue.repeats(count):
        flight = np.clip((progress - 0.38) / 0.34, 0, 1)
        rise = height * 4 * flight * (1 - flight)  # a thrown body: a parabola in time
        bend = keyed(progress, [(0.0, 0.0), (0.24, 1.0), (0.38, 0.0), (0.72, 0.0), (0.84, 0.7), (1.0, 0.0)])
        pose.pelvis_TC[:, 1] += rise - crouch * bend
        pose.pelvis_TC[:, 2] += 0.3 * crouch * bend
        pose.feet_TSC[..., 1] += rise[:, None]
        pose.toes_TS += 0.7 * (rise / height)[:, None]
        pose.torso_TA[:, 0] += 1.5 * crouch * bend
        lift = keyed(progress, [(0.0, 0.0), (0.22, -0.4), (0.5, arms), (0.85, 0.2), (1.0, 0.0)])
        for side in (LEFT, RIGHT):
            _swing_arm(pose, side, lift)


def _swing_arm(pose: Pose, side: int, angle_T: Array) -> None:
    """Swing an arm about the shoulder from where it is: forward and up for a positive angle."""
    y, z = pose.hands_TSC[:, side, 1].copy(), pose.hands_TSC[:, side, 2].copy()
    pose.hands_TSC[:, side, 1] = np.cos(angle_T) * y - np.sin(angle_T) * z
    pose.hands_TSC[:, side, 2] = np.cos(angle_T) * z + np.sin(angle_T) * y


@dataclass(frozen=True)
class Motion:
    """One action and how long it takes, in seconds at tempo 1."""

    move: Callable[[Pose, Cue], None]
    shortest: float
    longest: float


MOTIONS: dict[str, Motion] = {
    "wave right hand": Motion(wave_right_hand, 1.5, 3.2),
    "wave both hands": Motion(wave_both_hands, 1.5, 3.2),
    "clap": Motion(clap, 1.2, 3.0),
    "punch forward": Motion(punch_forward, 0.8, 2.4),
    "raise both arms": Motion(raise_both_arms, 1.5, 3.2),
    "drink from cup": Motion(drink_from_cup, 1.8, 3.4),
    "nod head": Motion(nod_head, 1.3, 2.8),
    "bow": Motion(bow, 1.4, 3.0),
    "squat": Motion(squat, 1.3, 3.2),
    "kick forward": Motion(kick_forward, 0.9, 2.4),
    "march in place": Motion(march_in_place, 1.6, 3.4),
    "jump": Motion(jump, 0.8, 2.4),
}
"""Class name -> motion, in label order."""
