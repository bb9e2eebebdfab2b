"""From a store of one's own to a tested run, without a registry: `lst train data/mine`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from command_line import lst_call, refused
from lst.data.store.clip_store import ClipStore, SplitPlan, StoredClip, write_store
from lst.data.synthetic.clips import LAYOUT, synthetic_clips
from lst.facts.benchmarks import SYNTHETIC_CLASSES
from lst.facts.coordinates import Coordinates
from lst.facts.skeleton import Skeleton, get_layout
from lst.nets.checkpoint import load_checkpoint
from lst.training.build import class_weights
from lst.training.own_recipe import StoreSize, own_recipe, sized_recipe
from lst.training.recipes import RunConfig
from lst.training.run_texts import prepare_texts
from lst.workflows.measure import measure_run

SMALL = ("--encoder-width", "8", "--clip-length", "8", "--repeat", "1", "--optim.epochs", "1")
QUICK = (*SMALL, "--device", "cpu", "--no-progress")
OWN_LAYOUT = replace(get_layout(LAYOUT), name="my_twenty", gap=None)


def clips() -> Iterator[StoredClip]:
    """Four of the synthetic actions by four persons with names."""
    names = {1: "anna", 2: "bert", 3: "carl", 4: "dora"}
    for clip in synthetic_clips(subjects=4, episodes=1, views=2):
        if clip.label < 4:
            person = names[int(clip.attributes["subject"])]
            yield StoredClip(f"{person}-{clip.clip_id}", clip.label, clip.joints_MTVC, {"subject": person})


def make(folder: Path, layout: str | Skeleton = LAYOUT, **changed: Any) -> ClipStore:
    given: dict[str, Any] = {
        "dataset": folder.name,
        "source": {"name": "by hand"},
        "problems": [],
        "class_names": ("A001 WaveRight", "wave_both", "Clap", "punch forward"),
        "split": SplitPlan(groups="subject", test_groups=("dora",)),
        "coordinates": Coordinates(fps=15.0),
    }
    return write_store(folder, clips(), layout=layout, **{**given, **changed})


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return make(tmp_path_factory.mktemp("own") / "mine", OWN_LAYOUT)


def test_train_test_and_info_need_no_registry(
    mine: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick: None,
    quick_pictures: None,
):
    monkeypatch.chdir(tmp_path)
    said = lst_call("train", mine.folder, *QUICK, "--text.encoder", "hashed-words").out
    assert "runs/mine: 1 epoch," in said
    card = json.loads((tmp_path / "runs/mine/card.json").read_text())
    assert card["class_names"] == ["A001 WaveRight", "wave_both", "Clap", "punch forward"]
    assert (card["recipe"], card["benchmark"], card["dataset"]) == ("own", "mine", "mine")
    assert card["coordinates"]["fps"] == 15.0
    assert card["build"]["layout"]["name"] == "my_twenty"
    assert card["overrides"]["encoder_width"] == 8
    assert "optim.lr" not in card["overrides"]
    assert card["text"]["encoder"] == "hashed-words"
    # The run knows where its clips lie; the net needs neither the store nor a registry.
    assert "top-1" in lst_call("test", "runs/mine", "--device", "cpu").out
    assert load_checkpoint("runs/mine").pipeline.skeleton == OWN_LAYOUT
    assert "runs/mine" in lst_call("info", "runs/mine").out
    assert "mine" in lst_call("results").out
    told = lst_call("info", mine.folder).out
    for fact in ("my_twenty", "dora", "4 groups", "15 frames per second", "wave_both", "24 train", "8 test"):
        assert fact in told
    assert (
        "wave" in lst_call("classify-by-text", "runs/mine", "--actions", "wave, clap", "--device", "cpu").out
    )


def test_two_streams_make_an_ensemble(mine: ClipStore, tmp_path: Path, quick: None, quick_pictures: None):
    runs = [tmp_path / "j", tmp_path / "b"]
    for run, modality in zip(runs, ("joint", "bone"), strict=True):
        lst_call("train", mine.folder, *QUICK, "--out", run, "--modality", modality, "--texts", "none")
        lst_call("test", run, "--device", "cpu")
    assert "top-1" in lst_call("ensemble", *runs).out


def test_folds_are_trained_tested_and_resumed(
    mine: ClipStore, tmp_path: Path, quick: None, quick_pictures: None
):
    asked = ("train", mine.folder, *QUICK, "--texts", "none", "--folds", "2", "--out", tmp_path / "f")
    said = lst_call(*asked).out
    assert "over 2 folds" in said
    summary = json.loads((tmp_path / "f/folds.json").read_text())
    assert summary["mean"] == pytest.approx(np.mean(summary["top1"]))
    stamp = (tmp_path / "f/fold1of2/model.safetensors").stat().st_mtime_ns
    assert lst_call(*asked).out.splitlines()[-1] == said.splitlines()[-1]
    assert (tmp_path / "f/fold1of2/model.safetensors").stat().st_mtime_ns == stamp


def test_a_net_of_an_own_layout_scores_as_in_training(
    mine: ClipStore, tmp_path: Path, quick: None, quick_pictures: None
):
    lst_call("train", mine.folder, *QUICK, "--out", tmp_path / "r", "--texts", "none")
    card = json.loads((tmp_path / "r/card.json").read_text())
    assert measure_run(tmp_path / "r", mine, "cpu").report["top1"] == card["last_test_top1"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nowhere/mine",), "neither a recipe"),
        (("MINE", "--benchmark", "mine-by-room"), "unknown benchmark 'mine-by-room'"),
        (("MINE", "--texts", "words"), "expected names, none"),
        (("MINE", "--folds", "9"), "2 to 4, the number of groups"),
        (("MINE", "--unseen", "7"), "7 is no label of mine"),
    ],
)
def test_what_cannot_be_trained(mine: ClipStore, args: tuple[str, ...], message: str):
    assert message in refused("train", *(str(mine.folder) if a == "MINE" else a for a in args), "--out", "x")


def test_the_folder_of_a_published_store_names_its_recipe(tiny_store: ClipStore):
    assert "lst train demo-joint --data" in refused("train", tiny_store.folder)


def test_leaks_and_lopsided_classes_are_told(tmp_path: Path, quick: None):
    def leaking() -> Iterator[StoredClip]:
        for clip in clips():
            subject = clip.attributes["subject"]
            if clip.label != 3 or subject in ("anna", "dora"):
                yield clip
            if clip.label == 0 and subject == "anna":
                moved = clip.joints_MTVC + np.float32([0.5, 0, 2])
                yield StoredClip(f"dora-{clip.clip_id}", 0, moved, {"subject": "dora"})

    store = make(tmp_path / "leaky", split=SplitPlan(groups="subject", test_groups=("dora",)))
    assert store.duplicated(store.benchmark()) == []
    given = {"dataset": "leaky", "layout": LAYOUT, "source": {}, "problems": [], "overwrite": True}
    plan = SplitPlan(groups="subject", test_groups=("dora",))
    store = write_store(tmp_path / "leaky", leaking(), **given, class_names=SYNTHETIC_CLASSES[:4], split=plan)
    leaked = store.duplicated(store.benchmark())
    assert len(leaked) == 2
    said = lst_call("train", store.folder, *QUICK, "--texts", "none", "--out", tmp_path / "r").out
    assert "2 test clips" in said
    assert "nearly so" in said


def test_sizes_follow_from_the_data():
    # The two data sets of docs/own_data.md: 431 training clips of 27 classes, and 100 of 10.
    utd = sized_recipe("utd", StoreSize(clips=431, classes=27, frames=67))
    assert (utd.encoder_width, utd.clip_length, utd.batch_size, utd.repeat) == (16, 32, 32, 1)
    assert utd.optim.epochs == 56
    few = sized_recipe("few", StoreSize(clips=100, classes=10, frames=30))
    assert (few.batch_size, few.repeat, few.optim.epochs, few.optim.lr) == (16, 5, 48, 0.05)
    many = sized_recipe("many", StoreSize(clips=40_000, classes=60, frames=150))
    assert (many.encoder_width, many.clip_length, many.batch_size, many.optim.epochs) == (64, 64, 64, 30)


def test_weights_of_classes_by_hand():
    # 4 and 1 clips: 1/2 and 1; the mean over the five clips is (4 * 1/2 + 1) / 5 = 3/5.
    weights_K = class_weights("sqrt", np.array([0, 0, 0, 0, 2]), 3)
    assert weights_K is not None
    torch.testing.assert_close(weights_K, torch.tensor([5 / 6, 0, 5 / 3]))
    assert class_weights("none", np.array([0, 2]), 3) is None


def test_names_become_texts_of_all_heads(mine: ClipStore):
    benchmark = mine.benchmark()
    config = own_recipe(mine, benchmark)
    config = config.with_text(encoder="hashed-words", prompts="template")
    texts = prepare_texts(config, benchmark, torch.device("cpu"))
    assert texts is not None
    assert [head.name for head in texts.heads] == ["whole", "head", "hand", "hip", "foot"]
    assert texts.heads[0].texts_KS[0][:2] == ("wave right", "human action: wave right")
    assert "hands and arms" in texts.heads[2].texts_KS[1][0]
    assert texts.vectors.class_names == benchmark.class_names


def test_a_layout_with_other_parts_has_texts_for_the_whole_body(tmp_path: Path):
    snake = replace(OWN_LAYOUT, name="snake", parts={"all of it": OWN_LAYOUT.joints})
    store = make(tmp_path / "snakes", snake)
    config = own_recipe(store, store.benchmark())
    texts = prepare_texts(config.with_text(encoder="hashed-words"), store.benchmark(), torch.device("cpu"))
    assert texts is not None
    assert [head.name for head in texts.heads] == ["whole"]


def test_a_benchmark_that_nobody_knows_is_told_when_the_store_is_there(mine: ClipStore):
    config = RunConfig(benchmark="my-own")
    assert config.benchmark == "my-own"
    with pytest.raises(ValueError, match="unknown benchmark 'my-own'"):
        mine.benchmark(config.benchmark)
