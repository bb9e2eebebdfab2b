"""Gaps, persons and scores of own recordings, by numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lst.data.own.mend import MendRules, mended
from lst.data.own.persons import UNKNOWN, Detections, tracks_of
from lst.data.own.recording import ReadError

NAN = np.nan
PARENTS = [0, 0, 1]  # a chain of three joints


def chain(*heights: float) -> np.ndarray:
    """(1, T, 3, 3): joint v of frame t at (heights[t], v, 1)."""
    joints = [[[x, v, 1.0] if np.isfinite(x) else [NAN] * 3 for v in range(3)] for x in heights]
    return np.array([joints])


def test_a_short_gap_is_filled_in_a_straight_line():
    joints_MTVC = chain(0, 1, 2, 3, 4)
    joints_MTVC[0, 1:4, 2] = NAN  # joint 2 from frame 0 at x = 0 to frame 4 at x = 4
    joints_MTVC[0, 4, 2, 0] = 8
    clip, remarks = mended(joints_MTVC, None, PARENTS, MendRules(max_gap=3))
    assert_allclose(clip[0, :, 2, 0], [0, 2, 4, 6, 8])
    assert_allclose(clip[0, :, 1, 0], [0, 1, 2, 3, 4])
    assert dict(remarks) == {"joints filled over gaps of at most 3 frames": 3}


def test_a_longer_gap_and_the_ends_keep_the_nearest_place():
    joints_MTVC = chain(0, 1, 2, 3, 4, 5, 6)
    joints_MTVC[0, [0, 2, 3, 4, 6], 2] = NAN  # seen in frames 1 and 5
    clip, remarks = mended(joints_MTVC, None, PARENTS, MendRules(max_gap=2))
    assert_allclose(clip[0, :, 2, 0], [1, 1, 1, 1, 5, 5, 5])
    assert remarks["joints held in gaps of more than 2 frames"] == 3
    assert remarks["joints held before the first or after the last sight"] == 2


def test_a_joint_that_is_never_seen_lies_on_its_parent():
    joints_MTVC = chain(0, 1)
    joints_MTVC[0, :, 1:] = NAN
    clip, remarks = mended(joints_MTVC, None, PARENTS, MendRules())
    assert_allclose(clip[0, :, 2], clip[0, :, 0])
    assert remarks["joints never seen in a clip, put on their parent"] == 2
    joints_MTVC = chain(0, 1)
    joints_MTVC[0, :, 0] = NAN  # the root: the mean of the others
    clip, _ = mended(joints_MTVC, None, PARENTS, MendRules())
    assert_allclose(clip[0, :, 0], [[0, 1.5, 1], [1, 1.5, 1]])


def test_scores_travel_with_2d_poses():
    joints_MTVC = chain(0, 1, 2, 3, 4)[..., :2]
    scores_MTV = np.full((1, 5, 3), 0.9)
    scores_MTV[0, 2, 2] = 0.2  # too low: filled, its score in between
    scores_MTV[0, 4, 1] = 1.07
    scores_MTV[0, 3, 1] = NAN
    clip, remarks = mended(joints_MTVC, scores_MTV, PARENTS, MendRules(min_score=0.3))
    assert clip.shape == (1, 5, 3, 3)
    assert_allclose(
        clip[0, :, 2], [[0, 2, 0.9], [1, 2, 0.9], [2, 2, 0.9], [3, 2, 0.9], [4, 2, 0.9]], atol=1e-6
    )
    assert clip[0, 4, 1, 2] == 1.0
    assert remarks["scores above 1 set to 1"] == 1
    assert remarks["joints with a score below 0.3 taken as missing"] == 2


def test_held_joints_have_score_zero():
    joints_MTVC = chain(0, 1, 2)[..., :2]
    joints_MTVC[0, 0, 2] = NAN
    joints_MTVC[0, :, 1] = NAN
    clip, _ = mended(joints_MTVC, np.ones((1, 3, 3)), PARENTS, MendRules())
    assert_allclose(clip[0, :, 2, 2], [0, 1, 1])
    assert_allclose(clip[0, :, 1, 2], [0, 0, 0])


def test_frames_without_anybody_go_and_the_longest_seen_stay():
    one, two, three = (
        chain(NAN, 1, 2, 3, NAN)[0],
        chain(NAN, NAN, 2, NAN, NAN)[0],
        chain(NAN, 5, 6, NAN, NAN)[0],
    )
    clip, remarks = mended(np.stack([two, one, three]), None, PARENTS, MendRules(num_persons=2, max_gap=1))
    assert clip.shape == (2, 3, 3, 3)
    assert_allclose(clip[:, :, 0, 0], [[1, 2, 3], [5, 6, 0]])
    assert (clip[1, 2] == 0).all()  # the second person has left
    assert remarks["frames without anybody left out"] == 2
    assert remarks["persons dropped, who are seen for a shorter time"] == 1


def test_frozen_frames_are_counted():
    _, remarks = mended(chain(0, 1, 1, 1, 2), None, PARENTS, MendRules())
    assert remarks["frozen frames (equal to the one before)"] == 2


def test_nobody_is_an_error():
    with pytest.raises(ReadError, match="no joint is seen"):
        mended(chain(NAN, NAN), None, PARENTS, MendRules())


@given(st.lists(st.booleans(), min_size=24, max_size=24), st.integers(0, 4), st.booleans())
def test_nothing_is_missing_afterwards_and_what_was_seen_stays(seen: list[bool], max_gap: int, scored: bool):
    joints_MTVC = np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    seen_MTV = np.array(seen).reshape(2, 4, 3)
    joints_MTVC[~seen_MTV] = NAN
    if not any(seen):
        return
    scores_MTV = seen_MTV.astype(float) if scored else None
    clip, _ = mended(joints_MTVC, scores_MTV, PARENTS, MendRules(max_gap=max_gap))
    assert np.isfinite(clip).all()
    kept = clip[..., :2].reshape(-1, 2)
    for value in joints_MTVC[seen_MTV].astype(np.float32):
        assert (kept == value).all(axis=1).any()


# --- persons -----------------------------------------------------------------------------------------------


def detections(*found: tuple[int, int, float]) -> Detections:
    """(frame, person, x) of bodies one metre tall."""
    body_VC = np.array([[0.0, 0, 0], [0, 1, 0]])
    return Detections(
        np.array([frame for frame, _, _ in found]),
        np.array([person for _, person, _ in found]),
        np.stack([body_VC + np.array([x, 0, 0]) for _, _, x in found]),
    )


def test_persons_without_ids_are_linked_by_distance():
    """They change places in the file; the second one leaves, and a third comes far away."""
    u = UNKNOWN
    tracks = tracks_of(
        detections((0, u, 0), (0, u, 5), (1, u, 5.1), (1, u, 0.1), (2, u, 0.2), (3, u, 9), (3, u, 0.3))
    )
    assert_allclose(tracks.joints_MTVC[0, :, 0, 0], [0, 0.1, 0.2, 0.3])
    assert_allclose(tracks.joints_MTVC[1, :, 0, 0], [5, 5.1, NAN, NAN])
    assert_allclose(tracks.joints_MTVC[2, :, 0, 0], [NAN, NAN, NAN, 9])


def test_ids_of_the_file_are_kept():
    tracks = tracks_of(detections((0, 7, 0), (0, 8, 5), (1, 8, 0.1), (1, 7, 5.1)))
    assert_allclose(tracks.joints_MTVC[:, :, 0, 0], [[0, 5.1], [5, 0.1]])


def test_repeated_frames_go_and_absent_ones_come_back():
    tracks = tracks_of(detections((10, 0, 0), (10, 0, 9), (12, 0, 1), (14, 0, 2), (18, 0, 3), (20, 0, 4)))
    assert tracks.numbers_T.tolist() == [10, 12, 14, 16, 18, 20]
    assert_allclose(tracks.joints_MTVC[0, :, 0, 0], [0, 1, 2, NAN, 3, 4])
    assert dict(tracks.remarks) == {"repeated frames dropped": 1, "absent frames restored": 1}


def test_a_jump_of_frame_numbers_takes_no_memory():
    tracks = tracks_of(detections((0, 0, 0), (1, 0, 1), (2, 0, 2), (10**14, 0, 3)))
    assert tracks.numbers_T.tolist() == [0, 1, 2, 10**14]
    assert tracks.remarks["jumps of more than 300 frame numbers"] == 1
