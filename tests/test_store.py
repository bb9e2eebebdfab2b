"""A store gives back what was put in, and says clearly what is wrong with a folder."""

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lst.data.store.clip_store import ClipStore, Problem, StoredClip, write_store
from lst.facts.benchmarks import get_benchmark

LAYOUT, V = "kinect_v1_20", 20


def make_clip(
    clip_id: str, persons: int = 1, frames: int = 3, channels: int = 3, label: int = 0
) -> StoredClip:
    seed = sum(clip_id.encode())
    joints_MTVC = np.random.default_rng(seed).normal(size=(persons, frames, V, channels)).astype(np.float32)
    return StoredClip(clip_id, label, joints_MTVC, {"subject": seed % 7, "view": 1})


def write(folder: Path, clips: Any, problems: list[Problem] | None = None, **changed: Any) -> ClipStore:
    source = {"name": "none", "sha256": "0"}
    given = {"dataset": "nw-ucla", "layout": LAYOUT, "source": source, "problems": problems or [], **changed}
    return write_store(folder, clips, **given)


def test_blocks_by_hand(tmp_path: Path):
    # Two clips, 2 persons x 3 frames and 1 x 2: eight rows, the second clip from row 6 on.
    a, b = make_clip("a", persons=2, frames=3, label=4), make_clip("b, or not", frames=2, label=1)
    store = write(tmp_path / "s", [a, b])
    assert (tmp_path / "s" / "clips.csv").read_bytes() == (
        b"clip_id,label,frames,persons,offset,subject,view\n"
        + f"a,4,3,2,0,{a.attributes['subject']},1\n".encode()
        + f'"b, or not",1,2,1,6,{b.attributes["subject"]},1\n'.encode()
    )
    raw = np.load(tmp_path / "s" / "joints.npy")
    assert raw.shape == (8, V, 3)
    np.testing.assert_array_equal(raw[0:3], a.joints_MTVC[0])
    np.testing.assert_array_equal(raw[3:6], a.joints_MTVC[1])
    np.testing.assert_array_equal(raw[6:8], b.joints_MTVC[0])
    assert len(store) == 2
    assert store.clip_ids == ["a", "b, or not"]
    for column, expected in [
        ("labels", [4, 1]),
        ("frames", [3, 2]),
        ("persons", [2, 1]),
        ("offsets", [0, 6]),
    ]:
        assert getattr(store, column).tolist() == expected
        assert getattr(store, column).dtype == np.int64
    assert store.attributes["view"].tolist() == [1, 1]
    assert store.index_of("b, or not") == 1
    assert store.skeleton.name == LAYOUT
    assert isinstance(store.joints, np.memmap)


def test_manifest_by_hand(tmp_path: Path):
    twins = [replace(make_clip("a", frames=1), clip_id=name) for name in ("a", "b")]
    write(
        tmp_path / "s",
        twins,
        problems=[Problem("x.json", None, "empty")],
        source={"name": "n", "sha256": "f"},
    )
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text())
    assert manifest.pop("created_by").startswith("lst ")
    files = {name: zlib.crc32((tmp_path / "s" / name).read_bytes()) for name in ("clips.csv", "joints.npy")}
    assert manifest.pop("checksums")["clips.csv"] == f"{files['clips.csv']:08x}"
    assert len(manifest.pop("crc32")) == 8
    assert manifest == {
        "format": "lst-store",
        "version": 2,
        "dataset": "nw-ucla",
        "layout": LAYOUT,
        "channels": 3,
        "clips": 2,
        "rows": 2,
        "source": {"name": "n", "sha256": "f"},
        "attributes": ["subject", "view"],
        "text_attributes": [],
        "benchmark": {
            "class_names": list(get_benchmark("nw-ucla").class_names),
            "protocols": {
                name: {"rule": name, "column": None, "notes": []} for name in ("nw-ucla", "nw-ucla-clean")
            },
            "groups": None,
        },
        "coordinates": None,
        "problems": 1,
        "defects": {
            "copied_clips": [["a", "b"]],
            "one_frame_clips": ["a", "b"],
            "zero_joints": [],
            "repeated_frames": [],
            "shared_frames": [],
        },
    }


@settings(max_examples=25, deadline=None)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=6),
    channels=st.integers(1, 4),
)
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int]], channels: int
):
    clips = [make_clip(f"c{i}", m, t, channels, label=i) for i, (m, t) in enumerate(shapes)]
    store = write(tmp_path_factory.mktemp("any") / "s", iter(clips))
    assert len(store) == len(clips)
    for clip in clips:
        i = store.index_of(clip.clip_id)
        np.testing.assert_array_equal(store.clip(i), clip.joints_MTVC)
        assert store.labels[i] == clip.label
        assert {name: int(column[i]) for name, column in store.attributes.items()} == clip.attributes


