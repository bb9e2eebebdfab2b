"""Every format: what was written comes back, number by number; what is no recording is refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import own_files
from lst.data.own.clips import HowToRead, gather
from lst.data.own.discover import sources_in
from lst.data.own.fit import Wanted
from lst.data.own.formats import find_format, read_source
from lst.data.own.options import ReadOptions
from lst.data.own.recording import ReadError, Recording
from lst.facts.skeleton import get_layout


def read(path: Path, options: ReadOptions | None = None) -> Recording:
    (source,), _ = sources_in(path)
    (recording,) = read_source(source, options or ReadOptions())
    return recording


def by_place(joints_MTVC: np.ndarray) -> np.ndarray:
    """Persons in the order of their first x, since readers sort them as they are found."""
    return joints_MTVC[np.argsort(np.nanmean(joints_MTVC[:, 0, :, 0], axis=1))]


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("layout", ["kinect_v1_20", "coco_17", "openpose_body25"])
@pytest.mark.parametrize("kind", own_files.ANY_LAYOUT)
def test_joints_come_back_from_files_of_any_layout(kind: str, layout: str, persons: int, tmp_path: Path):
    joints_MTVC = own_files.walk(layout, persons=persons)
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = own_files.ANY_LAYOUT[kind](tmp_path, joints_MTVC, get_layout(layout).joints)
    recording = read(path, ReadOptions(layout=get_layout(layout)))
    assert_allclose(recording.joints_MTVC, joints_MTVC, atol=1e-9)
    assert recording.joint_names in ((), get_layout(layout).joints)


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("kind", own_files.SCORED)
def test_joints_and_scores_come_back_from_detectors(kind: str, persons: int, tmp_path: Path):
    layout, write = own_files.SCORED[kind]
    joints_MTVC = own_files.walk(layout, persons=persons)
    scores_MTV = own_files.scores(joints_MTVC)
    recording = read(write(tmp_path, joints_MTVC, scores_MTV))
    assert_allclose(by_place(recording.joints_MTVC), joints_MTVC, atol=1e-9)
    assert recording.scores_MTV is not None
    assert sorted(recording.scores_MTV.ravel()) == pytest.approx(sorted(scores_MTV.ravel()))
    assert recording.layout == layout or recording.joint_names == get_layout(layout).joints
    assert (recording.unit, recording.up) == ("px", "-y")


def test_mediapipe_takes_the_world_and_its_frame_rate(tmp_path: Path):
    joints_MTVC = own_files.walk("mediapipe_33", persons=2)
    path = own_files.mediapipe(tmp_path, joints_MTVC)
    recording = read(path)
    assert_allclose(by_place(recording.joints_MTVC), joints_MTVC)
    assert (recording.fps, recording.unit, recording.up) == (25.0, "m", "-y")
    image = read(path, ReadOptions(image_landmarks=True))
    assert_allclose(by_place(image.joints_MTVC), joints_MTVC[..., :2])
    assert image.unit == "image"


def test_azure_kinect_is_in_millimetres_with_names(tmp_path: Path):
    joints_MTVC = own_files.walk("azure_kinect_32", persons=2) * 1000
    recording = read(own_files.azure(tmp_path, joints_MTVC))
    assert_allclose(by_place(recording.joints_MTVC), joints_MTVC)
    assert (recording.unit, recording.up, recording.fps) == ("mm", "-y", pytest.approx(30, abs=0.01))
    assert recording.joint_names == get_layout("azure_kinect_32").joints


@pytest.mark.parametrize("write", [own_files.msr, own_files.utd, own_files.utkinect])
def test_kinect_v1_comes_back_in_the_order_of_the_layout(write, tmp_path: Path):
    joints_TVC = own_files.walk("kinect_v1_20")[0]
    if write is own_files.utd:
        pytest.importorskip("scipy")
    path = write(tmp_path, joints_TVC)
    found = gather(path, HowToRead(), None)
    assert found.layout == get_layout("kinect_v1_20")
    assert_allclose(found.clips[0].joints_MTVC, joints_TVC[None].astype(np.float32), atol=1e-6)


def test_utkinect_is_cut_at_its_actions(tmp_path: Path):
    joints_TVC = own_files.walk("kinect_v1_20", frames=40)[0]
    own_files.utkinect(tmp_path, joints_TVC, first=100)  # frames 100, 102, ..., 178
    labels = "s01_e01\nwalk: 104 110\nsit Down: 120 131\nthrow: NaN NaN\ns01_e02\nwalk: 1 2\n"
    (tmp_path / "actionLabel.txt").write_text(labels.replace("sit Down", "sitDown"))
    found = gather(tmp_path, HowToRead(), None)
    assert [(c.clip_id, c.label, c.group) for c in found.clips] == [
        ("joints_s01_e01#104-110", "walk", "s01"),
        ("joints_s01_e01#120-131", "sitDown", "s01"),
    ]
    assert_allclose(found.clips[0].joints_MTVC[0], joints_TVC[2:6], atol=1e-6)
    assert_allclose(found.clips[1].joints_MTVC[0], joints_TVC[10:16], atol=1e-6)
    assert found.remarks["actions without start and end left out"] == 1


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    JOINT Head
    {
      OFFSET 0 5 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 2 0
      }
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.05
0 0 0 0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 0 0 0 0 0
0 0 0 0 0 0 90 0 90 0 0 0
"""


