"""Synthetic clips: generated figures that act out twelve actions in front of three cameras. NumPy only.

Nobody was recorded for them. They exist so that everything can be tried, tested and shown without a data set
whose terms forbid copies; scores on them say nothing about real recordings.
Layout `kinect_v1_20`, Kinect camera space: metres, y up, z away from the camera (data.md 2.1 and 4.1).
"""

import hashlib
from collections.abc import Iterator
from itertools import product

import numpy as np

from lst.data.store.clip_store import StoredClip
from lst.data.synthetic.actor import Cue, Person, hold, path
from lst.data.synthetic.figure import SIGNS, Array, Body, Pose, place_joints
from lst.data.synthetic.motions import MOTIONS, Motion
from lst.facts.skeleton import get_layout

LAYOUT = "kinect_v1_20"
FRAMES_PER_SECOND = 15.0
SHORTEST, LONGEST = 20, 80  # frames
VIEW_DEGREES = (-45.0, 0.0, 45.0)
"""How far the figure is turned about the vertical in view 1, 2, 3, seen from the camera."""


def synthetic_clips(
    *, seed: int = 0, subjects: int = 12, episodes: int = 2, views: int = 3
) -> Iterator[StoredClip]:
    """Every clip of `subjects` x `episodes` x `views` for all twelve actions, in clip-id order.

    Ids are `aAA_sSS_eEE_vVV`, counted from 1 but for the episode, which counts from 0 as in NW-UCLA; the
    label is AA - 1. A clip depends on (seed, its id) alone, so asking for more clips changes none. The views
    of an episode are performances of their own, not three pictures of one.

    Raises:
        ValueError: a count that is not positive or too large for an id; more than three views.
    """
    for name, count, most in (("subjects", subjects, 99), ("episodes", episodes, 100), ("views", views, 3)):
        if not 1 <= count <= most:
            raise ValueError(f"synthetic clips: {name} must be between 1 and {most}, got {count}")
    people = {subject: make_person(seed, subject) for subject in range(1, subjects + 1)}
    ids = product(range(1, len(MOTIONS) + 1), people, range(episodes), range(1, views + 1))
    return (_make_clip(seed, people[numbers[1]], *numbers) for numbers in ids)


def make_person(seed: int, subject: int) -> Person:
    """The body and the habits of one subject: the same in all of the subject's clips."""
    rng = generator(seed, f"subject {subject}")
    height, arms, legs, breadth = 1 + rng.normal(0, [0.06, 0.04, 0.04, 0.07]).clip(-0.14, 0.14)
    body = Body()
    scales = {"collar": breadth, "hip": breadth, "upper_arm": arms, "forearm": arms}
    scales |= {"thigh": legs, "shank": legs}
    lengths = {n: v * height * scales.get(n, 1.0) * rng.uniform(0.95, 1.05) for n, v in vars(body).items()}
    return Person(
        body=Body(**lengths),
        amplitude=rng.uniform(0.7, 1.2),
        tempo=rng.uniform(0.8, 1.25),
        left_handed=bool(rng.random() < 0.25),
        lean=rng.normal(0.03, 0.05),
        head_lean=rng.normal(0.05, 0.08),
        arm_spread=rng.uniform(0.08, 0.3),
        stance=rng.uniform(0.07, 0.17),
        toes_out=rng.uniform(0.0, 0.5),
        sway=rng.uniform(0.5, 1.5),
    )


def act(motion: Motion, person: Person, rng: np.random.Generator) -> Array:
    """One performance as (T, 20, 3): the clean figure on its floor, in the axes of `figure.py`."""
    cue = _cue(motion, person, rng)
    pose = at_ease(cue)
    motion.move(pose, cue)
    joints = place_joints(person.body, pose)
    return np.stack([joints[name] for name in get_layout(LAYOUT).joints], axis=1)


def at_ease(cue: Cue) -> Pose:
    """What a person does who has nothing to do: the pose that a motion then changes."""
    pose = _resting_pose(cue)
    _fidget(pose, cue)
    return pose


def _make_clip(seed: int, person: Person, action: int, subject: int, episode: int, view: int) -> StoredClip:
    clip_id = f"a{action:02d}_s{subject:02d}_e{episode:02d}_v{view:02d}"
    rng = generator(seed, clip_id)
    motion = list(MOTIONS.values())[action - 1]
    clean_TVC = act(motion, person, rng)
    seen_TVC = add_noise(film(clean_TVC, view, rng), rng)
    attributes = {"action": action, "subject": subject, "episode": episode, "view": view}
    return StoredClip(clip_id, action - 1, seen_TVC.astype(np.float32)[None], attributes)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers that depend on (seed, purpose) alone."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def _cue(motion: Motion, person: Person, rng: np.random.Generator) -> Cue:
    duration = rng.uniform(motion.shortest, motion.longest) / (person.tempo * rng.uniform(0.85, 1.15))
    before, after = rng.uniform(-0.15 * duration, 1.4, size=2)  # negative: the recording cuts the action
    frames = int(np.clip(round((before + duration + after) * FRAMES_PER_SECOND), SHORTEST, LONGEST))
    return Cue(rng, person, np.arange(frames) / FRAMES_PER_SECOND - before, duration)


