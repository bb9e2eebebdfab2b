"""Writers of small files in the formats that people have, for tests of the readers.

Letters: M persons, T frames, V joints, C channels.
"""

import csv
import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from lst.data.own.read_kinect_text import MSR_JOINTS
from lst.data.own.read_mat import UTD_JOINTS
from lst.facts.skeleton import get_layout


def walk(layout: str, *, frames: int = 12, persons: int = 1, seed: int = 0) -> np.ndarray:
    """(M, T, V, C) joints that walk at random: a metre wide in 3-D, 100 pixels in 2-D; persons far apart."""
    skeleton = get_layout(layout)
    rng = np.random.default_rng([seed, frames])
    scale, place = (1.0, 2.0) if skeleton.dims == 3 else (100.0, 300.0)
    shape_M1VC = rng.normal(size=(persons, 1, skeleton.num_joints, skeleton.dims)) * scale
    steps_MTVC = rng.normal(size=(persons, frames, skeleton.num_joints, skeleton.dims)) * 0.02 * scale
    apart_M = place * (1 + 4 * np.arange(persons))
    return np.round(shape_M1VC + steps_MTVC.cumsum(axis=1) + apart_M[:, None, None, None], 6)


def scores(joints_MTVC: np.ndarray, seed: int = 0) -> np.ndarray:
    """(M, T, V) from 0.5 to 1."""
    rng = np.random.default_rng([seed, 7])
    return np.round(rng.uniform(0.5, 1, size=joints_MTVC.shape[:3]), 6)