def test_bvh_by_hand(tmp_path: Path):
    """Turned by 90 degrees about z, what points up points to -x; a turn about y moves nothing on the axis."""
    (tmp_path / "a.bvh").write_text(BVH)
    recording = read(tmp_path / "a.bvh")
    assert recording.joint_names == ("Hips", "Spine", "Head")
    assert recording.fps == 20.0
    expected = [
        [[0, 0, 0], [0, 10, 0], [0, 15, 0]],
        [[1, 2, 3], [-9, 2, 3], [-14, 2, 3]],
        [[0, 0, 0], [0, 10, 0], [-5, 10, 0]],
    ]
    assert_allclose(recording.joints_MTVC[0], expected, atol=1e-9)


def test_ntu_skeleton_files_are_read(tmp_path: Path):
    from lst.data.synthetic.raw_folder import synthesize_ntu

    synthesize_ntu("ntu60", tmp_path / "raw", clips=1, seed=0)
    (file,) = (tmp_path / "raw").rglob("*.skeleton")
    recording = read(file)
    assert recording.layout == "kinect_v2_25"
    assert recording.joints_MTVC.shape[2:] == (25, 3)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_with_other_marks(delimiter: str, tmp_path: Path):
    """A mark at the start, CRLF, other delimiters, decimal commas with semicolons."""
    joints_MTVC = own_files.walk("kinect_v1_20", frames=3)
    path = own_files.wide_csv(tmp_path, joints_MTVC, get_layout("kinect_v1_20").joints)
    text = path.read_text().replace(",", delimiter).replace("\n", "\r\n")
    text = text.replace(".", ",") if delimiter == ";" else text
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert_allclose(read(path).joints_MTVC, joints_MTVC)


def test_shapes_of_arrays(tmp_path: Path):
    joints_MTVC = own_files.walk("kinect_v1_20", persons=2, frames=9)
    layout = ReadOptions(layout=get_layout("kinect_v1_20"))
    for shape in (joints_MTVC, joints_MTVC.transpose(3, 1, 2, 0)):
        np.save(tmp_path / "a.npy", shape)
        assert_allclose(read(tmp_path / "a.npy", layout).joints_MTVC, joints_MTVC)
    for shape in (joints_MTVC[0], joints_MTVC[0].reshape(9, 60), np.moveaxis(joints_MTVC[0], -1, 0)):
        np.save(tmp_path / "a.npy", shape)
        assert_allclose(read(tmp_path / "a.npy", layout).joints_MTVC, joints_MTVC[:1])
    np.save(tmp_path / "a.npy", joints_MTVC.transpose(3, 1, 2, 0))
    with pytest.raises(ReadError, match="--layout"):
        read(tmp_path / "a.npy")  # 3 channels of 2 persons, or 3 persons in 2-D?


