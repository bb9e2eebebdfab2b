"""Batches: golden NW-UCLA clips, both pipelines against per-clip NumPy, and what may not change a clip."""

import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lst.data import draws
from lst.data.batches import Batch, ClipBatches, prepare_arrays
from lst.data.pipeline import InputPipeline
from lst.data.store import ClipStore, StoredClip, write_store
from lst.facts.choices import Modality
from lst.facts.skeleton import get_layout

CPU = torch.device("cpu")
MODALITIES: tuple[Modality, ...] = ("joint", "bone", "joint_motion", "bone_motion")
UCLA = InputPipeline(
    layout="kinect_v1_20", modality="joint", clip_length=52, num_persons=1, frames="random_frames"
)
NTU = InputPipeline(
    layout="kinect_v2_25", modality="joint", clip_length=64, num_persons=2, frames="crop_resize"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are tiny: a second thread only waits for a core on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_store(folder: Path, layout: str, shapes: list[tuple[int, int]], seed: int = 0) -> ClipStore:
    """A store of random clips of the given (persons, frames)."""
    rng = np.random.default_rng(seed)
    v = get_layout(layout).num_joints
    clips = [
        StoredClip(f"clip{i:02d}", i % 7, rng.normal(0, 1, (*shape, v, 3)).astype(np.float32), {"subject": i})
        for i, shape in enumerate(shapes)
    ]
    return write_store(folder, clips, dataset="toy", layout=layout, source={"name": "toy"}, problems=[])


@pytest.fixture(scope="module")
def ucla(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    lengths = [1, 2, 6, 21, 26, 31, 52, 53, 86, 165, 201, 222, 40]
    return make_store(tmp_path_factory.mktemp("ucla") / "s", "kinect_v1_20", [(1, n) for n in lengths])


@pytest.fixture(scope="module")
def ntu(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    shapes = [(1, 1), (2, 30), (1, 64), (2, 65), (2, 300), (1, 101), (3, 20), (2, 5), (1, 137)]
    return make_store(tmp_path_factory.mktemp("ntu") / "s", "kinect_v2_25", shapes)


def batches_of(store: ClipStore, pipeline: InputPipeline, batch_size: int = 4, **options: Any) -> ClipBatches:
    clips = options.pop("clips", np.arange(len(store)))
    return ClipBatches(store, np.asarray(clips), pipeline, batch_size=batch_size, device=CPU, **options)


def by_clip(batches: ClipBatches, run: Iterator[Batch]) -> dict[str, list[np.ndarray]]:
    """Every clip's inputs; those of several repeats in an order that does not depend on the epoch's."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in run:
        for i, row in enumerate(batch.clips_N.tolist()):
            found.setdefault(batches.clip_ids[row], []).append(batch.x_NCTVM[i].numpy())
    return {clip_id: sorted(shown, key=lambda x: x.tobytes()) for clip_id, shown in found.items()}


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """Rz(c) Ry(b) Rx(a) of method.md 13.2."""
    rx = np.array([[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]])
    ry = np.array([[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]])
    rz = np.array([[math.cos(c), math.sin(c), 0], [-math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


# ---- golden numbers ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "golden" / "nw_ucla_test_clips.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def golden_store(
    shared: Path, golden: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> ClipStore:
    with zipfile.ZipFile(shared / "data" / "nw_ucla_all_sqe.zip") as archive:
        members = {Path(name).stem: name for name in archive.namelist()}
        clips = []
        for clip_id, label in sorted(zip(golden["clip_id"].tolist(), golden["label"].tolist(), strict=True)):
            joints_TVC = np.asarray(json.loads(archive.read(members[clip_id]))["skeletons"])
            clips.append(StoredClip(clip_id, label, joints_TVC[None].astype(np.float32), {}))
    folder = tmp_path_factory.mktemp("golden") / "store"
    write_store(folder, clips, dataset="nw-ucla", layout="kinect_v1_20", source={"name": "x"}, problems=[])
    return ClipStore.open(folder)


@pytest.mark.parametrize("modality", MODALITIES)
def test_golden_clips(golden: dict[str, np.ndarray], golden_store: ClipStore, modality: Modality) -> None:
    """The golden bones are child minus parent with a zero root (data.md 2.5), not the gap joint matrix."""
    clips = [golden_store.index_of(clip_id) for clip_id in golden["clip_id"]]
    batches = batches_of(golden_store, replace(UCLA, modality=modality), batch_size=8, clips=clips)
    seen = list(batches.test())
    assert [len(batch.x_NCTVM) for batch in seen] == [8, 8, 8, 3]
    x_NCTVM = torch.cat([batch.x_NCTVM for batch in seen]).numpy()
    assert x_NCTVM.shape == (27, 3, 52, 20, 1)
    assert np.abs(x_NCTVM - golden[modality]).max() < 1e-5
    assert batches.clip_ids == golden["clip_id"].tolist()
    assert torch.cat([batch.labels_N for batch in seen]).tolist() == golden["label"].tolist()


# ---- the pipelines against NumPy -----------------------------------------------------------


def ucla_by_hand(clip_TVC: np.ndarray, degrees: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """method.md 13.4 with row vectors, float64 -> (T, V, C)."""
    a, b = np.radians(degrees)
    x = clip_TVC.astype(np.float64)
    x = (x - x[0, 1]) @ rotation(a, b, 0)
    low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
    return (2 * (x - low) / (high - low) - 1)[frames]


def test_random_frames_training_clips_equal_the_formula(ucla: ClipStore) -> None:
    batches = batches_of(ucla, UCLA, batch_size=13)
    (batch,) = batches.train(seed=3, epoch=2)
    keys = draws.clip_keys(batches.clip_ids)
    degrees = draws.integers(3, 2, keys, "view", 2, low=-60, high_N=61)
    frames = draws.frames_without_replacement(3, 2, keys, ucla.frames, 52)
    assert sorted(batch.clips_N.tolist()) == list(range(13))
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        expected = ucla_by_hand(ucla.clip(row)[0], degrees[row], frames[row])
        np.testing.assert_allclose(x_CTVM[..., 0].transpose(1, 2, 0), expected, atol=2e-6)


def test_a_clip_far_from_the_camera_keeps_its_precision(ucla: ClipStore) -> None:
    """Min-max cancels the centring of step 1 on paper; in float32 it is what keeps a distant figure sharp."""
    far = replace(ucla, joints=np.asarray(ucla.joints) + np.float32(1000))
    (batch,) = batches_of(far, UCLA, batch_size=13).train(3, 2)
    keys = draws.clip_keys(far.clip_ids)
    degrees = draws.integers(3, 2, keys, "view", 2, low=-60, high_N=61)
    frames = draws.frames_without_replacement(3, 2, keys, far.frames, 52)
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        expected = ucla_by_hand(far.clip(row)[0], degrees[row], frames[row])
        np.testing.assert_allclose(x_CTVM[..., 0].transpose(1, 2, 0), expected, atol=2e-6)


def ntu_by_hand(clip_MTVC: np.ndarray, start: int, length: int, matrix: np.ndarray) -> np.ndarray:
    """method.md 13.1 and 13.2 in float64 -> (2, 64, V, C)."""
    clip = np.zeros((2, length, 25, 3))
    clip[: len(clip_MTVC)] = clip_MTVC[:2, start : start + length]
    position = np.maximum((np.arange(64) + 0.5) * length / 64 - 0.5, 0)
    first = np.floor(position).astype(int)
    second = np.minimum(first + 1, length - 1)
    share = (position - first)[:, None, None]
    return ((1 - share) * clip[:, first] + share * clip[:, second]) @ matrix.T


def test_crop_resize_test_clips_equal_the_formula(ntu: ClipStore) -> None:
    (batch,) = batches_of(ntu, NTU, batch_size=9).test()
    for row, x_CTVM in enumerate(batch.x_NCTVM.numpy()):
        bias = math.trunc((1 - 0.95) * ntu.frames[row] / 2)
        expected = ntu_by_hand(ntu.clip(row), bias, ntu.frames[row] - 2 * bias, np.eye(3))
        np.testing.assert_allclose(x_CTVM.transpose(3, 1, 2, 0), expected, atol=2e-6)


def test_crop_resize_training_clips_equal_the_formula(ntu: ClipStore) -> None:
    batches = batches_of(ntu, NTU, batch_size=9)
    (batch,) = batches.train(seed=0, epoch=5)
    keys = draws.clip_keys(batches.clip_ids)
    crop = draws.uniform(0, 5, keys, "crop", 2)
    angles = 0.3 * (2 * draws.uniform(0, 5, keys, "rotation", 3) - 1)
    for x_CTVM, row in zip(batch.x_NCTVM.numpy(), batch.clips_N.tolist(), strict=True):
        frames = int(ntu.frames[row])
        kept = min(max(math.floor(frames * (0.5 + 0.5 * crop[row, 0])), 64), frames)
        start = math.floor(crop[row, 1] * (frames - kept + 1))
        expected = ntu_by_hand(ntu.clip(row), start, kept, rotation(*angles[row]))
        np.testing.assert_allclose(x_CTVM.transpose(3, 1, 2, 0), expected, atol=3e-6)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize(("layout", "powers"), [("kinect_v2_25", (8, 1)), ("kinect_v1_20", (6, 1))])
def test_gap_bones_apply_the_official_matrix(
    ucla: ClipStore, ntu: ClipStore, layout: str, powers: tuple[int, int], modality: Modality
) -> None:
    store, pipeline = (ntu, NTU) if layout == "kinect_v2_25" else (ucla, UCLA)
    base: Modality = "joint_motion" if modality.endswith("motion") else "joint"
    (plain,) = batches_of(store, replace(pipeline, modality=base), batch_size=20).test()
    (got,) = batches_of(store, replace(pipeline, modality=modality, bones="gap"), batch_size=20).test()
    matrix = get_layout(layout).gap_joint_matrix(powers[modality.startswith("bone")])
    expected = np.einsum("ij,nctjm->nctim", matrix, plain.x_NCTVM.numpy())
    np.testing.assert_allclose(got.x_NCTVM.numpy(), expected, atol=1e-5)
    same = np.allclose(expected, plain.x_NCTVM.numpy(), atol=1e-5)
    assert same == (layout == "kinect_v2_25" and modality.startswith("joint"))  # quirks Q1 and Q3


def test_parent_bones_leave_the_root_at_zero(ntu: ClipStore) -> None:
    (joint,) = batches_of(ntu, NTU, batch_size=20).test()
    (bone,) = batches_of(ntu, replace(NTU, modality="bone"), batch_size=20).test()
    parents = get_layout("kinect_v2_25").parent_index()
    torch.testing.assert_close(bone.x_NCTVM, joint.x_NCTVM - joint.x_NCTVM[:, :, :, parents])


# ---- persons -------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["joint", "bone_motion"])
@pytest.mark.parametrize("pipeline", [NTU, replace(NTU, frames="random_frames", clip_length=52)])
@pytest.mark.parametrize("bones", ["parent", "gap"])
def test_a_missing_person_is_zeros(
    ntu: ClipStore, pipeline: InputPipeline, bones: Any, modality: Modality
) -> None:
    batches = batches_of(ntu, replace(pipeline, modality=modality, bones=bones), batch_size=20)
    for batch in (*batches.train(0, 0), *batches.test()):
        present = torch.from_numpy(ntu.persons)[batch.clips_N] > 1
        assert (batch.x_NCTVM[~present][..., 1] == 0).all()
        moving = torch.from_numpy(ntu.frames)[batch.clips_N] > 1
        assert (batch.x_NCTVM[present & moving][..., 1] != 0).any(dim=(1, 2, 3)).all()
        assert (batch.x_NCTVM[moving][..., 0] != 0).any(dim=(1, 2, 3)).all()


@pytest.mark.parametrize("frames", ["random_frames", "crop_resize"])
def test_a_missing_person_does_not_change_the_first(ntu: ClipStore, frames: Any) -> None:
    single = [0, 2, 5, 8]
    two = replace(NTU, frames=frames)
    (with_slot,) = batches_of(ntu, two, clips=single).test()
    (without,) = batches_of(ntu, replace(two, num_persons=1), clips=single).test()
    assert torch.equal(with_slot.x_NCTVM[..., :1], without.x_NCTVM)


def test_further_persons_are_left_out(ntu: ClipStore) -> None:
    three = ntu.clip(6)
    assert len(three) == 3
    for pipeline in (NTU, replace(NTU, frames="random_frames")):
        assert torch.equal(prepare_arrays([three], pipeline), prepare_arrays([three[:2]], pipeline))


def test_min_max_covers_both_persons(ntu: ClipStore) -> None:
    x_NCTVM = prepare_arrays([ntu.clip(7)], replace(NTU, frames="random_frames", clip_length=5))
    assert torch.equal(x_NCTVM.amin(dim=(2, 3, 4)), torch.full((1, 3), -1.0))
    assert torch.equal(x_NCTVM.amax(dim=(2, 3, 4)), torch.full((1, 3), 1.0))
    assert (x_NCTVM.amax(dim=(2, 3)) - x_NCTVM.amin(dim=(2, 3)) < 2).any()


# ---- what may not change a clip ------------------------------------------------------------


@pytest.mark.parametrize("modality", ["joint", "bone_motion"])
@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_a_training_clip_does_not_depend_on_its_company(
    name: str, modality: Modality, request: pytest.FixtureRequest
) -> None:
    """Bit for bit the same for any batch size, order of the split, subset, and alone (no padding at all)."""
    store = request.getfixturevalue(name)
    pipeline = replace(UCLA if name == "ucla" else NTU, modality=modality)
    everything = batches_of(store, pipeline, batch_size=len(store), repeat=2)
    expected: dict[str, list[np.ndarray]] = {}
    for batch in batches_of(store, pipeline, batch_size=1, repeat=2).train(1, 7):  # one clip per batch
        expected.setdefault(store.clip_ids[batch.clips_N[0]], []).append(batch.x_NCTVM[0].numpy())
    expected = {key: sorted(xs, key=lambda x: x.tobytes()) for key, xs in expected.items()}
    assert len(expected) == len(store)
    backwards = batches_of(store, pipeline, batch_size=2, repeat=2, clips=np.arange(len(store))[::-1])
    some = batches_of(store, pipeline, batch_size=3, repeat=2, clips=[8, 0, 5])
    for batches in (everything, backwards, some):
        got = by_clip(batches, batches.train(1, 7))
        assert set(got) <= set(expected)
        for clip_id, shown in got.items():
            assert [x.tobytes() for x in shown] == [x.tobytes() for x in expected[clip_id]]


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_a_test_clip_does_not_depend_on_its_company(
    name: str, modality: Modality, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue(name)
    pipeline = replace(UCLA if name == "ucla" else NTU, modality=modality)
    (together,) = batches_of(store, pipeline, batch_size=99).test()
    alone = [batch.x_NCTVM for batch in batches_of(store, pipeline, batch_size=1).test()]
    assert torch.cat(alone).numpy().tobytes() == together.x_NCTVM.numpy().tobytes()
    loose = prepare_arrays([store.clip(i) for i in range(len(store))], pipeline)
    assert loose.numpy().tobytes() == together.x_NCTVM.numpy().tobytes()


def test_the_number_of_threads_changes_nothing(ucla: ClipStore) -> None:
    results = []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append([batch.x_NCTVM.numpy().tobytes() for batch in batches_of(ucla, UCLA).train(0, 0)])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_epochs_seeds_and_repeats_differ(name: str, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue(name)
    batches = batches_of(store, UCLA if name == "ucla" else NTU, batch_size=1, repeat=2)
    runs = [by_clip(batches, batches.train(seed, epoch)) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    for clip_id in store.clip_ids:
        shown = [x.tobytes() for run in runs for x in run[clip_id]]
        frames = int(store.frames[store.index_of(clip_id)])
        assert len(set(shown)) == len(shown) == 6, f"{clip_id} of {frames} frames"
    again = by_clip(batches, batches.train(0, 0))
    assert all(np.array_equal(again[key], runs[0][key]) for key in again)


# ---- order, size and contents of batches ---------------------------------------------------


@pytest.mark.parametrize(
    ("batch_size", "repeat", "sizes"),
    [
        (4, 1, [4, 4, 4]),  # 13 clips: the last one is left out
        (13, 1, [13]),
        (13, 2, [13, 13]),
        (5, 2, [5] * 5),
        (64, 1, [13]),  # smaller than one batch: kept
        (64, 2, [26]),
        (26, 3, [26]),  # 39 items: 13 are left out
        (1, 1, [1] * 13),
    ],
)
def test_sizes_of_training_batches(ucla: ClipStore, batch_size: int, repeat: int, sizes: list[int]) -> None:
    batches = batches_of(ucla, UCLA, batch_size=batch_size, repeat=repeat)
    seen = list(batches.train(0, 0))
    assert [len(batch.x_NCTVM) for batch in seen] == sizes
    assert batches.num_train_batches == len(sizes)
    shown = torch.cat([batch.clips_N for batch in seen]).bincount(minlength=13)
    assert (shown <= repeat).all()


def test_the_order_is_the_keyed_permutation(ucla: ClipStore) -> None:
    batches = batches_of(ucla, UCLA, batch_size=13, repeat=2)
    order = torch.cat([batch.clips_N for batch in batches.train(4, 9)])
    assert order.tolist() == (draws.permutation(4, 9, 26) % 13).tolist()
    other = torch.cat([batch.clips_N for batch in batches.train(4, 10)])
    assert order.tolist() != other.tolist()


def test_contents_of_a_batch(ucla: ClipStore) -> None:
    batches = batches_of(ucla, UCLA, clips=[12, 3, 5, 9, 7])
    assert batches.clip_ids == ["clip12", "clip03", "clip05", "clip09", "clip07"]
    assert batches.labels.tolist() == [5, 3, 5, 2, 0]
    for batch in (*batches.train(0, 0), *batches.test()):
        assert batch.x_NCTVM.dtype == torch.float32
        assert batch.x_NCTVM.shape[1:] == (3, 52, 20, 1)
        assert batch.x_NCTVM.is_contiguous()
        assert batch.labels_N.tolist() == batches.labels[batch.clips_N.numpy()].tolist()
        assert batch.labels_N.dtype == batch.clips_N.dtype == torch.int64
        assert batch.text_draws_N.dtype == torch.float32
    assert torch.cat([batch.clips_N for batch in batches.test()]).tolist() == [0, 1, 2, 3, 4]


def test_text_draws_are_keyed_and_below_one(ucla: ClipStore) -> None:
    batches = batches_of(ucla, UCLA, batch_size=13, repeat=300)
    seen = torch.cat([batch.text_draws_N for batch in batches.train(0, 0)])
    assert seen.min() >= 0
    assert seen.max() < 1
    assert abs(seen.mean().item() - 0.5) < 5 * math.sqrt(1 / 12 / len(seen))
    assert len(seen.unique()) > 3800
    assert all((batch.text_draws_N == 0).all() for batch in batches.test())


def test_a_text_draw_next_to_one_stays_below_one(ucla: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "uniform", lambda *a, **k: np.full((len(a[2]), a[4]), 1 - 2.0**-53))
    monkeypatch.setattr(draws, "permutation", lambda seed, epoch, n: np.arange(n))
    (batch,) = batches_of(ucla, UCLA, batch_size=13).train(0, 0)
    assert (batch.text_draws_N < 1).all()
    assert batch.text_draws_N.max() > 0.9999


def test_the_store_is_not_changed(ucla: ClipStore) -> None:
    before = np.asarray(ucla.joints).copy()
    batches = batches_of(ucla, UCLA)
    for batch in (*batches.train(0, 0), *batches.test()):
        batch.x_NCTVM.zero_()
    assert np.array_equal(before, ucla.joints)
    (one,) = batches_of(ucla, UCLA, batch_size=20).test()
    (two,) = batches_of(ucla, UCLA, batch_size=20).test()
    assert torch.equal(one.x_NCTVM, two.x_NCTVM)


class _Operations(TorchDispatchMode):
    """Collects the names of all tensor operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(func))
        if str(func).startswith("aten._to_copy"):
            assert not {"device", "layout"} & set(kwargs or {}), "moved between host and device"
        for index in args[1] if str(func).startswith("aten.index.") else ():
            assert index is None or index.dtype == torch.int64, "a mask as index has to count on the host"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_a_step_reads_nothing_back_and_copies_nothing_over(name: str, request: pytest.FixtureRequest) -> None:
    """On CUDA each of these operations would wait for the device."""
    store = request.getfixturevalue(name)
    pipeline = replace(UCLA if name == "ucla" else NTU, modality="bone_motion")
    run = batches_of(store, pipeline, batch_size=2).train(0, 0)
    with _Operations() as seen:
        assert sum(1 for _ in run) == len(store) // 2
    assert seen.names
    waits = (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "unique",
        "equal",
        "lift_fresh",
        "mm",
    )
    assert [op for op in seen.names if any(op.split(".")[1] == name for name in waits)] == []


# ---- errors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modality": "bones"}, "unknown modality 'bones'. Did you mean 'bone'?"),
        ({"frames": "crop"}, "unknown frames rule 'crop'"),
        ({"bones": "child"}, "unknown bones rule 'child'"),
        ({"layout": "kinect_v1"}, "Did you mean 'kinect_v1_20'"),
        ({"layout": "coco_17", "bones": "gap"}, "coco_17"),
        ({"clip_length": 0}, "clip_length must be at least 1, got 0"),
        ({"num_persons": 0}, "num_persons must be at least 1"),
        ({"min_crop": 0.0}, r"min_crop is a share in \(0, 1\], got 0.0"),
        ({"test_crop": 1.5}, "test_crop is a share"),
        ({"max_rotation": -0.1}, "max_rotation must not be negative"),
        ({"max_view_degrees": -1}, "max_view_degrees must not be negative"),
    ],
)
def test_pipeline_is_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(UCLA, **change)


