"""Batches: what may not change a clip, their order, size and contents."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lst.data.input import draws
from lst.data.input.batches import prepare_arrays
from lst.data.store.clip_store import ClipStore
from lst.facts.choices import Modality
from random_clips import MODALITIES, NTU, UCLA, batches_of, by_clip, ntu_pipeline, ucla_pipeline

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- what may not change a clip ------------------------------------------------------------


@pytest.mark.parametrize("modality", ["joint", "bone_motion"])
@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_a_training_clip_does_not_depend_on_its_company(
    name: str, modality: Modality, request: pytest.FixtureRequest
) -> None:
    """Bit for bit the same for any batch size, order of the split, subset, and alone (no padding at all)."""
    store = request.getfixturevalue(name)
    pipeline = (ucla_pipeline if name == "ucla" else ntu_pipeline)(modality=modality)
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
    pipeline = (ucla_pipeline if name == "ucla" else ntu_pipeline)(modality=modality)
    (together,) = batches_of(store, pipeline, batch_size=99).test()
    alone = [batch.x_NCTVM for batch in batches_of(store, pipeline, batch_size=1).test()]
    assert torch.cat(alone).numpy().tobytes() == together.x_NCTVM.numpy().tobytes()
    loose, _ = prepare_arrays([store.clip(i) for i in range(len(store))], pipeline)
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


def test_the_order_shows_every_clip_in_an_order_of_its_own(ucla: ClipStore) -> None:
    """As often as asked; the order follows from seed and epoch, and from nothing else."""

    def order(seed: int, epoch: int, batch_size: int = 13) -> list[int]:
        batches = batches_of(ucla, UCLA, batch_size=batch_size, repeat=2)
        return torch.cat([batch.clips_N for batch in batches.train(seed, epoch)]).tolist()

    assert sorted(order(4, 9)) == sorted([*range(13), *range(13)])
    assert order(4, 9) == order(4, 9, batch_size=2) != [*range(13), *range(13)]
    assert len({tuple(order(seed, epoch)) for seed in (4, 5) for epoch in (9, 10)}) == 4


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
    pipeline = (ucla_pipeline if name == "ucla" else ntu_pipeline)(modality="bone_motion")
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
