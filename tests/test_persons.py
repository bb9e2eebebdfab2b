"""Who is in a clip, and what becomes of an empty slot: from the store to features and gradients (Q8, Q49)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lst.data.input.batches import ClipBatches
from lst.data.input.rows import rows_on_device, rows_on_disk
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.nets.classifier import SkeletonClassifier, build_classifier
from random_clips import CPU, MODALITIES, NTU, batches_of, by_clip, ntu_pipeline, ucla_pipeline

BUILD = {"encoder": "ctrgcn", "layout": "kinect_v2_25", "num_classes": 4, "width": 8}


def toy_store(folder: Path, *present: list[range]) -> ClipStore:
    """Clips of 10 frames of NTU's layout: for each person the frames in which it is there; 0 elsewhere."""
    clips = []
    for i, persons in enumerate(present):
        joints_MTVC = np.zeros((len(persons), 10, 25, 3), dtype=np.float32)
        for person, frames in enumerate(persons):
            joints_MTVC[person, list(frames)] = np.random.default_rng(i).normal(size=(len(frames), 25, 3))
        clips.append(StoredClip(f"clip{i}", 0, joints_MTVC, {}))
    return write_store(folder, clips, dataset="toy", layout="kinect_v2_25", source={}, problems=[])


ALL, NEVER = range(10), range(0)


# --- who is there ---


@pytest.mark.parametrize("rows_of", [rows_on_device, rows_on_disk])
def test_who_is_there_in_some_frames(tmp_path: Path, rows_of: Any):
    store = toy_store(tmp_path / "s", [ALL], [ALL, range(4, 7)], [range(3, 10), NEVER], [NEVER], [ALL, ALL])
    rows = rows_of(store, np.arange(5), 2, CPU)

    def present(start: int, length: int) -> list[list[int]]:
        found = rows.present(np.arange(5), np.full(5, start), np.full(5, length))
        return [np.flatnonzero(persons).tolist() for persons in found]

    assert present(0, 10) == [[0], [0, 1], [0], [0], [0, 1]]
    assert present(0, 4) == [[0], [0], [0], [0], [0, 1]]
    assert present(0, 5) == [[0], [0, 1], [0], [0], [0, 1]]
    assert present(6, 1) == [[0], [0, 1], [0], [0], [0, 1]]
    assert present(7, 3) == [[0], [0], [0], [0], [0, 1]]
    assert present(0, 3) == [[0], [0], [0], [0], [0, 1]]  # nobody in clip 2: the first counts
    assert rows.present(np.array([1, 1]), np.array([0, 4]), np.array([2, 2])).tolist() == [
        [True, False],
        [True, True],
    ]


def test_a_second_person_alone_is_the_only_one(tmp_path: Path):
    store = toy_store(tmp_path / "s", [NEVER, range(2, 9)])
    rows = rows_on_device(store, np.arange(1), 2, CPU)
    assert rows.present(np.arange(1), np.array([0]), np.array([10])).tolist() == [[False, True]]


def test_many_rows_are_searched_in_pieces(ntu: ClipStore, monkeypatch: pytest.MonkeyPatch):
    whole = rows_on_device(ntu, np.arange(len(ntu)), 2, CPU).seen_N2M
    for chunk in (1, 40, 130):
        monkeypatch.setattr("lst.data.input.rows._CHUNK", chunk)
        assert np.array_equal(rows_on_device(ntu, np.arange(len(ntu)), 2, CPU).seen_N2M, whole)
    assert whole[1].T.tolist() == [[0, 29], [0, 29]]
    assert whole[2, 0, 1] > whole[2, 1, 1]  # no second person


def test_batches_say_who_is_there(tmp_path: Path):
    store = toy_store(tmp_path / "s", [ALL], [ALL, range(4, 7)], [ALL, NEVER], [ALL, range(0, 2)], [ALL, ALL])
    batches = batches_of(store, NTU, batch_size=2)
    assert [batch.present_B.tolist() for batch in batches.test() if batch.present_B is not None] == [
        [0, 2, 3],
        [0, 2, 3],
        [0, 1],
    ]
    for batch in batches.train(0, 0):
        assert batch.present_B is not None
        shown = (batch.x_NCTVM != 0).any(dim=(1, 2, 3)).flatten()
        assert batch.present_B.tolist() == shown.nonzero().flatten().tolist()
    one = ntu_pipeline(num_persons=1)
    assert all(batch.present_B is None for batch in batches_of(store, one).test())