def test_pipeline_survives_json() -> None:
    for pipeline in (UCLA, replace(NTU, modality="bone_motion", bones="gap", max_rotation=0.1)):
        assert InputPipeline(**json.loads(json.dumps(asdict(pipeline)))) == pipeline


def test_splits_are_checked(ucla: ClipStore) -> None:
    with pytest.raises(
        ValueError, match="holds kinect_v1_20 skeletons, but the pipeline expects kinect_v2_25"
    ):
        batches_of(ucla, NTU)
    with pytest.raises(ValueError, match="no clips to load"):
        batches_of(ucla, UCLA, clips=np.empty(0, dtype=np.int64))
    with pytest.raises(ValueError, match="batch_size and repeat must be at least 1, got 0 and 1"):
        batches_of(ucla, UCLA, batch_size=0)
    with pytest.raises(ValueError, match="got 4 and 0"):
        batches_of(ucla, UCLA, repeat=0)
    frames = ucla.frames.copy()
    frames[3] = 0
    with pytest.raises(ValueError, match=r"1 clips have no frames \(clip03\)"):
        batches_of(replace(ucla, frames=frames), UCLA)
    with pytest.raises(ValueError, match="has 2 channels; the pipeline needs x, y, z"):
        batches_of(replace(ucla, joints=ucla.joints[..., :2]), UCLA)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([], "empty list"),
        ([np.zeros((1, 5, 25, 3))], r"clip 0: expected \(persons, frames, 20, 3\) .* got \(1, 5, 25, 3\)"),
        ([np.zeros((1, 5, 20, 3)), np.zeros((5, 20, 3))], r"clip 1: .* got \(5, 20, 3\)"),
        ([np.zeros((1, 0, 20, 3))], r"got \(1, 0, 20, 3\)"),
        ([np.zeros((0, 4, 20, 3))], r"got \(0, 4, 20, 3\)"),
        ([np.zeros((1, 4, 20, 2))], r"got \(1, 4, 20, 2\)"),
        ([np.full((1, 4, 20, 3), np.nan)], "clip 0 holds NaN"),
        ([np.full((1, 4, 20, 3), np.inf)], "clip 0 holds NaN, infinite"),
        ([np.full((1, 4, 20, 3), 1e300)], "huge"),
    ],
)
def test_loose_arrays_are_checked(clips: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_arrays(clips, UCLA)


def test_a_flat_clip_becomes_zeros_not_nan() -> None:
    assert (prepare_arrays([np.ones((1, 4, 20, 3))], UCLA) == 0).all()
    flat_z = np.random.default_rng(0).normal(size=(1, 9, 20, 3))
    flat_z[..., 2] = 2.5
    x_NCTVM = prepare_arrays([flat_z], UCLA)
    assert (x_NCTVM[:, 2] == 0).all()
    assert x_NCTVM[:, :2].std() > 0.1


def test_more_frames_than_copies_still_work() -> None:
    """A clip of one frame fills any clip length, also above the 100 copies of the official list."""
    pipeline = replace(UCLA, clip_length=128)
    assert prepare_arrays([np.random.default_rng(0).normal(size=(1, 1, 20, 3))], pipeline).shape[2] == 128


def test_training_with_more_frames_than_copies(ucla: ClipStore) -> None:
    (batch,) = batches_of(ucla, replace(UCLA, clip_length=128), batch_size=13).train(0, 0)
    assert batch.x_NCTVM.shape == (13, 3, 128, 20, 1)
    assert batch.x_NCTVM.isfinite().all()
