"""Defects of recordings, on clips small enough to see them, and on the real NW-UCLA archive."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.nw_ucla import read_nw_ucla
from lst.data.store.defects import DefectFinder, copied_from_train
from lst.data.store.raw_files import RawFiles
from lst.facts.benchmarks import get_benchmark


def clip(*shape: int, start: int = 1) -> np.ndarray:
    """(M, T, V, C) of numbers that are all different and not zero."""
    return (np.arange(np.prod(shape), dtype=np.float32) + start).reshape(shape)


def find_defects(clips: Iterable[tuple[str, np.ndarray]]) -> dict[str, list[Any]]:
    with DefectFinder() as finder:
        for clip_id, joints_MTVC in clips:
            finder.inspect(clip_id, joints_MTVC)
        return finder.found()


def test_a_clean_clip_has_no_defects():
    assert find_defects([("a", clip(2, 4, 3, 3))]) == {
        "copied_clips": [],
        "one_frame_clips": [],
        "zero_joints": [],
        "repeated_frames": [],
        "shared_frames": [],
    }


def test_copies_are_grouped_and_one_bit_makes_a_difference():
    original = clip(1, 4, 3, 3)
    other = original.copy()
    other[0, 3, 2, 2] = np.nextafter(other[0, 3, 2, 2], np.float32(np.inf))
    clips = [("a", original), ("b", other), ("c", original.copy()), ("d", other.copy()), ("e", original * 1)]
    assert find_defects(clips)["copied_clips"] == [["a", "c", "e"], ["b", "d"]]


def test_equal_numbers_in_another_shape_are_no_copy():
    same_numbers = clip(1, 4, 3, 3)
    assert find_defects([("a", same_numbers), ("b", same_numbers.reshape(2, 2, 3, 3))])["copied_clips"] == []


def test_minus_zero_equals_zero():
    plus, minus = clip(1, 2, 3, 3), clip(1, 2, 3, 3)
    plus[0, 0, 0, 0], minus[0, 0, 0, 0] = 0.0, -0.0
    assert find_defects([("a", plus), ("b", minus)])["copied_clips"] == [["a", "b"]]


def test_one_frame():
    found = find_defects([("a", clip(1, 1, 3, 3)), ("b", clip(1, 2, 3, 3)), ("c", clip(2, 1, 3, 3))])
    assert found["one_frame_clips"] == ["a", "c"]


def test_zero_joints_but_not_absent_persons():
    joints = clip(2, 4, 3, 3)
    joints[0, 2, [0, 2]] = 0
    joints[1, 0, 1] = 0
    joints[1, 3] = 0  # nobody there
    joints[0, 1, 1, :2] = 0  # z is left: a joint on the optical axis
    assert find_defects([("a", joints)])["zero_joints"] == [
        {"clip": "a", "person": 0, "frame": 2, "joints": [0, 2]},  # person 1 has a single one: the origin
    ]


def test_shared_poses_are_counted_once_per_pair_and_copies_do_not_count():
    long, other = clip(1, 6, 3, 3), clip(1, 4, 3, 3) + 1000
    cut = long[:, 2:5].copy()
    cut[0, 2] = 0  # nobody there
    both = np.concatenate([other[:, :1], long[:, :1], long[:, :1]], axis=1)
    clips = [("a", long), ("b", other), ("c", cut), ("d", long.copy()), ("e", both)]
    assert find_defects(clips)["shared_frames"] == [
        {"clips": ["a", "c"], "frames": 2},
        {"clips": ["a", "e"], "frames": 1},
        {"clips": ["b", "e"], "frames": 1},
    ]


def test_repeated_frames_need_all_persons_and_somebody_there():
    joints = clip(2, 7, 3, 3)
    joints[:, 1] = joints[:, 0]
    joints[:, 2] = joints[:, 1]
    joints[0, 4] = joints[0, 3]  # the other person moves on
    joints[:, 5:] = 0  # nobody there, twice
    assert find_defects([("a", joints)])["repeated_frames"] == [
        {"clip": "a", "frame": 1},
        {"clip": "a", "frame": 2},
    ]


def test_results_are_plain_data():
    joints = clip(1, 3, 3, 3)
    joints[0, 1] = joints[0, 0]
    joints[0, 2, 1:] = 0
    found = find_defects([("a", joints), ("b", joints), ("c", joints[:, :1])])
    assert json.loads(json.dumps(found)) == found
    assert all(found.values())


def test_copied_from_train():
    rule = {"a": "train", "b": "test", "c": "test", "d": "train", "e": None, "f": "test"}.get
    groups = [["a", "b", "c"], ["d", "e"], ["e", "f"], ["b", "f"]]
    assert copied_from_train(groups, rule) == ["b", "c"]  # e is in no split, so f learns nothing from it


def test_real_defects_are_the_known_ones(shared: Path):
    problems = []
    with RawFiles(shared / "data" / "nw_ucla_all_sqe.zip", ".json") as raw:
        found = find_defects((c.clip_id, c.joints_MTVC) for c in read_nw_ucla(raw, problems))
    known = json.loads((shared / "data" / "nw_ucla_issues.json").read_text())
    benchmark = get_benchmark("nw-ucla")

    assert problems == []
    copies = [[train, test] for test, train in known["test_clip_identical_to_train_clip"]]
    assert found["copied_clips"] == sorted(copies)
    assert copied_from_train(found["copied_clips"], benchmark.rule) == sorted(benchmark.copied_test_clips)
    assert copied_from_train(found["copied_clips"], get_benchmark("nw-ucla-clean").rule) == []
    assert found["one_frame_clips"] == known["one_frame_clips"]
    assert {z["clip"]: {"frame": z["frame"], "joints": z["joints"]} for z in found["zero_joints"]} == known[
        "zero_joints"
    ]
    assert [r["clip"] for r in found["repeated_frames"]] == known["repeated_frame"]
    shared = {tuple(s["clips"]): s["frames"] for s in found["shared_frames"]}
    assert len(shared) == 18  # data.md 2.4, with the numbers named there
    assert shared["a08_s01_e03_v01", "a09_s01_e03_v02"] == 56
    assert shared["a08_s01_e00_v01", "a08_s01_e00_v02"] == 111
    assert shared["a05_s07_e01_v01", "a06_s07_e01_v01"] == 2


@pytest.mark.parametrize("channels", [2, 3])
def test_number_of_channels_does_not_matter(channels: int):
    joints = clip(1, 2, 3, channels)
    joints[0, 0, 1:] = 0
    assert find_defects([("a", joints)])["zero_joints"] == [
        {"clip": "a", "person": 0, "frame": 0, "joints": [1, 2]}
    ]