def saved(array: np.ndarray) -> bytes:
    """The bytes of an npy."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "is empty"),
    "blank": ("a.csv", b"\n  \n", "is empty"),
    "only a header": ("a.csv", b"x0,y0,x1,y1\n", "no row below"),
    "no UTF-8": ("a.csv", b"x0,y0,x1,y1\n1,2,3,\xff\n", "UTF-8"),
    "a word": ("a.csv", b"x0,y0,x1,y1\n1,2,3,4\n1,2,three,4\n", "'three'"),
    "a cell less": ("a.csv", b"x0,y0,x1,y1\n1,2,3\n", "3 cells, but 4"),
    "other columns": ("a.csv", b"name,age\nanna,3\n", "not those of joints"),
    "no numbers": ("a.txt", b"hello world\n", "no known kind"),
    "other JSON": ("a.json", b'{"shapes": []}', "shapes"),
    "broken JSON": ("a.json", b'[{"image_id": 1,\n "keypoints": [1, 2', "broken JSON"),
    "true as number": ("a.json", b'[{"image_id": 1, "keypoints": [true, 2, 1, 3, 4, 1]}]', "true"),
    "a text as number": ("a.json", b'[{"image_id": 1, "keypoints": ["5", 2, 1, 3, 4, 1]}]', "'5'"),
    "too few numbers": ("a.json", b'[{"image_id": 1, "keypoints": [1, 2, 1, 3]}]', "4 numbers"),
    "a picture": ("a.jpg", b"\xff\xd8\xff\xe0 more", "a picture"),
    "a video": ("a.mp4", b"\x00\x00\x00\x18ftypmp42", "a video"),
    "pose": ("a.pose", b"\x00\x00\x80?binary", ".pose"),
    "MATLAB 7.3": ("a.mat", b"\x89HDF\r\n\x1a\n...", "7.3"),
    "a zip": ("a.zip", b"PK\x03\x04 cut", "cut short"),
    "objects": ("a.npy", saved(np.array([{}, {}])), "Python objects"),
    "words": ("a.npy", saved(np.array(["a", "b"])), "expected numbers"),
    "a damaged header": ("a.npy", b"\x93NUMPY\x01\x00\x0e\x00{'descr': '|O', 'fortran", "no array of NumPy"),
    "no BVH": ("a.bvh", b"HIERARCHY\nROOT Hips\n{\n", "MOTION"),
    "no frames of MSR": ("a.txt", b"1 2 3 1\n" * 19, "multiple of 20"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_recording_is_refused_with_the_reason(case: str, tmp_path: Path):
    name, content, reason = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=reason):
        read(tmp_path / name)


def test_lines_are_named(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"x0,y0,x1,y1\n1,2,3,4\n1,2,three,4\n")
    with pytest.raises(ReadError) as found:
        read(tmp_path / "a.csv")
    assert found.value.line == 3


def test_a_size_that_is_not_there_takes_no_memory(tmp_path: Path):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 20, 3), }"
    header = header.ljust(118 - 1) + "\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    )
    with pytest.raises(ReadError, match="cut short"):
        read(tmp_path / "a.npy")


def test_a_forced_format_says_what_the_file_looks_like(tmp_path: Path):
    path = own_files.alphapose(tmp_path, *(x := own_files.walk("coco_17"),), own_files.scores(x))
    (source,), _ = sources_in(path)
    with pytest.raises(ReadError, match="looks like alphapose"):
        read_source(source, ReadOptions(format="azure"))
    with pytest.raises(ValueError, match="alphapose"):
        read_source(source, ReadOptions(format="alfapose"))


def test_nan_and_infinite_numbers_are_missing(tmp_path: Path):
    joints_TVC = own_files.walk("kinect_v1_20", frames=4)[0]
    joints_TVC[1, 2, 0], joints_TVC[2, 3] = np.nan, np.inf
    np.save(tmp_path / "a.npy", joints_TVC)
    found = gather(tmp_path / "a.npy", HowToRead(wanted=Wanted(get_layout("kinect_v1_20"))), None)
    assert np.isfinite(found.clips[0].joints_MTVC).all()
    assert found.remarks["joints filled over gaps of at most 10 frames"] == 2


def test_the_real_samples_become_clips_or_are_refused(shared: Path):
    folder = shared / "data" / "pose_samples"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    expected = {
        "alphapose_results_list.json": ("alphapose", (2, 13, 17, 3)),
        "mediapipe_world_ragged.csv": ("csv", (1, 60, 33, 3)),
        "mmpose_video.json": ("mmpose", (1, 2, 17, 3)),
        "msraction3d_a01_s01_e01_skeleton3D.txt": ("msr", (1, 54, 20, 3)),
        "openposer_body25.csv": ("csv", (1, 39, 25, 3)),
        "pyskl_custom_made_from_utd.pkl": ("pyskl", (1, 48, 20, 3)),
        "utd_mhad_a1_s1_t1_skeleton.mat": ("mat", (1, 48, 20, 3)),
        "openpose_json": ("openpose", (1, 30, 25, 3)),
        "walking.bvh": ("bvh", (1, 37, 20, 3)),
        "utkinect_joints_s01_e01.txt": ("utkinect", None),
        "npy_TVC_a1_s1_t1.npy": ("npy", (1, 48, 20, 3)),
    }
    for name, (kind, shape) in expected.items():
        if not (folder / name).exists():
            continue
        sources, _ = sources_in(folder / name)
        assert find_format(sources[0]) == kind, name
        layout = get_layout("kinect_v1_20") if kind == "bvh" else None
        found = gather(folder / name, HowToRead(wanted=Wanted(layout)), None)
        assert shape in (None, found.clips[0].joints_MTVC.shape), name
        assert np.isfinite(found.clips[0].joints_MTVC).all(), name
    for name in ("openpose.pose", "utd_mhad_joint_order.txt"):
        if (folder / name).exists():
            with pytest.raises(ValueError, match=r"\.pose|no known kind"):
                gather(folder / name, HowToRead(), None)


def test_the_sample_of_utd_stands_upright(shared: Path):
    """The order of its joints is another one than that of kinect_v1_20: head above hips above feet."""
    path = shared / "data" / "pose_samples" / "utd_mhad_a1_s1_t1_skeleton.mat"
    if not path.exists():
        pytest.skip(f"needs {path}")
    (clip,) = gather(path, HowToRead(), None).clips
    height = dict(zip(get_layout("kinect_v1_20").joints, clip.joints_MTVC[0, 0, :, 1].tolist(), strict=True))
    assert height["Head"] > height["ShoulderCenter"] > height["Spine"] > height["HipCenter"]
    assert height["HipCenter"] > height["KneeLeft"] > height["FootLeft"]


def test_a_frame_of_openpose_that_cannot_be_read_is_a_gap(tmp_path: Path):
    joints_MTVC = own_files.walk("openpose_body25", frames=9)
    own_files.openpose(tmp_path, joints_MTVC, own_files.scores(joints_MTVC))
    (tmp_path / "a_000000000004_keypoints.json").write_text("{")
    (tmp_path / "a_000000000006_keypoints.json").write_text(json.dumps({"people": []}))
    recording = read(tmp_path)
    assert recording.joints_MTVC.shape[1] == 9
    assert np.isnan(recording.joints_MTVC[0, [4, 6]]).all()
    assert recording.remarks["absent frames restored"] == 2
    assert any("cannot be read" in remark for remark in recording.remarks)
