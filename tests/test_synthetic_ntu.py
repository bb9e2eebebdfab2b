"""Synthetic raw files of NTU RGB+D: valid files, plausible bodies, all protocols, never called real."""

import json
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lst.cli.main import main
from lst.data.ntu.prepare import prepare_ntu
from lst.data.ntu.raw import RawBodies, read_bodies
from lst.data.ntu.write import as_written, write_bodies
from lst.data.store.clip_store import ClipStore
from lst.data.synthetic.interactions import DUETS
from lst.data.synthetic.ntu import MOST_CLIPS, SOLOS, make_raw, ntu_clip_ids
from lst.data.synthetic.raw_folder import synthesize_ntu
from lst.data.synthetic.sensor_faults import ACCIDENTS, new_sights, seen_late, to_raw, with_new_id, with_noise
from lst.evaluation.report import summary_line
from lst.evaluation.results import ensemble_result, one_line, results_table, stream_result
from lst.facts.benchmarks import BENCHMARKS, get_benchmark
from lst.facts.clip_ids import parse_ntu_id
from lst.facts.ntu_classes import NTU120_CLASSES
from lst.facts.ntu_missing import ntu_missing_skeletons
from lst.facts.skeleton import get_layout
from skeleton_files import plain_read

SKELETON = get_layout("kinect_v2_25")
PROTOCOLS = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")
LIMITS = {  # metres, of a grown person; a bone is named by the joint at its end
    "Neck": (0.04, 0.1),
    "Head": (0.08, 0.17),
    "Shoulder": (0.1, 0.27),
    "Elbow": (0.2, 0.34),
    "Wrist": (0.17, 0.31),
    "Hand": (0.06, 0.12),
    "HandTip": (0.06, 0.11),
    "Thumb": (0.025, 0.075),  # with the noise of two joints
    "SpineMid": (0.12, 0.24),
    "SpineBase": (0.18, 0.33),
    "Hip": (0.06, 0.13),
    "Knee": (0.35, 0.6),
    "Ankle": (0.28, 0.5),
    "Foot": (0.07, 0.13),
}


def name_of(action: int) -> str:
    return f"S{18 if action > 60 else 1:03d}C001P{50 if action > 60 else 10:03d}R001A{action:03d}"


@cache
def clip(action: int, seed: int = 0) -> RawBodies:
    return make_raw(seed, name_of(action), mean_frames=40, accidents=0)


def persons(raw: RawBodies) -> dict[bytes, np.ndarray]:
    """Body id -> (frames, 25, 3)."""
    return {i: raw.joints_BVC[[j == i for j in raw.ids]] for i in dict.fromkeys(raw.ids)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """70 short raw files of each data set."""
    base = tmp_path_factory.mktemp("raw")
    for dataset in ("ntu60", "ntu120"):
        synthesize_ntu(dataset, base / dataset, clips=70, mean_frames=32, accidents=0.2)
    return {dataset: base / dataset for dataset in ("ntu60", "ntu120")}


@pytest.fixture(scope="module")
def stores(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipStore]:
    base = tmp_path_factory.mktemp("stores")
    return {d: prepare_ntu(d, folder, base / d).store for d, folder in folders.items()}


# --- the text of a file ---


@pytest.mark.parametrize("action", [*SOLOS, *DUETS])
def test_a_written_file_is_read_back_to_the_last_bit(action: int):
    raw = clip(action)
    text = write_bodies(raw)
    found, plain = read_bodies(text), plain_read(text)
    assert (found.ids, found.bodies_T.tolist()) == (raw.ids, raw.bodies_T.tolist())
    assert found.joints_BVC.tobytes() == raw.joints_BVC.tobytes()
    assert (plain.ids, plain.extra_lines, found.extra_lines) == (raw.ids, 0, 0)
    assert np.array_equal(np.array(plain.joints, dtype=np.float32), raw.joints_BVC)


@given(hnp.arrays(np.float32, (2, 25, 3), elements=st.floats(-9.5, 9.5, width=32)))
def test_any_place_survives_writing(joints_BVC: np.ndarray):
    raw = RawBodies(np.array([2]), [b"7", b"8"], as_written(joints_BVC), 0)
    assert np.abs(raw.joints_BVC - joints_BVC).max() <= 1e-6
    assert np.array_equal(read_bodies(write_bodies(raw)).joints_BVC, raw.joints_BVC)


def test_fields_of_a_joint_line():
    """By hand: a joint 0.5 m to the side and 1 m below the axis of the camera, 2 m away."""
    joints_BVC = np.zeros((1, 25, 3), np.float32)
    joints_BVC[0, SKELETON.joints.index("SpineMid")] = [0.5, -1.0, 2.0]
    lines = write_bodies(RawBodies(np.array([0, 1]), [b"7"], joints_BVC, 0)).decode().splitlines()
    assert lines[:3] == ["2", "0", "1"]
    assert (lines[3].split()[0], len(lines[3].split()), lines[4], len(lines)) == ("7", 10, "25", 30)
    fields = lines[5 + SKELETON.joints.index("SpineMid")].split()
    assert fields[:7] == ["0.5", "-1", "2", "347.5", "395", "1230.25", "1080.5"]
    assert fields[11] == "2"
    assert lines[5 + SKELETON.joints.index("Head")].split()[7:] == ["0", "0", "0", "0", "2"]


def test_orientation_takes_the_y_axis_to_the_bone():
    raw = clip(10)
    text = write_bodies(raw).decode().splitlines()[4:29]
    parents = SKELETON.parent_index()
    for joint in ("ElbowLeft", "KneeRight", "HandRight"):
        i = SKELETON.joints.index(joint)
        w, x, y, z = map(float, text[i].split()[7:11])
        # Column y of the rotation matrix of a quaternion.
        bone = (raw.joints_BVC[0, i] - raw.joints_BVC[0, parents[i]]).astype(float)
        turned = [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)]
        assert turned == pytest.approx(bone / np.linalg.norm(bone), abs=1e-4)


