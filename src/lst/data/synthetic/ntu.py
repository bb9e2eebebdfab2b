"""Synthetic clips in the form of NTU RGB+D's raw files: the figures as a Kinect v2 would report them.

Nobody was recorded for them. They have NTU's file names, joints and class numbers, so that everything from
the raw file to the table can be tried and timed; scores on them say nothing about real recordings.
Letters: M persons, T frames, V joints, C channels; Kinect camera space (metres, y up, z away).
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from lst.data.ntu.raw_fast import RawBodies
from lst.data.ntu.write import as_written
from lst.data.synthetic import motions
from lst.data.synthetic.actor import Cue, Person
from lst.data.synthetic.clips import add_noise, at_ease, film, generator, make_person, rotation_y
from lst.data.synthetic.figure import Array, Pose, place_joints
from lst.data.synthetic.interactions import DUETS, Actor
from lst.data.synthetic.sensor_faults import ACCIDENTS, new_sights, to_raw
from lst.facts.choices import choose
from lst.facts.clip_ids import NtuId, parse_ntu_id
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.skeleton_type import KINECT_V2_JOINTS

FRAMES_PER_SECOND = 30.0
SHORTEST, LONGEST = 30, 300  # frames; the longest recording has 300
MEAN_FRAMES = 84.0
"""Of NTU RGB+D."""
MOST_CLIPS = 20_000
DUET_SHARE = 0.2
"""Share of clips with two persons, for 1.2 bodies per frame as in NTU RGB+D."""
ACCIDENT_SHARE = 0.05
"""Share of clips with an accident."""

Move = Callable[[Pose, Cue], None]
SOLOS: Mapping[int, tuple[Move, ...]] = {
    1: (motions.drink_from_cup,),
    10: (motions.clap,),
    22: (motions.raise_both_arms,),  # cheer up
    23: (motions.wave_right_hand, motions.wave_both_hands),
    24: (motions.kick_forward,),
    27: (motions.jump,),
    35: (motions.nod_head, motions.bow),
    80: (motions.squat,),
    95: (motions.raise_both_arms,),  # hands up (both hands)
    99: (motions.march_in_place,),  # running on the spot
}
"""Action number of NTU RGB+D -> the motions that its name fits."""

_LAST_ACTION = {"ntu60": 60, "ntu120": 120}
_STRIDE = 2521  # prime; so every clip number of an action gives another name, far from the one before
_PARTNER = 500  # added to a subject's number: who acts with them


def ntu_clip_ids(dataset: str, clips: int) -> list[str]:
    """Names of `clips` clips of "ntu60" or "ntu120", sorted; they depend on these two alone.

    The share `DUET_SHARE` has two persons; classes come equally often within each kind; setups, cameras,
    subjects and replications are mixed, so that a few hundred clips fill both splits of all protocols. No
    name is on the published list of missing skeletons.

    Raises:
        ValueError: an unknown data set, or not 1 to `MOST_CLIPS` clips.
    """
    last = choose("NTU data set", dataset, _LAST_ACTION)
    if not 1 <= clips <= MOST_CLIPS:
        raise ValueError(f"synthetic clips: expected 1 to {MOST_CLIPS:,}, got {clips:,}")
    names = {
        kind: _names([a for a in actions if a <= last]) for kind, actions in (("1", SOLOS), ("2", DUETS))
    }
    is_duet = np.diff(np.floor(np.arange(clips + 1) * DUET_SHARE)) > 0
    return sorted(next(names["2" if duet else "1"]) for duet in is_duet)


def _names(actions: list[int]) -> Iterator[str]:
    """Clip after clip, the actions in turn."""
    left_out = ntu_missing_skeletons()
    for number in range(10 * MOST_CLIPS):
        for action in actions:
            name = _name(action, number)
            if name not in left_out:
                yield name


def _name(action: int, number: int) -> str:
    """NTU RGB+D 60 has setups 1 to 17 and subjects 1 to 40, the rest of NTU RGB+D 120 the others."""
    setups, subjects = (range(1, 18), range(1, 41)) if action <= 60 else (range(18, 33), range(41, 107))
    place = (number * _STRIDE + 7 * action) % (3 * len(setups) * 2 * len(subjects))
    place, camera = divmod(place, 3)
    place, setup = divmod(place, len(setups))
    replication, subject = divmod(place, len(subjects))
    return f"S{setups[setup]:03d}C{camera + 1:03d}P{subjects[subject]:03d}R{replication + 1:03d}A{action:03d}"


def make_raw(
    seed: int, clip_id: str, *, mean_frames: float = MEAN_FRAMES, accidents: float = ACCIDENT_SHARE
) -> RawBodies:
    """The bodies of one clip, a function of the arguments alone. Joints are rounded as in a file.

    Args:
        mean_frames: mean length; a clip has 30 to 300 frames, 30 of them per second.
        accidents: share of clips with one of the accidents of `lst.data.synthetic.sensor_faults`.

    Raises:
        ValueError: `clip_id` has another form or an action that no figure acts; a mean below 30 or above 200.
    """
    if not SHORTEST <= mean_frames <= 200:
        raise ValueError(f"synthetic clips: expected a mean of {SHORTEST} to 200 frames, got {mean_frames:g}")
    numbers = parse_ntu_id(clip_id)
    rng = generator(seed, clip_id)
    persons_MTVC = _act(seed, numbers, _length(rng, mean_frames), rng)
    count, frames, joints = persons_MTVC.shape[:3]
    scene_TVC = persons_MTVC.swapaxes(0, 1).reshape(frames, count * joints, 3)
    seen_TVC = add_noise(film(scene_TVC, numbers.camera, rng), rng)
    sights = new_sights(seen_TVC.reshape(frames, count, joints, 3).swapaxes(0, 1), rng)
    if rng.random() < accidents:
        sights = ACCIDENTS[rng.integers(len(ACCIDENTS))](sights, rng)
    raw = to_raw(frames, sights)
    return RawBodies(raw.bodies_T, raw.ids, as_written(raw.joints_BVC), 0)


def _length(rng: np.random.Generator, mean: float) -> int:
    """Frames, log-normal above the shortest with the mean asked for."""
    spread = 0.6
    above = (mean - SHORTEST) * np.exp(spread * rng.normal() - spread**2 / 2)
    return min(round(SHORTEST + above), LONGEST)


def _act(seed: int, numbers: NtuId, frames: int, rng: np.random.Generator) -> Array:
    """(M, T, 25, 3): one performance on its floor, in the axes of `figure.py`."""
    cue = _cue(make_person(seed, numbers.subject), frames, rng)
    if numbers.action in SOLOS:
        pose, moves = at_ease(cue), SOLOS[numbers.action]
        moves[rng.integers(len(moves))](pose, cue)
        return _to_kinect_v2(place_joints(cue.person.body, pose))[None]
    if numbers.action not in DUETS:
        acted = ", ".join(map(str, sorted({*SOLOS, *DUETS})))
        raise ValueError(f"synthetic clips: no figure acts A{numbers.action:03d}; there are {acted}")
    duet = DUETS[numbers.action]
    other = Cue(rng, make_person(seed, _PARTNER + numbers.subject), cue.seconds_T, cue.duration)
    actors = [Actor(at_ease(each), each) for each in (cue, other)]
    duet.move(*actors)
    gap = rng.uniform(duet.nearest, duet.farthest)
    return np.stack(
        [
            _stage(
                _to_kinect_v2(place_joints(actor.cue.person.body, actor.pose)), sign, gap, duet.turned, rng
            )
            for actor, sign in zip(actors, (-1.0, 1.0), strict=True)
        ]
    )


def _cue(person: Person, frames: int, rng: np.random.Generator) -> Cue:
    """The action begins soon after the recording and ends a little before it."""
    total = frames / FRAMES_PER_SECOND
    before, duration = rng.uniform(0.05, 0.2) * total, rng.uniform(0.6, 0.8) * total
    return Cue(rng, person, np.arange(frames) / FRAMES_PER_SECOND - before, duration)


def _stage(joints_TVC: Array, sign: float, gap: float, turned: bool, rng: np.random.Generator) -> Array:
    """Put an actor to the left (-1) or right (1) of the middle, facing it, or with the back to it."""
    angle = sign * (-np.pi / 2 if turned else np.pi / 2) + rng.normal(0, 0.08)
    return joints_TVC @ rotation_y(angle).T + [sign * gap / 2, 0.0, rng.normal(0, 0.03)]


def _to_kinect_v2(joints: Mapping[str, Array]) -> Array:
    """Joint name of `kinect_v1_20` -> (T, 3) becomes (T, 25, 3): a longer spine, a neck and fingers."""
    base, spine, shoulders, head = (joints[n] for n in ("HipCenter", "Spine", "ShoulderCenter", "Head"))
    found = {**joints, "SpineBase": base, "SpineMid": (spine + shoulders) / 2}
    found |= {"SpineShoulder": shoulders, "Neck": shoulders + 0.35 * (head - shoulders)}
    for side in ("Left", "Right"):
        hand = joints[f"Hand{side}"]
        along = hand - joints[f"Wrist{side}"]
        along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        found[f"HandTip{side}"] = hand + 0.08 * along
        # So the thumb of a hanging hand points forward.
        found[f"Thumb{side}"] = hand + 0.03 * along + 0.04 * np.cross([1.0, 0.0, 0.0], along)
    return np.stack([found[name] for name in KINECT_V2_JOINTS], axis=1)