def test_only_the_frames_of_the_crop_count(tmp_path: Path):
    """100 frames, the second person in the first two: the centre 95 % begins with frame 2."""
    joints = np.ones((2, 100, 25, 3), dtype=np.float32)
    joints[1, 2:] = 0
    clips = [StoredClip("clip", 0, joints, {})]
    store = write_store(tmp_path / "s", clips, dataset="toy", layout="kinect_v2_25", source={}, problems=[])
    (batch,) = batches_of(store, NTU).test()
    assert batch.present_B is not None
    assert batch.present_B.tolist() == [0]
    (whole,) = batches_of(store, ntu_pipeline(test_crop=1.0)).test()
    assert whole.present_B is not None
    assert whole.present_B.tolist() == [0, 1]


# --- what stands in an empty slot ---


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_missing_person_can_be_the_first_once_more(ntu: ClipStore, modality: Any):
    """Q49: NTU120's official preparation copies a single person."""
    pipeline = ntu_pipeline(modality=modality, missing_person="repeat")
    zeros = batches_of(ntu, ntu_pipeline(modality=modality))
    for ours, other in zip(batches_of(ntu, pipeline).test(), zeros.test(), strict=True):
        single = torch.from_numpy(ntu.persons)[ours.clips_N] == 1
        assert torch.equal(ours.x_NCTVM[single][..., 1], ours.x_NCTVM[single][..., 0])
        assert torch.equal(ours.x_NCTVM[~single], other.x_NCTVM[~single])
        assert ours.present_B is not None
        assert other.present_B is not None
        assert torch.equal(ours.present_B, other.present_B)  # the copy is nobody


# --- from disk ---


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("name", ["ucla", "ntu"])
def test_clips_from_disk_are_the_same_bits(name: str, modality: Any, request: pytest.FixtureRequest):
    store = request.getfixturevalue(name)
    pipeline = (ucla_pipeline if name == "ucla" else ntu_pipeline)(modality=modality)
    clips = np.array([0, 3, 4, 5, 7, 8])  # not all: the rows of the others lie between them
    ours, theirs = (batches_of(store, pipeline, clips=clips, repeat=2, place=p) for p in ("disk", "device"))
    for run in (lambda b: b.train(5, 1), ClipBatches.test):
        a, b = by_clip(ours, run(ours)), by_clip(theirs, run(theirs))
        assert a.keys() == b.keys()
        assert all(x.tobytes() == y.tobytes() for key in a for x, y in zip(a[key], b[key], strict=True))
    for mine, other in zip(ours.train(5, 1), theirs.train(5, 1), strict=True):
        assert torch.equal(mine.labels_N, other.labels_N)
        assert torch.equal(mine.text_draws_N, other.text_draws_N)
        assert (mine.present_B is None) == (other.present_B is None)


def test_a_wrong_place_gets_the_nearest(ntu: ClipStore):
    with pytest.raises(ValueError, match=r"unknown place 'disc'\. Did you mean 'disk'\?"):
        batches_of(ntu, NTU, place="disc")


# --- through the net ---


def net_of(persons: Any, num_persons: int = 2) -> SkeletonClassifier:
    torch.manual_seed(0)
    net = build_classifier(**BUILD, num_persons=num_persons, persons=persons).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith(("alpha", "bn.weight")):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    return net