# --- bodies ---


@pytest.mark.parametrize("action", [*SOLOS, *DUETS])
def test_bones_are_those_of_a_person(action: int):
    parents = SKELETON.parent_index()
    for joints_TVC in persons(clip(action)).values():
        lengths = np.median(np.linalg.norm(joints_TVC - joints_TVC[:, parents], axis=-1), axis=0)
        for joint, length in zip(SKELETON.joints, lengths, strict=True):
            low, high = LIMITS.get(joint.removesuffix("Left").removesuffix("Right"), (0.0, 0.0))
            assert low <= length <= high, joint


def test_classes_have_the_names_of_what_is_acted():
    names = {action: NTU120_CLASSES[action - 1] for action in (*SOLOS, *DUETS)}
    assert names[23] == "hand waving"
    assert names[80] == "squat down"
    assert names[58] == "handshaking"
    assert names[112] == "high-five"
    assert all(action in (*range(50, 61), *range(106, 121)) for action in DUETS)  # data.md 1.1
    assert not any(action in (*range(50, 61), *range(106, 121)) for action in SOLOS)


def of(action: int, joint: str) -> tuple[np.ndarray, np.ndarray]:
    """(frames, 3) of a joint of either person."""
    first, second = persons(clip(action)).values()
    index = SKELETON.joints.index(joint)
    return first[:, index], second[:, index]


@pytest.mark.parametrize("action", DUETS)
def test_two_face_each_other(action: int):
    """Left and right hips of two who face each other are crossed; A060 starts back to back."""
    first, second = (joints_TVC[0] for joints_TVC in persons(clip(action)).values())
    left, right, base = (SKELETON.joints.index(n) for n in ("ShoulderLeft", "ShoulderRight", "SpineBase"))
    ahead = np.cross(first[left] - first[right], [0, 1, 0])  # where the chest of the first points
    ahead *= np.sign(np.dot(np.cross([-1, 0, 0], [0, 1, 0]), [0, 0, -1]))
    towards = second[base] - first[base]
    assert (np.dot(ahead, towards) > 0) == (action != 60)


def test_walking_changes_the_distance_and_hands_meet():
    def gap(action: int, joint: str) -> np.ndarray:
        a, b = of(action, joint)
        return np.linalg.norm(a - b, axis=-1)

    towards, apart = gap(59, "SpineMid"), gap(60, "SpineMid")
    assert towards[-1] < towards[0] - 1
    assert apart[-1] > apart[0] + 1
    for action in (58, 112):
        assert np.percentile(gap(action, "HandRight"), 10) < 0.45
        assert gap(action, "HandRight").min() < gap(action, "SpineMid").min() - 0.2


# --- accidents ---


def sights(count: int = 2, frames: int = 40) -> list[Any]:
    rng = np.random.default_rng(3)
    return new_sights(rng.normal(size=(count, frames, 25, 3)), rng)