def test_float64_is_rounded_once_and_any_memory_order_will_do(tmp_path: Path):
    exact = np.random.default_rng(0).normal(size=(1, 5, V, 3))
    turned = np.asfortranarray(exact)
    store = write(tmp_path / "s", [StoredClip("a", 0, turned, {})])
    np.testing.assert_array_equal(store.clip(0), exact.astype(np.float32))
    assert store.attributes == {}


def test_copies_are_those_of_the_stored_numbers(tmp_path: Path):
    exact = np.random.default_rng(0).normal(size=(1, 5, V, 3))
    store = write(tmp_path / "s", [StoredClip("a", 0, exact, {}), StoredClip("b", 0, exact + 1e-12, {})])
    assert store.manifest["defects"]["copied_clips"] == [["a", "b"]]


def test_joints_cannot_be_changed(tmp_path: Path):
    store = write(tmp_path / "s", [make_clip("a")])
    with pytest.raises(ValueError, match="read-only"):
        store.clip(0)[:] = 0


def test_clips_are_written_one_at_a_time(tmp_path: Path):
    joints_file = tmp_path / f"s.tmp-{os.getpid()}" / "joints.npy"

    def clips() -> Iterator[StoredClip]:
        for i in range(3):
            yield make_clip(f"c{i}", frames=2000)  # larger than the file's buffer
            assert joints_file.stat().st_size > i * 2000 * V * 3 * 4

    assert len(write(tmp_path / "s", clips())) == 3


def test_problems_may_arrive_while_clips_are_read(tmp_path: Path):
    problems: list[Problem] = []

    def clips() -> Iterator[StoredClip]:
        yield make_clip("a")
        problems.append(Problem("x.json", 3, 'expected ",", got\n"é"'))
        problems.append(Problem("y.json", None, "empty"))

    store = write_store(
        tmp_path / "s", clips(), dataset="nw-ucla", layout=LAYOUT, source={}, problems=problems
    )
    assert store.manifest["problems"] == 2
    assert store.problems() == [Problem("x.json", 3, 'expected ",", got\\n"é"'), problems[1]]
    assert (
        (tmp_path / "s" / "problems.csv")
        .read_text(encoding="utf-8")
        .startswith("file,line,problem\nx.json,3,")
    )


def test_twice_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        write(tmp_path / name, [make_clip("a"), make_clip("b", persons=2)])
    files = sorted(os.listdir(tmp_path / "one"))
    assert files == ["clips.csv", "joints.npy", "manifest.json", "problems.csv"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


A = make_clip("a")
BAD_CLIPS = {
    "no clip": ([], "no clip to store"),
    "id twice": ([A, A], "'a' comes twice"),
    "joint count": (
        [replace(A, joints_MTVC=np.zeros((1, 2, 19, 3)))],
        r"expected .* 20, 3\).*got \(1, 2, 19, 3\)",
    ),
    "no person axis": ([replace(A, joints_MTVC=np.zeros((2, V, 3)))], r"got \(2, 20, 3\)"),
    "no axis at all": ([replace(A, joints_MTVC=np.zeros(()))], r"got \(\)"),
    "no frame": ([replace(A, joints_MTVC=np.zeros((1, 0, V, 3)))], r"got \(1, 0, 20, 3\)"),
    "no person": ([replace(A, joints_MTVC=np.zeros((0, 2, V, 3)))], r"got \(0, 2, 20, 3\)"),
    "other channels": ([A, make_clip("b", channels=2)], r"'b'.* 20, 3\).*got \(1, 3, 20, 2\)"),
    "label": ([replace(A, label=-1)], "label from 0 to 9.*got -1"),
    "attributes": (
        [A, replace(make_clip("b"), attributes={"view": 1})],
        r"'b'.*\['view'\].*\['subject', 'view'\]",
    ),
    "reserved": ([replace(A, attributes={"frames": 1})], r"\['frames'\].*none called clip_id, label, frames"),
}


@pytest.mark.parametrize(("clips", "message"), BAD_CLIPS.values(), ids=BAD_CLIPS)
def test_clips_that_do_not_fit(tmp_path: Path, clips: list[StoredClip], message: str):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "s", clips)
    assert os.listdir(tmp_path) == []