def write_csv(path: Path, rows: Iterable[Iterable[object]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def npy(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    np.save(folder / "a.npy", joints_MTVC)
    return folder / "a.npy"


def npz(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    np.savez(folder / "a.npz", joints=joints_MTVC, joint_names=np.array(names), fps=30)
    return folder / "a.npz"


def long_rows(joints_MTVC: np.ndarray, names: tuple[str, ...]) -> list[list[object]]:
    rows: list[list[object]] = [
        ["clip", "frame", "person", "joint", "x", "y", "z"][: 4 + joints_MTVC.shape[-1]]
    ]
    for m, t, v in np.ndindex(joints_MTVC.shape[:3]):
        rows.append(["a", t, m, names[v], *joints_MTVC[m, t, v].tolist()])
    return rows


def long_csv(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...]) -> Path:
    return write_csv(folder / "a.csv", long_rows(joints_MTVC, names))


def parquet(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...]) -> Path:
    import pyarrow
    import pyarrow.parquet

    header, *rows = long_rows(joints_MTVC, names)
    columns = dict(zip(map(str, header), map(list, zip(*rows, strict=True)), strict=True))
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


def _wide(folder: Path, joints_MTVC: np.ndarray, header: list[str], name: str) -> Path:
    rows = [
        [t, m, *joints_MTVC[m, t].ravel().tolist()]
        for t in range(joints_MTVC.shape[1])
        for m in range(len(joints_MTVC))
    ]
    return write_csv(folder / name, [["frame", "person", *header], *rows])


def wide_csv(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...]) -> Path:
    axes = "xyz"[: joints_MTVC.shape[-1]]
    return _wide(folder, joints_MTVC, [f"{name}_{axis}" for name in names for axis in axes], "a.csv")


def numbered_csv(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    axes = "xyz"[: joints_MTVC.shape[-1]]
    header = [f"{axis}{v}" for v in range(joints_MTVC.shape[2]) for axis in axes]
    return _wide(folder, joints_MTVC, header, "a.csv")


def pyskl(folder: Path, joints_MTVC: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    entry = {"frame_dir": "a", "label": 3, "total_frames": joints_MTVC.shape[1], "keypoint": joints_MTVC}
    (folder / "a.pkl").write_bytes(
        pickle.dumps({"split": {"train": ["a"], "val": []}, "annotations": [entry]})
    )
    return folder / "a.pkl"


ANY_LAYOUT: dict[str, Callable[[Path, np.ndarray, tuple[str, ...]], Path]] = {
    "npy": npy,
    "npz": npz,
    "long csv": long_csv,
    "wide csv": wide_csv,
    "numbered csv": numbered_csv,
    "parquet": parquet,
    "pyskl": pyskl,
}
"""Formats that take the joints of any layout."""


def flat_points(joints_VC: np.ndarray, scores_V: np.ndarray) -> list[float]:
    """x, y, score, x, y, score, ..."""
    return np.concatenate([joints_VC, scores_V[:, None]], axis=1).ravel().tolist()


def openpose(folder: Path, joints_MTVC: np.ndarray, scores_MTV: np.ndarray) -> Path:
    for t in range(joints_MTVC.shape[1]):
        people = [
            {
                "person_id": [-1],
                "pose_keypoints_2d": flat_points(joints_VC, scores_V),
                "face_keypoints_2d": [],
            }
            for joints_VC, scores_V in zip(joints_MTVC[:, t], scores_MTV[:, t], strict=True)
        ]
        file = folder / f"a_{t:012d}_keypoints.json"
        file.write_text(json.dumps({"version": 1.3, "people": people}))
    return folder


def alphapose(folder: Path, joints_MTVC: np.ndarray, scores_MTV: np.ndarray) -> Path:
    entries = [
        {
            "image_id": f"{t}.jpg",
            "category_id": 1,
            "keypoints": flat_points(joints_MTVC[m, t], scores_MTV[m, t]),
            "score": 2.5,
            "box": [0, 0, 1, 1],
            "idx": [float(m + 1)],
        }
        for t in range(joints_MTVC.shape[1])
        for m in range(len(joints_MTVC))
    ]
    (folder / "a.json").write_text(json.dumps(entries))
    return folder / "a.json"


def mmpose(folder: Path, joints_MTVC: np.ndarray, scores_MTV: np.ndarray, *, wrapped: bool = False) -> Path:
    frames = [
        {
            "frame_id": t,
            "instances": [
                {
                    "keypoints": joints_MTVC[m, t].tolist(),
                    "keypoint_scores": scores_MTV[m, t].tolist(),
                    "bbox": [[0, 0, 1, 1]],
                    "bbox_score": 0.9,
                }
                for m in range(len(joints_MTVC))
            ],
        }
        for t in range(joints_MTVC.shape[1])
    ]
    names = {str(v): name for v, name in enumerate(get_layout("coco_17").joints)}
    content = {"meta_info": {"keypoint_id2name": names}, "instance_info": frames} if wrapped else frames
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json"


def coco(folder: Path, joints_MTVC: np.ndarray, scores_MTV: np.ndarray) -> Path:
    count = joints_MTVC.shape[1]
    content = {
        "images": [{"id": 100 + t, "file_name": f"frame_{t:05d}.jpg"} for t in range(count)],
        "annotations": [
            {
                "id": m * count + t,
                "image_id": 100 + t,
                "category_id": 1,
                "keypoints": flat_points(joints_MTVC[m, t], scores_MTV[m, t]),
                "track_id": m,
            }
            for t in range(count)
            for m in range(len(joints_MTVC))
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(get_layout("coco_17").joints)}],
    }
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json"


SCORED: dict[str, tuple[str, Callable[[Path, np.ndarray, np.ndarray], Path]]] = {
    "openpose 25": ("openpose_body25", openpose),
    "openpose 18": ("openpose_coco18", openpose),
    "alphapose": ("coco_17", alphapose),
    "mmpose": ("coco_17", mmpose),
    "mmpose wrapped": ("coco_17", lambda *given: mmpose(*given, wrapped=True)),
    "coco": ("coco_17", coco),
}
"""Formats of 2-D detectors, with the layout they have."""


def mediapipe(folder: Path, joints_MTVC: np.ndarray) -> Path:
    points = [
        [
            [dict(zip("xyz", p.tolist(), strict=True), visibility=0.9) for p in joints_VC]
            for joints_VC in frame
        ]
        for frame in joints_MTVC.swapaxes(0, 1)
    ]
    frames = [
        {"frame": t, "timestamp_ms": 40 * t, "pose_world_landmarks": people, "pose_landmarks": people}
        for t, people in enumerate(points)
    ]
    (folder / "a.json").write_text(json.dumps(frames))
    return folder / "a.json"


def azure(folder: Path, joints_MTVC: np.ndarray) -> Path:
    content = {
        "joint_names": list(get_layout("azure_kinect_32").joints),
        "bone_list": [],
        "frames": [
            {
                "frame_id": t,
                "timestamp_usec": 33333 * t,
                "num_bodies": len(frame),
                "bodies": [{"body_id": 7 + m, "joint_positions": x.tolist()} for m, x in enumerate(frame)],
            }
            for t, frame in enumerate(joints_MTVC.swapaxes(0, 1))
        ],
    }
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json"


def utkinect(
    folder: Path, joints_TVC: np.ndarray, *, name: str = "joints_s01_e01.txt", first: int = 100
) -> Path:
    """Frame numbers go by two, as in the data set."""
    rows = [f"{first + 2 * t} " + "  ".join(map(str, frame.ravel())) for t, frame in enumerate(joints_TVC)]
    (folder / name).write_text("\n".join(rows) + "\n")
    return folder / name


def msr(folder: Path, joints_TVC: np.ndarray, *, name: str = "a01_s01_e01_skeleton3D.txt") -> Path:
    """From the order of kinect_v1_20 into that of the data set."""
    order = [get_layout("kinect_v1_20").joints.index(joint) for joint in MSR_JOINTS]
    rows = [f"{x} {y} {z} 1.000000" for frame in joints_TVC[:, order] for x, y, z in frame]
    (folder / name).write_text("\n".join(rows) + "\n")
    return folder / name


def utd(folder: Path, joints_TVC: np.ndarray, *, name: str = "a1_s1_t1_skeleton.mat") -> Path:
    """From the order of kinect_v1_20 into that of the data set."""
    from scipy.io import savemat

    order = [get_layout("kinect_v1_20").joints.index(joint) for joint in UTD_JOINTS]
    savemat(folder / name, {"d_skel": joints_TVC[:, order].transpose(1, 2, 0)})
    return folder / name
