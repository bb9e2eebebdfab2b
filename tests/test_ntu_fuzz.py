"""Thousands of damaged NTU files: each becomes a clip or a problem with a reason, whatever happened to it."""

import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lst.data.ntu.clip import Pipeline
from lst.data.ntu.prepare import prepare_ntu
from skeleton_files import damaged, frames_of, make_skeleton_file, moving


def bodies(num_frames: int, *seen: Sequence[int]) -> bytes:
    found = {str(10 + i): (frames, moving(i, len(frames))) for i, frames in enumerate(seen)}
    return make_skeleton_file(frames_of(num_frames, found))


# Damaged files are read line by line, so most of these are small.
BASES = [
    bodies(13, range(13), range(13), range(1, 13)),
    bodies(14, [*range(4), *range(6, 14)], range(2, 14), range(6)),
    *[bodies(6, range(6))] * 2,
    *[bodies(2, range(2))] * 6,
    *[bodies(4, [0, 3])] * 6,
    *[bodies(3, [0, 2], [1])] * 2,
]


def damaged_files(count: int, seed: int) -> dict[str, bytes]:
    """Clip id -> content; the ids are of NTU60."""
    rng = random.Random(seed)  # noqa: S311
    ids = [
        f"S001C00{camera}P{subject:03d}R001A{action:03d}"
        for subject in range(1, 41)
        for camera in range(1, 4)
        for action in range(1, 61)
    ]
    return {clip_id: damaged(rng.choice(BASES), rng) for clip_id in ids[:count]}


@pytest.mark.parametrize(("pipeline", "count", "seed"), [("reference", 5000, 3), ("clean", 1500, 4)])
def test_damaged_files_are_prepared_or_listed(tmp_path: Path, pipeline: Pipeline, count: int, seed: int):
    files = damaged_files(count, seed)
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        for clip_id, content in files.items():
            archive.writestr(f"{clip_id}.skeleton", content)
    prepared = prepare_ntu("ntu60", tmp_path / "raw.zip", tmp_path / "store", listed="use", pipeline=pipeline)
    store, problems = prepared.store, prepared.problems
    assert sorted([*store.clip_ids, *(Path(problem.file).stem for problem in problems)]) == sorted(files)
    assert min(len(store), len(problems)) > 0.3 * count
    assert set(store.persons.tolist()) == {1, 2}
    assert np.isfinite(store.joints).all() == (pipeline == "clean")  # the reference keeps NaN
    for problem in problems:
        lines = len(files[Path(problem.file).stem].splitlines())
        assert problem.problem
        assert problem.line is None or 1 <= problem.line <= lines
