"""From bodies to persons: cases by hand, and random files against a literal account of the reference."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.ntu.clip import centre
from lst.data.ntu.persons import Notes, choose_persons
from lst.data.ntu.raw import RawFileError, read_bodies
from ntu_literal import literal_clip
from skeleton_files import Frame, frames_of, make_skeleton_file, moving, pose


def persons(frames: list[Frame], **rules: Any) -> tuple[np.ndarray, dict[str, int]]:
    notes: Notes = Notes()
    x_TD = choose_persons(read_bodies(make_skeleton_file(frames, digits=9)), notes, **rules)
    return x_TD, dict(+notes)


def flat(joints_TVC: np.ndarray) -> np.ndarray:
    return joints_TVC.astype(np.float32).reshape(-1, 75)


def same(x: np.ndarray, y: np.ndarray) -> bool:
    return x.shape == y.shape and x.tobytes() == y.tobytes()


def test_one_body_is_taken_as_it_is_and_time_closes_up():
    joints = moving(0, 3)
    x_TD, notes = persons(frames_of(5, {"7": ([1, 2, 4], joints)}))
    assert same(x_TD, flat(joints))
    assert notes == {"frames_without_body": 2}


def test_one_body_keeps_its_empty_frames():
    joints = moving(0, 3)
    joints[1] = 0
    x_TD, _ = persons(frames_of(3, {"7": (range(3), joints)}))
    assert same(x_TD, flat(joints))


def test_the_body_that_moves_more_comes_first():
    calm, lively = moving(1, 14, amount=0.01), moving(2, 14, amount=0.3, x=-0.7)
    x_TD, notes = persons(frames_of(14, {"1": (range(14), calm), "2": (range(14), lively)}))
    assert same(x_TD, np.concatenate([flat(lively), flat(calm)], axis=1))
    assert notes == {}


@pytest.mark.parametrize(("frames", "width"), [(11, 75), (12, 150)])
def test_a_body_of_11_frames_is_noise_and_one_of_12_is_not(frames: int, width: int):
    main, other = moving(1, 20, amount=0.01), moving(2, frames, amount=0.3)
    x_TD, notes = persons(frames_of(20, {"1": (range(20), main), "2": (range(frames), other)}))
    assert x_TD.shape == (20, width)
    assert notes == ({"short_bodies": 1} if width == 75 else {})


def test_a_gap_is_squeezed_out_and_the_empty_end_is_cut():
    main, noise = moving(1, 17), moving(2, 5)
    seen = [*range(7), *range(10, 20)]
    x_TD, notes = persons(frames_of(20, {"1": (seen, main), "2": (range(6, 11), noise)}))
    assert same(x_TD, flat(main))
    assert notes == {"short_bodies": 1, "gap_frames": 3, "empty_frames": 3}


def test_two_wide_bodies_leave_the_second():
    wide, wider = moving(1, 12, width=1.5), moving(2, 12, width=1.6, amount=0.01)
    x_TD, notes = persons(frames_of(12, {"1": (range(12), wide), "2": (range(12), wider)}))
    assert same(x_TD, flat(wider))
    assert notes == {"wide_bodies": 1, "all_wide": 1}


def test_one_long_wide_body_is_not_judged():
    wide = moving(1, 12, width=1.5)
    x_TD, notes = persons(frames_of(12, {"1": (range(12), wide), "2": (range(3), moving(2, 3))}))
    assert same(x_TD, flat(wide))
    assert notes == {"short_bodies": 1}


@pytest.mark.parametrize(("num_wide", "width"), [(20, 150), (21, 75)])
def test_a_partly_wide_body_moves_less_or_goes(num_wide: int, width: int):
    # 20 of 30 are below 0.69754, 21 of 30 are not. Wide frames count as no movement, and the
    # others have none: only the spread of the same pose remains.
    calm = moving(1, 30, amount=0.1)
    partly = np.repeat(pose(1)[None], 30, axis=0)
    partly[:num_wide] = moving(3, num_wide, amount=0.5, width=2.5)
    x_TD, notes = persons(frames_of(30, {"1": (range(30), partly), "2": (range(30), calm)}))
    assert same(x_TD[:, :75], flat(calm))
    assert x_TD.shape[1] == width
    assert notes == ({} if width == 150 else {"wide_bodies": 1})


def test_the_second_person_counts_as_there_from_the_start():
    # Motion falls from 41 to 43 to 42. 43 takes person 2 from 16 on; 42 (0 to 12) then finds [0, 29] taken.
    bodies = {
        "41": (range(30), moving(1, 30, amount=0.4)),
        "42": (range(13), moving(2, 13, amount=0.02)),
        "43": (range(16, 30), moving(3, 14, amount=0.2)),
    }
    x_TD, notes = persons(frames_of(30, bodies))
    assert same(x_TD[16:, 75:], flat(bodies["43"][1]))
    assert not x_TD[:16, 75:].any()
    assert notes == {"left_out_bodies": 1}


@pytest.mark.parametrize(("start", "persons_used"), [(15, 1), (14, 1), (13, 2)])
def test_a_new_id_goes_to_the_first_person_if_at_most_one_frame_is_common(start: int, persons_used: int):
    first, second = moving(1, 15, amount=0.3), moving(2, 30 - start, amount=0.1)
    x_TD, notes = persons(frames_of(30, {"1": (range(15), first), "2": (range(start, 30), second)}))
    assert x_TD.shape == (30, 150)
    column = 75 * (persons_used - 1)
    assert same(x_TD[start:, column : column + 75], flat(second))  # overwrites a common frame
    assert x_TD[:, 75:].any() == (persons_used == 2)
    assert notes == {}


def test_no_body_at_all():
    for content, frames in ((b"3\n0\n0\n0\n", 3), (b"0\n", 0)):
        with pytest.raises(RawFileError, match=f"no body in any of {frames} frames"):
            choose_persons(read_bodies(content), Notes())


def test_only_short_bodies():
    bodies = {"1": (range(11), moving(1, 11, amount=0.01)), "2": (range(11), moving(2, 11, amount=0.2))}
    with pytest.raises(RawFileError, match="all 2 bodies shorter than 12 frames"):
        persons(frames_of(11, bodies))
    x_TD, notes = persons(frames_of(11, bodies), short="keep")
    assert same(x_TD, flat(bodies["2"][1]))
    assert notes == {"kept_short": 1}


def test_nan_is_kept_and_comes_last():
    unknown, calm = moving(1, 12, amount=0.5), moving(2, 12, amount=0.001)
    unknown[3, 4, 1] = np.nan
    x_TD, _ = persons(frames_of(12, {"1": (range(12), unknown), "2": (range(12), calm)}))
    assert same(x_TD, np.concatenate([flat(calm), flat(unknown)], axis=1))


def test_centring_by_hand():
    x_TD = np.zeros((3, 75), dtype=np.float32)
    x_TD[1] = np.arange(75)
    x_TD[2] = 1
    expected = np.stack(
        [np.tile([-3.0, -4, -5], 25), np.arange(75) - np.tile([3, 4, 5], 25), np.tile([-2, -3, -4], 25)]
    )
    assert same(centre(x_TD), expected.astype(np.float32))
    two_TD = np.concatenate([x_TD, x_TD[::-1]], axis=1)
    both = np.concatenate([expected, expected[::-1]], axis=1)
    both[0, :75] = both[2, 75:] = 0  # with two persons, an absent one stays 0
    assert same(centre(two_TD), both.astype(np.float32))


@pytest.mark.parametrize("width", [75, 150])
def test_centring_needs_the_first_person(width: int):
    x_TD = np.zeros((2, width), dtype=np.float32)
    x_TD[:, 75:] = 1
    with pytest.raises(RawFileError, match="all joints of the first person are 0 in all frames"):
        centre(x_TD)
    with pytest.raises(RawFileError, match="all joints of the first person"):
        centre(x_TD[:0])


SEEN = st.lists(st.booleans(), min_size=16, max_size=40)
BODY = st.tuples(
    SEEN, st.floats(0.01, 0.5), st.sampled_from([0.4, 0.4, 1.5]), st.integers(0, 30), st.booleans()
)


@settings(max_examples=150, deadline=None)
@given(st.lists(BODY, min_size=1, max_size=5))
def test_any_file_gives_what_the_text_says(bodies: list[tuple[list[bool], float, float, int, bool]]):
    seen_joints = {}
    for number, (seen, amount, width, start, is_whole) in enumerate(bodies):
        frames = [start + t for t, is_seen in enumerate(seen) if is_seen or is_whole]
        joints = moving(number, len(frames), amount=amount, width=width, x=0.3 * number)
        partly = np.random.default_rng(start).random(len(frames)) < 0.3
        joints[partly] = moving(9, int(partly.sum()), amount=amount, width=1.5)
        seen_joints[f"7{number}"] = (frames, joints)
    frames = frames_of(72, seen_joints)
    expected = literal_clip([[(i, np.float32(j)) for i, j in frame] for frame in frames])
    if isinstance(expected, str):
        with pytest.raises(RawFileError, match=expected):
            centre(persons(frames)[0])
    else:
        assert same(centre(persons(frames)[0]), expected)


def test_the_poses_of_these_tests_are_as_wide_as_they_say():
    size = np.ptp(pose(0), axis=0)
    assert size[0] == pytest.approx(0.4)
    assert size[1] == pytest.approx(1.7)
