"""A store of one's own data carries its classes, splits, groups, layout and coordinates."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lst.data.store.clip_store import ClipStore, SplitPlan, StoredClip, write_store
from lst.data.store.from_arrays import write_store as from_arrays
from lst.facts.coordinates import Coordinates
from lst.facts.own_layout import as_layout, layout_json
from lst.facts.skeleton import LAYOUTS, Skeleton

STICK = Skeleton(
    name="stick_5",
    joints=("top", "left", "right", "middle", "ground"),
    parents={"top": "middle", "left": "middle", "right": "middle", "ground": "middle"},
    parts={"head": ("top",), "hand": ("left", "right"), "hip": ("middle",), "foot": ("ground",)},
)
NAMES = ("wave", "sit down", "throw")


def clips(persons: str = "anna bert carl dora", **extra: Any) -> Iterator[StoredClip]:
    """Three classes by each person."""
    for person in persons.split():
        for label in range(3):
            rng = np.random.default_rng([label, *person.encode()])
            joints_MTVC = rng.normal(size=(1, 6, 5, 3)).cumsum(axis=1).astype(np.float32)
            yield StoredClip(f"{person}{label}", label, joints_MTVC, {"subject": person, "take": 1, **extra})


def write(folder: Path, made: Any = None, **changed: Any) -> ClipStore:
    given: dict[str, Any] = {
        "dataset": "mine",
        "layout": STICK,
        "source": {"name": "by hand"},
        "problems": [],
        "class_names": NAMES,
        "split": SplitPlan(groups="subject", test_groups=("dora", "bert")),
        "coordinates": Coordinates("mm", "-y", "xyz", 25.0),
    }
    return write_store(folder, clips() if made is None else made, **{**given, **changed})


def test_what_a_store_carries(tmp_path: Path):
    store = write(tmp_path / "s")
    assert store.class_names == NAMES
    assert store.skeleton == STICK
    assert store.coordinates == Coordinates("mm", "-y", "xyz", 25.0)
    assert store.attributes["subject"].tolist()[:4] == ["anna", "anna", "anna", "bert"]
    assert store.attributes["take"].dtype == np.int64
    line = (tmp_path / "s" / "clips.csv").read_text().splitlines()[:2]
    assert line == ["clip_id,label,frames,persons,offset,subject,take,split", "anna0,0,6,1,0,anna,1,train"]
    benchmark = store.benchmark()
    assert (benchmark.name, benchmark.num_persons, benchmark.skeleton) == ("mine", 1, STICK)
    test = [store.clip_ids[i] for i in store.select(benchmark, "test")]
    assert test == ["bert0", "bert1", "bert2", "dora0", "dora1", "dora2"]
    assert len(store.select(benchmark, "train")) == 6
    assert benchmark.performance_of("carl1") == "carl"
    assert benchmark.notice is None


def test_summary_needs_no_expected_counts(tmp_path: Path):
    summary = write(tmp_path / "s").summary()
    (facts,) = summary["benchmarks"].values()
    assert facts["train"]["expected"] is None
    assert facts["test"]["classes"] == dict.fromkeys(NAMES, 2)
    assert facts["remarks"] == []
    assert summary["groups"] == dict.fromkeys(("anna", "bert", "carl", "dora"), 3)
    json.dumps(summary)


def test_every_protocol_has_a_name(tmp_path: Path):
    def with_room() -> Iterator[StoredClip]:
        for i, clip in enumerate(clips()):
            yield replace(clip, attributes={**clip.attributes, "room": ("train", "test", "val", "")[i % 4]})

    store = write(tmp_path / "s", with_room(), protocols={"by-room": "room"})
    assert store.benchmark_names == ["mine", "mine-by-room"]
    for name in ("by-room", "mine-by-room"):
        found = store.benchmark(name)
        assert found.name == "mine-by-room"
        assert len(store.select(found, "train")) == len(store.select(found, "test")) == 3
    with pytest.raises(ValueError, match=r"'by-rom'.*mine-by-room"):
        store.benchmark("by-rom")


def test_folds_test_every_clip_once_and_tear_no_group(tmp_path: Path):
    store = write(tmp_path / "s")
    tested: list[str] = []
    for i in (1, 2):
        fold = store.benchmark(f"mine-fold{i}of2")
        ids = {s: {store.clip_ids[c][:-1] for c in store.select(fold, s)} for s in ("train", "test")}
        assert len(ids["test"]) == 2
        assert not ids["train"] & ids["test"]
        tested += [store.clip_ids[c] for c in store.select(fold, "test")]
    assert sorted(tested) == sorted(store.clip_ids)
    with pytest.raises(ValueError, match="2 to 4, the number of groups, got 5"):
        store.benchmark("fold1of5")
    with pytest.raises(ValueError, match="no fold 3 of 2"):
        store.benchmark("fold3of2")


def test_a_split_by_clip_warns(tmp_path: Path):
    store = write(tmp_path / "s", split=SplitPlan(test_share=0.5))
    assert "same person may be in training and test" in (store.benchmark().notice or "")
    assert len(store.select(store.benchmark(), "test")) == 6


def test_a_published_name_is_not_ones_own(tmp_path: Path):
    for name in ("ntu60", "nw-ucla-clean"):
        with pytest.raises(ValueError, match=f"'{name}': is the name of a published one"):
            write(tmp_path / "s", dataset=name)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"class_names": ("wave", "sit")}, "'anna2': expected a label from 0 to 1.*got 2"),
        ({"class_names": ("a", "b", "a")}, r"class names: \['a'\]"),
        ({"split": SplitPlan(groups="person", test_share=0.5)}, "no column 'person'.*subject, take"),
        ({"split": SplitPlan(groups="subject", test_groups=("eve",))}, "no clip of group 'eve'.*anna, bert"),
        ({"split": SplitPlan(column="subject")}, "'anna0': column 'subject' says 'anna'"),
        ({"protocols": {"x": "take"}}, "column 'take' says '1'"),
        ({"class_names": None}, "'mine': splits and groups need class names"),
        ({"coordinates": Coordinates(channels="xy")}, "3 channels, the coordinates say xy"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changed: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "s", **changed)
    assert not (tmp_path / "s").exists()


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("clips.csv", "bert2,2,", "bert2,7,", "clips.csv:7: clip 'bert2' has label 7, expected 0 to 2"),
        ("clips.csv", "anna,1,train", "anna,1,trian", "clips.csv: column 'split' says 'trian'"),
        ("clips.csv", "anna,1,", "anna,one,", "clip 'anna0', take: .*whole number.*'one'"),
        ("manifest.json", '"class_names"', '"classes"', "manifest.json: .*benchmark: .*class_names"),
        ("manifest.json", '"-y"', '"up"', "manifest.json: .*'up'"),
        ("manifest.json", '"top": "middle"', '"top": "nowhere"', "manifest.json: layout 'stick_5'.*nowhere"),
        ("manifest.json", '"groups": "subject"', '"groups": "person"', "no column 'person'"),
    ],
)
def test_damage_is_told(tmp_path: Path, file: str, old: str, new: str, message: str):
    write(tmp_path / "s")
    edit(tmp_path / "s", file, old, new)
    with pytest.raises(ValueError, match=message):
        ClipStore.open(tmp_path / "s")


def test_stores_of_version_1_open_as_they_are(tiny_store: ClipStore, tmp_path: Path):
    old = tmp_path / "old"
    old.mkdir()
    for file in ("clips.csv", "joints.npy", "problems.csv"):
        (old / file).write_bytes((tiny_store.folder / file).read_bytes())
    manifest = json.loads((tiny_store.folder / "manifest.json").read_text())
    for key in ("text_attributes", "benchmark", "coordinates"):
        del manifest[key]
    (old / "manifest.json").write_text(json.dumps({**manifest, "version": 1}))
    store = ClipStore.open(old)
    assert store.benchmark().name == "synthetic"
    assert store.summary() == tiny_store.summary()


def test_a_store_without_classes_says_so(tmp_path: Path):
    store = write(tmp_path / "s", class_names=None, split=None)
    assert store.benchmark_names == []
    assert store.summary()["benchmarks"] == {}
    with pytest.raises(ValueError, match="without class names and splits"):
        store.benchmark()


def test_layouts_come_back(tmp_path: Path):
    assert as_layout(layout_json(STICK)) == STICK
    for name, layout in LAYOUTS.items():
        assert layout_json(layout) == layout_json(name) == name
        assert as_layout(name) is as_layout(layout) is layout
    own = replace(LAYOUTS["coco_17"], name="my_coco")
    assert as_layout(json.loads(json.dumps(layout_json(own)))) == own
    with pytest.raises(ValueError, match="'coco_17': is the name of a layout of lst"):
        layout_json(replace(STICK, name="coco_17"))


def test_arrays_become_a_store(tmp_path: Path):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((9, 17, 3), (2, 5, 17, 3), (4, 17, 3), (3, 17, 3))]
    labels = ["sit", "wave", "wave", "sit"]
    store = from_arrays(
        tmp_path / "toys", arrays, labels, layout="coco_17", groups=[1, 1, 2, 2], test_groups=[2]
    )
    assert (store.dataset, store.class_names, store.labels.tolist()) == (
        "toys",
        ("sit", "wave"),
        [0, 1, 1, 0],
    )
    np.testing.assert_array_equal(store.clip(1), arrays[1].astype(np.float32))
    assert store.select(store.benchmark(), "test").tolist() == [2, 3]
    with pytest.raises(ValueError, match="splits: got 1 for 4 clips"):
        from_arrays(tmp_path / "x", arrays, labels, layout="coco_17", splits=["train"])
    with pytest.raises(ValueError, match="clip 1: label 'wave' is none of the class names sit, stand"):
        from_arrays(tmp_path / "x", arrays, labels, layout="coco_17", class_names=["sit", "stand"])