def _resting_pose(cue: Cue) -> Pose:
    """Standing at ease: hanging or resting arms, and the small movements of somebody who waits."""
    person, frames, rng = cue.person, len(cue.seconds_T), cue.rng
    drift = person.sway * _drift(rng, cue.seconds_T, 15)
    arms = [_resting_arm(cue, sign) for sign in SIGNS]
    ankles = [[s * person.stance, person.toes_out + rng.normal(0, 0.1), rng.normal(0, 0.03)] for s in SIGNS]
    return Pose(
        pelvis_TC=drift[:, 0:3] * [0.02, 0.0, 0.015],
        torso_TA=drift[:, 3:6] * [0.03, 0.025, 0.06] + [person.lean + rng.normal(0, 0.03), 0.0, 0.0],
        head_TA=drift[:, 6:9] * [0.08, 0.05, 0.2] + [person.head_lean + rng.normal(0, 0.05), 0.0, 0.0],
        hands_TSC=np.array([hand for hand, _ in arms]) + 0.04 * drift[:, 9:15].reshape(frames, 2, 3),
        elbows_TSC=np.tile([elbow for _, elbow in arms], (frames, 1, 1)),
        palms_TSC=np.zeros((frames, 2, 3)),
        stance_SC=np.array(ankles),
        feet_TSC=np.zeros((frames, 2, 3)),
        toes_TS=np.zeros((frames, 2)),
    )


def _resting_arm(cue: Cue, sign: float) -> tuple[list[float], list[float]]:
    """Wrist and elbow direction of an arm that has nothing to do."""
    habit = cue.rng.random()
    if habit < 0.12:  # hand on the hip
        return [-0.05 * sign, -0.72, -0.12], [sign, 0.0, 0.3]
    if habit < 0.27:  # hand in front of the belly
        return [-0.2 * sign, cue.between(-0.7, -0.4), -0.42], [0.7 * sign, -1.0, 0.3]
    hanging = [sign * cue.person.arm_spread, -cue.between(0.9, 0.97), -cue.between(0.0, 0.2)]
    return hanging, [0.6 * sign, 0.0, 0.8]


def _fidget(pose: Pose, cue: Cue) -> None:
    """Something that no class is named after: a hand to the body, a look down, a shift of weight."""
    length = cue.between(0.7, 1.6)
    start = cue.between(cue.seconds_T[0], cue.seconds_T[-1] - length / 2)
    there = hold((cue.seconds_T - start) / length, 0.4)
    for side, sign in enumerate(SIGNS):
        if cue.chance(0.4):
            hand = path(cue.between(-0.45, 0.2) * sign, cue.between(-0.6, -0.1), -cue.between(0.35, 0.6))
            pose.reach(side, hand, there, elbow=(0.7 * sign, -1.0, 0.3))
    if cue.chance(0.4):
        pose.head_TA += there[:, None] * [cue.between(-0.1, 0.4), 0.0, cue.between(-0.5, 0.5)]
    if cue.chance(0.4):
        pose.torso_TA += there[:, None] * cue.rng.uniform([-0.05, -0.1, -0.3], [0.2, 0.1, 0.3])
    if cue.chance(0.4):
        pose.pelvis_TC += there[:, None] * [cue.between(-0.07, 0.07), -cue.between(0.0, 0.05), 0.0]


def _drift(rng: np.random.Generator, seconds_T: Array, count: int) -> Array:
    """(T, count) slow wandering around 0 with variance 1: three sine waves of random speed and phase."""
    hertz, phase = rng.uniform(0.1, 0.7, size=(3, 1, count)), rng.random(size=(3, 1, count))
    return np.sqrt(2 / 3) * np.sin(2 * np.pi * (hertz * seconds_T[:, None] + phase)).sum(axis=0)


def film(joints_TVC: Array, view: int, rng: np.random.Generator) -> Array:
    """From the figure's axes to those of a camera that stands somewhere near its view's place."""
    turn = np.deg2rad(VIEW_DEGREES[view - 1] + rng.normal(0, 15))
    tilt = np.deg2rad(rng.normal(0, 4))
    place = np.array([rng.uniform(-0.5, 0.5), -rng.uniform(0.7, 1.2), rng.uniform(2.2, 3.6)])
    turned = joints_TVC @ rotation_y(turn).T + place
    return turned @ _rotation_x(tilt).T


def rotation_y(angle: float) -> Array:
    """(3, 3) right-handed rotation about the vertical; the angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rotation_x(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def add_noise(joints_TVC: Array, rng: np.random.Generator) -> Array:
    """What a sensor adds: noise that grows with depth, restless joints, and single joints that jump away."""
    frames, joints = joints_TVC.shape[:2]
    restless_V = rng.uniform(0.006, 0.018, size=joints)
    white = rng.normal(size=joints_TVC.shape) * restless_V[:, None] * (joints_TVC[..., 2:] / 3)
    glitch_TV = rng.random((frames, joints)) < 0.005
    glitch_TV[1:] |= glitch_TV[:-1] & (rng.random((frames - 1, joints)) < 0.5)
    return joints_TVC + white + glitch_TV[..., None] * rng.normal(0, 0.15, size=joints_TVC.shape)
