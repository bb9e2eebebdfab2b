"""The corrected pipeline of NTU RGB+D: every difference to the reference, computed by hand."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.exchange.npz_export import export_npz
from lst.data.ntu.clip import convert
from lst.data.ntu.prepare import prepare_ntu
from lst.data.ntu.raw import RawFileError
from lst.facts.benchmarks import get_benchmark
from skeleton_files import frames_of, make_skeleton_file, moving

# Joint j is at (0.25 for odd j, j / 16, 0.125): 1.5 m high, 0.25 m wide, exact in 7 digits and float32.
FIGURE = np.float32([[0.25 * (j % 2), j / 16, 0.125] for j in range(25)])
WIDE = FIGURE * np.float32([8, 1, 1])  # 2 m, more than 0.8 of 1.5 m
SPINE_MID = FIGURE[1]
Sights = tuple[Sequence[int], Sequence[float]]
"""Frames of a body, and where it stands then: x in metres."""


def file_of(num_frames: int, *bodies: Sights, figure: np.ndarray = FIGURE) -> bytes:
    found = {str(70 + i): (frames, standing(xs, figure)) for i, (frames, xs) in enumerate(bodies)}
    return make_skeleton_file(frames_of(num_frames, found))


def standing(xs: Sequence[float], figure: np.ndarray = FIGURE) -> np.ndarray:
    return np.stack([figure + np.float32([x, 0, 3]) for x in xs])


def cleaned(content: bytes) -> tuple[np.ndarray, dict[str, int]]:
    joints_MTVC, notes = convert(content, pipeline="clean")
    assert joints_MTVC.dtype == np.float32
    return joints_MTVC, dict(notes)


def places(joints_MTVC: np.ndarray) -> list[list[float | None]]:
    """For each person the x of every frame relative to the origin; None where the person is absent.

    Checks that the rest of the figure is where it must be."""
    found: list[list[float | None]] = []
    for joints_TVC in joints_MTVC:
        found.append([])
        for joints_VC in joints_TVC:
            x = None if not joints_VC.any() else float(joints_VC[1, 0])
            found[-1].append(x)
            if x is not None:
                assert np.array_equal(joints_VC, FIGURE - SPINE_MID + np.float32([x, 0, 0]))
    return found


def swing(count: int, x: float, amount: float) -> list[float]:
    """Places around x; a larger amount moves more."""
    return [x + amount * (i % 2) for i in range(count)]


def test_a_lost_body_is_filled_on_a_straight_line_and_stays_in_time():
    joints, notes = cleaned(file_of(7, ([0, 1, 4, 6], [1, 2, 3.5, 4.5])))
    assert places(joints) == [[0, 1, 1.5, 2, 2.5, 3, 3.5]]
    assert notes == {"filled_frames": 3}


def test_frames_without_anybody_stay_inside_and_go_at_the_ends():
    joints, notes = cleaned(
        file_of(33, (range(2, 14), swing(12, 1, 0.5)), (range(17, 30), swing(13, 2, 0.25)))
    )
    there = swing(12, 0, 0.5), swing(13, 1, 0.25)
    assert places(joints) == [[*there[0], None, None, None, *there[1]]]
    assert notes == {"trimmed_frames": 5, "nobody_frames": 3}
    joints, notes = cleaned(file_of(9, (range(2, 6), [1, 1, 1, 2])))
    assert places(joints) == [[0, 0, 0, 1]]
    assert notes == {"trimmed_frames": 5}


def test_an_end_where_only_noise_was_seen_is_cut_too():
    joints, notes = cleaned(file_of(20, (range(4), [7] * 4), (range(4, 20), swing(16, 1, 0.5))))
    assert places(joints) == [swing(16, 0, 0.5)]
    assert notes == {"trimmed_frames": 4, "short_bodies": 1}


@pytest.mark.parametrize(("start", "num_persons"), [(13, 2), (14, 1), (16, 1)])
def test_one_common_frame_is_an_overlap(start: int, num_persons: int):
    first, second = swing(14, 1, 0.5), swing(14, 1.625, 0.25)  # 0.125 m from where the first one was last
    joints, _ = cleaned(file_of(30, (range(14), first), (range(start, start + 14), second)))
    found = places(joints)
    assert len(found) == num_persons
    assert found[0][:14] == swing(14, 0, 0.5)
    assert found[-1][start:] == swing(14, 0.625, 0.25)
    if num_persons == 2:
        assert found[1][:13] == [None] * 13


def test_the_second_person_is_not_there_before_its_first_piece():
    """data.md 1.4: the reference drops the last body, because person 2 counts as there from the start."""
    content = file_of(
        30,
        (range(30), swing(30, 1, 1)),
        (range(16, 30), swing(14, 2.5, 0.5)),
        (range(13), swing(13, 3, 0.25)),
    )
    assert convert(content)[1]["left_out_bodies"] == 1
    joints, notes = cleaned(content)
    assert places(joints) == [
        swing(30, 0, 1),
        [*swing(13, 2, 0.25), None, None, None, *swing(14, 1.5, 0.5)],
    ]
    assert notes == {}


def test_a_piece_fits_between_two_others():
    """The reference drops it: there both persons count as there from their first frame to their last."""
    content = file_of(
        *(36, (range(36), swing(36, 1, 1)), (range(12), swing(12, 3, 0.5))),
        *((range(24, 36), swing(12, 3.75, 0.5)), (range(12, 24), swing(12, 3.5, 0.25))),
    )
    assert convert(content)[1]["left_out_bodies"] == 1
    joints, notes = cleaned(content)
    assert places(joints)[1] == [*swing(12, 2, 0.5), *swing(12, 2.5, 0.25), *swing(12, 2.75, 0.5)]
    assert notes == {}


def test_of_three_at_a_time_the_two_that_move_most_stay():
    bodies = [(range(12), swing(12, x, amount)) for x, amount in ((1, 0.25), (3, 1), (5, 0.5))]
    joints, notes = cleaned(file_of(12, *bodies))
    assert places(joints) == [swing(12, 0, 1), swing(12, 2, 0.5)]
    assert notes == {"left_out_bodies": 1}


def test_returning_persons_are_told_apart_by_where_they_are():
    left, right = (range(12), swing(12, 1, 0.5)), (range(12), swing(12, 5, 0.25))
    right_again, left_again = (range(14, 26), swing(12, 4.75, 1)), (range(14, 26), swing(12, 2, 0.125))
    joints, _ = cleaned(file_of(26, left, right, right_again, left_again))
    nobody = [None, None]
    # The right one is person 0: one of its pieces moves most. Its first place is the origin.
    assert places(joints) == [
        [*swing(12, 0, 0.25), *nobody, *swing(12, -0.25, 1)],
        [*swing(12, -4, 0.5), *nobody, *swing(12, -3, 0.125)],
    ]


def test_a_newcomer_does_not_take_the_place_of_who_goes_on():
    """The second person moves more and stands 0.875 m away; the first goes on under a new id."""
    first, again = swing(12, 1, 0.125), swing(12, 1.125, 0.125)
    joints, notes = cleaned(
        file_of(24, (range(12), first), (range(12, 24), again), (range(12, 24), swing(12, 2, 1)))
    )
    found = sorted(places(joints), key=lambda person: person[0] is None)
    origin = found[0][0]
    assert origin is not None
    assert [x - origin for x in found[0] if x is not None] == [*swing(12, 0, 0.125), *swing(12, 0.125, 0.125)]
    assert found[1][:12] == [None] * 12
    assert notes == {}


def test_who_is_out_of_reach_of_both_persons_is_left_out_and_told():
    bodies = (range(36), swing(36, 1, 1)), (range(18), swing(18, 3, 0.5)), (range(20, 33), swing(13, 6, 0.25))
    joints, notes = cleaned(file_of(36, *bodies))
    assert places(joints) == [swing(36, 0, 1), [*swing(18, 2, 0.5), *[None] * 18]]
    assert notes == {"unreachable_bodies": 1}


def test_if_all_bodies_are_short_the_one_seen_longest_stays():
    content = file_of(20, (range(5), swing(5, 1, 1)), (range(6, 14), swing(8, 3, 0)))
    with pytest.raises(RawFileError, match="all 2 bodies shorter than 12 frames"):
        convert(content)
    joints, notes = cleaned(content)
    assert places(joints) == [[0] * 8]
    assert notes == {"kept_longest": 1, "trimmed_frames": 12}
    equal = file_of(10, (range(5), [1] * 5), (range(5, 10), swing(5, 3, 1)))
    assert places(cleaned(equal)[0]) == [[0] * 5]  # the one seen first


def test_furniture_goes_as_in_the_reference():
    seen = {"1": (range(15), standing(swing(15, 1, 0.5))), "2": (range(15), standing([4] * 15, WIDE))}
    joints, notes = cleaned(make_skeleton_file(frames_of(15, seen)))
    assert places(joints) == [swing(15, 0, 0.5)]
    assert notes == {"wide_bodies": 1}


def test_a_body_with_all_joints_at_0_is_not_seen():
    joints_TVC = standing([1, 2, 9, 4, 9])
    joints_TVC[[2, 4]] = 0
    joints, notes = cleaned(make_skeleton_file(frames_of(5, {"7": (range(5), joints_TVC)})))
    assert places(joints) == [[0, 1, 2, 3]]
    assert notes == {"zero_sights": 2, "filled_frames": 1, "trimmed_frames": 1}
    with pytest.raises(RawFileError, match="no body in any of 5 frames"):
        cleaned(make_skeleton_file(frames_of(5, {"7": (range(5), 0 * joints_TVC)})))


def test_the_origin_is_the_main_person_where_it_is_first_seen():
    late, early = (range(3, 20), swing(17, 1, 1)), (range(20), swing(20, 4, 0.25))
    assert places(cleaned(file_of(20, early, late))[0]) == [
        [*[None] * 3, *swing(17, 0, 1)],
        swing(20, 3, 0.25),
    ]


def test_coordinates_that_are_no_numbers_are_filled():
    joints_TVC = standing([1, 2, 3, 4, 6])
    joints_TVC[2, 5] = [np.nan, 1, 2]
    joints_TVC[[0, 4], 6, 2] = np.inf
    frames = frames_of(6, {"7": ([0, 1, 2, 3, 5], joints_TVC)})
    joints, notes = cleaned(make_skeleton_file(frames))
    expected = standing([0, 1, 2, 3, 4, 5])[None] - np.float32([*SPINE_MID[:2], SPINE_MID[2] + 3])
    expected[0, 0, 6] = expected[0, 1, 6]  # no earlier sight of it: the nearest one
    expected[0, [4, 5], 6] = expected[0, 3, 6]
    assert np.array_equal(joints, expected)
    assert notes == {"filled_joints": 3, "filled_frames": 1}


def test_a_joint_that_is_never_a_number_is_a_problem():
    joints_TVC = standing([1, 2, 3])
    joints_TVC[:, 24, 0] = np.nan
    with pytest.raises(RawFileError, match=r"joint 25 of the body that comes in frame 3 .* in all 3 frames"):
        cleaned(make_skeleton_file(frames_of(6, {"7": ([2, 3, 5], joints_TVC)})))


def test_numbers_too_large_for_a_difference_are_a_problem():
    with pytest.raises(RawFileError, match="too large"):
        cleaned(file_of(2, ([0, 1], [-3e38, 3e38])))


@pytest.mark.parametrize("num_bodies", [1, 2])
def test_flawless_files_get_the_numbers_of_the_reference(num_bodies: int):
    bodies = {str(i): (range(20), moving(i, 20, amount=0.1 + 0.1 * i)) for i in range(num_bodies)}
    content = make_skeleton_file(frames_of(20, bodies))
    assert np.array_equal(cleaned(content)[0], convert(content)[0])


_LIVES = st.lists(st.lists(st.booleans(), min_size=14, max_size=40), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(_LIVES)
def test_at_any_time_there_are_as_many_persons_as_lives(lives: list[list[bool]]):
    """Whatever bodies there are; a life goes from the first sight of a body that is no noise to the last."""
    sights = {i: [t for t, is_seen in enumerate(life) if is_seen] for i, life in enumerate(lives)}
    bodies = {
        str(i): (frames, standing([(i + t % (i + 2)) / 64 for t in frames]))
        for i, frames in sights.items()
        if frames
    }
    if not bodies:
        return
    content = make_skeleton_file(frames_of(max(map(len, lives)), bodies))
    found = places_of_any(cleaned(content)[0])
    assert 1 <= len(found) <= 2
    kept = [frames for frames in sights.values() if len(frames) > 11] if len(bodies) > 1 else []
    longest = max((frames for frames in sights.values() if frames), key=lambda f: (len(f), -f[0]))
    kept = kept or [longest]  # of equal ones, the one seen first
    beside = [sum(frames[0] <= t <= frames[-1] for frames in kept) for t in range(40)]
    if max(beside) <= 2:  # nobody is left out
        start = min(frames[0] for frames in kept)
        assert [sum(person[t] for person in found) for t in range(len(found[0]))] == [
            beside[start + t] for t in range(len(found[0]))
        ]
        assert len(found[0]) == max(frames[-1] for frames in kept) + 1 - start


def places_of_any(joints_MTVC: np.ndarray) -> list[list[bool]]:
    assert np.isfinite(joints_MTVC).all()
    return [[bool(joints_VC.any()) for joints_VC in joints_TVC] for joints_TVC in joints_MTVC]


def test_a_clean_store_says_so_and_doubles_nobody_at_export(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    raw = tmp_path / "raw"
    raw.mkdir()
    names = ["S018C001P045R001A061", "S018C001P044R001A061"]
    for name in names:
        content = file_of(6, ([0, 1, 4], [1, 2, 3.5]))
        (raw / f"{name}.skeleton").write_bytes(content)
    x: dict[str, np.ndarray] = {}
    caplog.set_level(logging.INFO)
    for pipeline in ("reference", "clean"):
        store = prepare_ntu("ntu120", raw, tmp_path / pipeline, pipeline=pipeline).store
        assert json.loads((store.folder / "manifest.json").read_text())["source"]["pipeline"] == pipeline
        export_npz(store, get_benchmark("ntu120-xsub"), tmp_path / f"{pipeline}.npz")
        x[pipeline] = np.load(tmp_path / f"{pipeline}.npz")["x_train"].reshape(-1, 2, 25, 3)
    assert np.array_equal(x["reference"][:, 1], x["reference"][:, 0])
    assert x["clean"].shape == (5, 2, 25, 3)
    assert not x["clean"][:, 1].any()
    assert caplog.messages == [
        f"{tmp_path / 'clean'}: of the clean pipeline, so a single person is not doubled"
    ]
    with pytest.raises(ValueError, match="unknown pipeline 'cleaned'"):
        prepare_ntu("ntu120", raw, tmp_path / "store", pipeline="cleaned")  # type: ignore[arg-type]