def test_accidents_are_what_they_say():
    rng = np.random.default_rng(5)
    late = to_raw(40, seen_late(sights(), rng))
    first = int(np.flatnonzero(late.bodies_T)[0])
    assert 1 <= first <= 10
    assert late.bodies_T.tolist() == [0] * first + [2] * (40 - first)
    noise = Counter(to_raw(40, with_noise(sights(), rng)).ids)
    assert sorted(noise.values())[1:] == [40, 40]
    assert min(noise.values()) <= 11
    back = with_new_id(sights(), rng)
    assert len({sight.body_id for sight in back}) == 3
    assert back[0].frames_T.tolist() == list(range(40))
    assert 1 <= back[2].frames_T[0] - back[1].frames_T[-1] - 1 <= 5
    assert min(len(back[1].frames_T), len(back[2].frames_T)) > 6


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_accidents_fit_the_shortest_clip(accident: Callable[..., Any]):
    for seed in range(200):
        assert to_raw(30, accident(sights(frames=30), np.random.default_rng(seed))).bodies_T.sum() > 0


def test_their_share_is_what_was_asked_for():
    ids = ntu_clip_ids("ntu60", 300)[::3]

    def odd(clip_id: str, share: float) -> bool:
        raw = make_raw(0, clip_id, mean_frames=30, accidents=share)
        people = 2 if parse_ntu_id(clip_id).action in DUETS else 1
        return bool((raw.bodies_T != people).any())

    assert sum(odd(i, 0.0) for i in ids) == 0
    assert sum(odd(i, 1.0) for i in ids) == len(ids)
    assert 10 <= sum(odd(i, 0.3) for i in ids) <= 50


# --- names, lengths, seeds ---


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_class_is_in_both_splits_of_every_protocol(name: str):
    benchmark = get_benchmark(name)
    ids = ntu_clip_ids(benchmark.dataset, 500)
    found = Counter((parse_ntu_id(i).action, benchmark.rule(i)) for i in ids)
    wanted = [a for a in (*SOLOS, *DUETS) if a <= benchmark.num_classes]
    assert set(found) == {(a, split) for a in wanted for split in ("train", "test")}
    assert 0.15 < sum(parse_ntu_id(i).action in DUETS for i in ids) / 500 < 0.25


@pytest.mark.parametrize("dataset", ["ntu60", "ntu120"])
def test_names_are_valid_different_and_not_listed_as_missing(dataset: str):
    ids = ntu_clip_ids(dataset, MOST_CLIPS)
    assert len(set(ids)) == MOST_CLIPS
    assert ids == sorted(ids)
    assert not ntu_missing_skeletons() & set(ids)
    numbers = [parse_ntu_id(i) for i in ids]
    assert {n.camera for n in numbers} == {1, 2, 3}
    assert {n.replication for n in numbers} == {1, 2}
    assert max(n.setup for n in numbers) == (17 if dataset == "ntu60" else 32)


def test_wrong_counts_and_names_are_refused():
    with pytest.raises(ValueError, match=r"unknown NTU data set 'ntu61'\. Did you mean 'ntu60'"):
        ntu_clip_ids("ntu61", 1)
    for clips in (0, MOST_CLIPS + 1):
        with pytest.raises(ValueError, match="expected 1 to 20,000, got"):
            ntu_clip_ids("ntu60", clips)
    with pytest.raises(ValueError, match="no figure acts A002; there are 1, 10, 22,"):
        make_raw(0, name_of(2))
    with pytest.raises(ValueError, match="a mean of 30 to 200 frames, got 7"):
        make_raw(0, name_of(1), mean_frames=7)


def test_lengths_and_bodies_are_those_of_ntu():
    raws = [make_raw(1, i) for i in ntu_clip_ids("ntu60", 600)]
    frames = np.array([len(raw.bodies_T) for raw in raws])
    assert frames.min() >= 30
    assert frames.max() <= 300
    assert frames.mean() == pytest.approx(84, abs=5)
    assert sum(raw.bodies_T.sum() for raw in raws) / frames.sum() == pytest.approx(1.2, abs=0.04)


def test_a_clip_depends_on_seed_and_name_alone():
    first, again, other = clip(50), make_raw(0, name_of(50), mean_frames=40, accidents=0), clip(50, seed=1)
    assert first.joints_BVC.tobytes() == again.joints_BVC.tobytes()
    assert first.ids == again.ids
    assert first.joints_BVC[0, 0, 0] != other.joints_BVC[0, 0, 0]


# --- folders, stores, results ---