def test_unknown_layout_costs_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match="kinect_v1_20"):
        write(tmp_path / "s", [A], layout="kinect_v1_21")
    assert os.listdir(tmp_path) == []


def test_an_existing_store_is_replaced_on_request_only(tmp_path: Path):
    old = write(tmp_path / "s", [A])
    with pytest.raises(ValueError, match="exists already"):
        write(tmp_path / "s", [make_clip("b")])
    assert ClipStore.open(tmp_path / "s").clip_ids == ["a"]
    with pytest.raises(ValueError, match="comes twice"):
        write(tmp_path / "s", [make_clip("b"), make_clip("b")], overwrite=True)
    assert ClipStore.open(tmp_path / "s").clip_ids == ["a"]
    assert write(tmp_path / "s", [make_clip("b")], overwrite=True).clip_ids == ["b"]
    np.testing.assert_array_equal(old.clip(0), A.joints_MTVC)  # who has it open keeps what was opened


def test_a_killed_run_leaves_no_store_and_the_next_one_cleans_up(tmp_path: Path):
    program = (
        "import os, signal\n"
        "from tests.test_store import *\n"
        "def clips():\n"
        "    yield make_clip('a', frames=3000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write(Path({str(tmp_path / 's')!r}), clips())\n"
    )
    root = Path(__file__).parents[1]
    killed = subprocess.run([sys.executable, "-c", program], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (path for path in tmp_path.iterdir() if path.suffix != ".lock")
    assert left.name.startswith("s.tmp-")
    with pytest.raises(ValueError, match=r"did not end.*prepare"):
        ClipStore.open(left)
    with pytest.raises(FileNotFoundError, match="lst prepare"):
        ClipStore.open(tmp_path / "s")
    write(tmp_path / "s", [A])
    assert os.listdir(tmp_path) == ["s"]


def test_an_unfinished_folder_is_no_store_even_if_complete(tmp_path: Path):
    write(tmp_path / "s", [A])
    (tmp_path / "s").rename(tmp_path / "s.tmp-123")
    with pytest.raises(ValueError, match="did not end"):
        ClipStore.open(tmp_path / "s.tmp-123")


def set_manifest(**changed: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest.update(changed)
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def cut(name: str, drop: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) - drop] if drop else b"")

    return damage


def swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "is not a store"),
    "half a manifest": (cut("manifest.json", 9), r"manifest.json:\d+:\d+: broken JSON"),
    "another manifest": (set_manifest(format="cake"), "not the manifest of a store"),
    "list as manifest": (
        lambda f: (f / "manifest.json").write_text("[]"),
        "expected a JSON object, got a list",
    ),
    "newer": (set_manifest(version=3), "version 3, but this lst reads versions 1 to 2.*Update lst"),
    "key missing": (swap("manifest.json", '"rows"', '"rowz"'), "lacks rows"),
    "unknown layout": (set_manifest(layout="kinect_v1_21"), "kinect_v1_20"),
    "layout of another data set": (set_manifest(layout="kinect_v2_25"), r"expected float32 \(6, 25, 3\)"),
    "imported by an older lst": (
        set_manifest(source={"made_up_ids_for": "ntu60-xsub"}),
        "imported by an older lst. Run `lst import-data` again",
    ),
    "rows": (set_manifest(rows=7), r"expected float32 \(7, 20, 3\), got float32 \(6, 20, 3\)"),
    "no joints": (lambda f: (f / "joints.npy").unlink(), "joints.npy: missing"),
    "joints cut short": (cut("joints.npy", 1), "joints.npy: cannot be read, perhaps cut short"),
    "joints empty": (cut("joints.npy", 0), "joints.npy: cannot be read, perhaps cut short"),
    "joints of text": (lambda f: (f / "joints.npy").write_text("1 2 3"), "joints.npy: cannot be read"),
    "float64": (lambda f: np.save(f / "joints.npy", np.zeros((6, V, 3))), "got float64"),
    "no clips": (lambda f: (f / "clips.csv").unlink(), "clips.csv: missing"),
    "clips empty": (cut("clips.csv", 0), "clips.csv:1: expected the columns"),
    "clips cut short": (cut("clips.csv", 14), "clips.csv: 1 clips, but manifest.json says 2"),
    "column renamed": (swap("clips.csv", "persons", "bodies"), "clips.csv:1: expected the columns"),
    "cell of text": (swap("clips.csv", "a,0,3", "a,0,three"), "clip 'a', frames: .*whole number.*'three'"),
    "cell missing": (swap("clips.csv", "a,0,3,1,", "a,0,3,"), "clips.csv:2: 6 cells, expected 7"),
    "last column missing": (swap("clips.csv", ",1\nb", "\nb"), "clips.csv:2: 6 cells, expected 7"),
    "gap": (swap("clips.csv", "a,0,3,1,0", "a,0,3,1,1"), "without gaps"),
    "negative": (swap("clips.csv", "a,0,3,1,0", "a,0,-3,1,0"), "clip 'a', frames: .*'-3'"),
    "clip without frames": (
        lambda f: (swap("clips.csv", "a,0,3", "a,0,0")(f), swap("clips.csv", "b,0,3,1,3", "b,0,6,1,0")(f)),
        "clip 'a', frames: .*'0'",
    ),
    "too short": (swap("clips.csv", "b,0,3,1,3", "b,0,2,1,3"), "without gaps"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_stores(tmp_path: Path, damage: Callable[[Path], Any], message: str):
    write(tmp_path / "s", [A, make_clip("b")])
    damage(tmp_path / "s")
    with pytest.raises(ValueError, match=message):
        ClipStore.open(tmp_path / "s")
    assert write(tmp_path / "s", [A], overwrite=True).clip_ids == ["a"]  # a damaged store can be made again


def ucla(*names: str) -> list[StoredClip]:
    return [make_clip(name, frames=t, label=int(name[1:3]) - 1) for t, name in enumerate(names, start=2)]


# frames:                       2                  3                  4                  5
UCLA = ucla("a01_s01_e00_v01", "a02_s01_e00_v02", "a02_s01_e00_v03", "a03_s01_e00_v03")


def test_select(tmp_path: Path):
    store = write(tmp_path / "s", UCLA)
    standard, clean = get_benchmark("nw-ucla"), get_benchmark("nw-ucla-clean")
    assert store.select(standard, "train").tolist() == [0, 1]
    assert store.select(standard, "test").tolist() == [2, 3]
    assert store.select(clean, "train").tolist() == [0]
    assert store.select(clean, "train").dtype == np.int64
    with pytest.raises(ValueError, match=r"holds 'nw-ucla'.*'ntu60-xsub' needs 'ntu60'"):
        store.select(get_benchmark("ntu60-xsub"), "train")
    with pytest.raises(ValueError, match="unknown split 'val'; choose from train, test"):
        store.select(standard, "val")  # pyright: ignore[reportArgumentType]
    only_train = write(tmp_path / "t", UCLA[:1]).select(standard, "test")
    assert (only_train.shape, only_train.dtype) == ((0,), np.int64)


def test_unknown_clip(tmp_path: Path):
    with pytest.raises(ValueError, match="no clip 'z' among the 1 clips of nw-ucla; the first is 'a'"):
        write(tmp_path / "s", [A]).index_of("z")


def test_summary_by_hand(tmp_path: Path):
    twin = replace(UCLA[2], joints_MTVC=UCLA[1].joints_MTVC)  # 3 frames now: 2, 3, 3, 5
    store = write(tmp_path / "s", [UCLA[0], UCLA[1], twin, UCLA[3]], problems=[Problem("x", None, "y")])
    summary = store.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary["clips"] == 4
    assert summary["problems"] == 1
    assert summary["lengths"] == {"total": 13, "min": 2, "median": 3.0, "max": 5, "mean": 3.25}
    assert summary["defects"]["copied_clips"] == [["a02_s01_e00_v02", "a02_s01_e00_v03"]]
    assert set(summary["benchmarks"]) == {"nw-ucla", "nw-ucla-clean"}
    standard = summary["benchmarks"]["nw-ucla"]
    assert standard["train"]["clips"] == 2
    assert standard["train"]["expected"] == 1020
    assert standard["test"]["lengths"] == {"total": 8, "min": 3, "median": 4.0, "max": 5, "mean": 4.0}
    assert standard["test"]["classes"]["drop trash"] == 1
    assert sum(standard["test"]["classes"].values()) == 2
    assert len(standard["remarks"]) == 2  # neither split is complete
    assert standard["copied_from_train"] == ["a02_s01_e00_v03"]
    assert summary["benchmarks"]["nw-ucla-clean"]["copied_from_train"] == []
    # An empty split has no shortest clip.
    assert write(tmp_path / "t", UCLA[:1]).summary()["benchmarks"]["nw-ucla"]["test"]["lengths"] == {
        "total": 0
    }