def clips_and_present() -> tuple[Tensor, Tensor]:
    """Four clips of two slots: both there, the first, the second, both."""
    x_NCTVM = torch.randn(4, 3, 8, 25, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x_NCTVM[1, ..., 1] = 0
    x_NCTVM[2, ..., 0] = 0
    return x_NCTVM, torch.tensor([0, 1, 2, 5, 6, 7])


@pytest.mark.parametrize("training", [False, True])
def test_an_empty_slot_leaves_no_trace(training: bool):
    """Features, statistics and gradients are those of the persons as clips of their own, averaged by hand."""
    x_NCTVM, present_B = clips_and_present()
    net, alone = net_of("present").train(training), net_of("every_slot", 1).train(training)
    features = net.features(x_NCTVM, present_B)
    persons = torch.stack([x_NCTVM[n, ..., m] for n, m in ((0, 0), (0, 1), (1, 0), (2, 1), (3, 0), (3, 1))])
    by_hand = alone.features(persons.unsqueeze(-1))
    expected = torch.stack([by_hand[:2].mean(0), by_hand[2], by_hand[3], by_hand[4:].mean(0)])
    torch.testing.assert_close(features, expected)
    features.square().sum().backward()
    expected.square().sum().backward()
    for (name, ours), theirs in zip(net.encoder.named_parameters(), alone.encoder.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, msg=name)
    for ours, theirs in zip(net.buffers(), alone.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_mask_says_the_same_as_positions():
    x_NCTVM, present_B = clips_and_present()
    mask_NM = torch.zeros(8, dtype=torch.bool).index_fill(0, present_B, True).view(4, 2)
    net = net_of("present").eval()
    torch.testing.assert_close(net(x_NCTVM, mask_NM), net(x_NCTVM, present_B))
    turned = net(x_NCTVM.flip(-1), mask_NM.flip(-1))
    torch.testing.assert_close(turned, net(x_NCTVM, present_B))  # slots have no order
    padded = torch.cat([x_NCTVM, torch.zeros_like(x_NCTVM)], dim=-1)  # more slots, nobody in them
    nobody_NM = torch.cat([mask_NM, torch.zeros_like(mask_NM)], dim=-1)
    torch.testing.assert_close(net(padded, nobody_NM), net(x_NCTVM, present_B))


def test_who_is_there_is_not_guessed():
    """Somebody who stands still is all 0 in a motion stream, and is there all the same."""
    x_NCTVM, _ = clips_and_present()
    with pytest.raises(ValueError, match="the clips have 2 slots for persons and nothing says who is there"):
        net_of("present")(x_NCTVM)
    one = net_of("present", 1).eval()
    torch.testing.assert_close(one(x_NCTVM[..., :1]), one(x_NCTVM[..., :1], torch.arange(4)))


def test_a_clip_without_anybody_has_finite_logits():
    x_NCTVM = torch.zeros(2, 3, 8, 25, 2, dtype=torch.float64)
    net = net_of("present").eval()
    assert net(x_NCTVM, torch.tensor([0, 2])).isfinite().all()


def test_as_published_an_empty_slot_counts():
    """Q8: a half-half mix with the constant answer to an empty slot."""
    x_NCTVM, present_B = clips_and_present()
    net = net_of("every_slot").eval()
    expected = net.encoder(x_NCTVM).mean(dim=(1, 3, 4)) @ net.head.weight.T + net.head.bias
    torch.testing.assert_close(net(x_NCTVM), expected)
    torch.testing.assert_close(net(x_NCTVM, present_B), expected)  # nothing changes by knowing


def test_features_of_half_precision_are_averaged_over_persons_in_float32():
    net = SkeletonClassifier(nn.Identity(), width=1, num_classes=1, persons="present")
    x_NCTVM = torch.full((1, 1, 1, 1, 2), 1.0, dtype=torch.bfloat16)
    x_NCTVM[..., 1] = 1 / 256  # lost in a bfloat16 sum
    features = net.features(x_NCTVM, torch.tensor([[True, True]]))
    assert features.dtype == torch.float32
    assert features.item() == (1 + 1 / 256) / 2


def test_the_rule_is_checked():
    with pytest.raises(ValueError, match=r"unknown rule for persons 'presnt'\. Did you mean 'present'\?"):
        net_of("presnt")
    with pytest.raises(ValueError, match="unknown rule for a missing person 'copy'"):
        ntu_pipeline(missing_person="copy")


# --- numbers that are none ---


@pytest.mark.parametrize("place", ["device", "disk"])
def test_what_is_not_finite_is_0_and_told(tmp_path: Path, place: Any, caplog: pytest.LogCaptureFixture):
    """The reference pipeline of NTU keeps NaN."""
    joints = np.ones((2, 1, 8, 25, 3), dtype=np.float32)
    joints[1, 0, 3, 2, 1] = np.nan
    joints[1, 0, 4, 2, 1] = np.inf
    clips = [StoredClip(f"clip{i}", 0, x, {}) for i, x in enumerate(joints)]
    store = write_store(tmp_path / "s", clips, dataset="toy", layout="kinect_v2_25", source={}, problems=[])
    pipeline = ntu_pipeline(num_persons=1, clip_length=8, test_crop=1.0)
    (batch,) = batches_of(store, pipeline, place=place).test()
    expected = torch.ones(2, 3, 8, 25, 1)
    expected[1, 1, 3:5, 2] = 0
    assert torch.equal(batch.x_NCTVM, expected)
    assert "1 clips have NaN or infinite coordinates, which are taken as 0 (clip1)" in caplog.text


def test_finite_clips_are_not_told_of(ntu: ClipStore, caplog: pytest.LogCaptureFixture):
    batches_of(ntu, NTU)
    assert caplog.text == ""