def test_the_same_call_writes_the_same_bytes(folders: dict[str, Path], tmp_path: Path):
    synthesize_ntu("ntu60", tmp_path / "again", clips=70, mean_frames=32, accidents=0.2)
    first, again = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (folders["ntu60"], tmp_path / "again")
    )
    assert first == again
    assert len(first) == 71
    marker = json.loads(first["SYNTHETIC.json"])
    assert (marker["format"], marker["seed"], marker["clips"]) == ("lst-synthetic", 0, 70)
    assert "no recordings" in marker["what"]


def test_prepared_without_problems_and_two_persons_where_two_act(stores: dict[str, ClipStore]):
    for store in stores.values():
        assert store.problems() == []
        assert len(store) == 70
        assert store.manifest["source"]["synthetic"] is True
        assert store.manifest["source"]["ignored"] == 0
        for i, clip_id in enumerate(store.clip_ids):
            joints_MTVC = store.clip(i)
            assert np.isfinite(joints_MTVC).all()
            # One person under two ids is stored with an empty second, as in the reference.
            present = int(joints_MTVC.any(axis=(1, 2, 3)).sum())
            assert present == (2 if parse_ntu_id(clip_id).action in DUETS else 1), clip_id


def test_the_marker_counts_in_a_zip_and_beside_others(folders: dict[str, Path], tmp_path: Path):
    file = sorted(folders["ntu60"].glob("*.skeleton"))[0]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(file, f"raw/{file.name}")
        archive.write(folders["ntu60"] / "SYNTHETIC.json", "raw/SYNTHETIC.json")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "S001C001P001R001A010.skeleton").write_bytes(file.read_bytes())
    prepared = prepare_ntu("ntu60", [tmp_path / "other", tmp_path / "all.zip"], tmp_path / "both")
    assert prepared.store.manifest["source"]["synthetic"] is True
    assert any("synthetic clips, no recordings" in remark for remark in prepared.remarks)
    unmarked = prepare_ntu("ntu60", tmp_path / "other", tmp_path / "unmarked")
    assert "synthetic" not in unmarked.store.manifest["source"]
    assert not any("synthetic" in remark for remark in unmarked.remarks)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = str(tmp_path / "raw")
    assert main(["synthesize", "ntu120", folder, "--clips", "3", "--seed", "2"]) == 0
    assert "3 synthetic clips" in capsys.readouterr().out
    assert main(["prepare", "ntu120", folder, "--out", str(tmp_path / "store")]) == 0
    assert main(["info", str(tmp_path / "store")]) == 0
    assert "raw (synthetic clips, no recordings)" in capsys.readouterr().out
    assert main(["synthesize", "ntu120", folder]) == 2
    assert "raw" in capsys.readouterr().err


def result(*, inputs: dict[str, Any] | None, info: dict[str, Any]) -> dict[str, Any]:
    card = {"benchmark": "ntu60-xsub", "modality": "joint", "epochs": 1, "inputs": inputs}
    report = {"clips": 8, "top1": 0.5, "top5": 1.0, "mean_class_accuracy": 0.5, "per_class": [], "info": info}
    return stream_result("r", card, report)


@pytest.mark.parametrize(
    ("inputs", "info", "synthetic"),
    [
        ({"source": {"synthetic": True}}, {}, True),
        (None, {"synthetic_clips": True}, True),  # an imported checkpoint, tested on synthetic clips
        ({"source": {"sha256": "1f"}}, {}, False),
        (None, {}, False),
    ],
)
def test_results_say_so(inputs: dict[str, Any] | None, info: dict[str, Any], synthetic: bool):
    stream = result(inputs=inputs, info=info)
    clean = result(inputs=None, info={})
    report = {"clips": 8, "top1": 0.5, "info": {}}
    both = ensemble_result("e", [clean, stream], {"r": 1.0}, report, "fixed, published by GAP")
    for found in (stream, both):
        assert ("synthetic clips" in one_line(found)) is synthetic
        row = results_table([found], "ntu60-xsub").splitlines()[2]
        assert ("; synthetic clips" in row) is synthetic


def test_a_report_says_so():
    report = {"clips": 8, "top1": 0.5, "top5": 1.0, "mean_class_accuracy": 0.5, "per_class": []}
    assert summary_line({**report, "info": {"synthetic_clips": True}}).endswith("on 8 synthetic clips")
    assert summary_line({**report, "info": {}}).endswith("on 8 clips")


def test_all_four_protocols_are_tested():
    assert {b.name for b in BENCHMARKS.values() if b.dataset.startswith("ntu")} == set(PROTOCOLS)
