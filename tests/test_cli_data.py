"""`lst prepare` and `lst info` on data."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import lst_call, refused
from lst.data.store.clip_store import ClipStore


def write_clip(folder: Path, name: str, *, label: int, frames: int = 3, joints: int = 20) -> None:
    skeletons = [[[0.1 * v, 0.01 * t, float(label)] for v in range(joints)] for t in range(frames)]
    content = {"file_name": name, "skeletons": skeletons, "label": label}
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder like `all_sqe`: three good clips, four broken files and one of another kind."""
    folder = tmp_path / "all_sqe"
    folder.mkdir()
    write_clip(folder, "a01_s01_e00_v01", label=1)
    write_clip(folder, "a08_s01_e00_v02", label=7, frames=5)
    write_clip(folder, "a12_s02_e01_v03", label=10, frames=7)
    write_clip(folder, "a03_s01_e00_v01", label=4)
    write_clip(folder, "a04_s01_e00_v01", label=4, joints=19)
    (folder / "a05_s01_e00_v01.json").write_text('{"skeletons": [\n[1, 2')
    (folder / "notes.json").write_text("{}")
    (folder / "README.txt").write_text("hello")
    return folder


def test_prepare_lists_broken_files_and_goes_on(raw: Path, tmp_path: Path):
    done = lst_call("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert done.status == 0
    assert done.err == ""
    left_out = [line for line in done.out.splitlines() if line.startswith("left out")]
    assert len(left_out) == 4
    assert left_out[0].startswith("left out a03_s01_e00_v01.json: label 4 disagrees with the name")
    assert left_out[1] == "left out a04_s01_e00_v01.json: frame 0: expected 20 joints, got 19"
    assert left_out[2].startswith("left out a05_s01_e00_v01.json:2: broken JSON")
    assert left_out[3].startswith("left out notes.json: ")
    assert f"{tmp_path / 'store'}: 3 clips, 15 frames, 4 files left out" in done.out
    assert "ignored 1 of 8 files" in done.out
    assert "expected 1,020 train clips, found 2 (1,018 missing)" in done.out
    assert "not exactly the distributed files" in done.out
    assert "nw-ucla          2 train / 1 test" in done.out
    assert done.out.splitlines()[-1] == f"next: lst info {tmp_path / 'store'}"
    assert ClipStore.open(tmp_path / "store").clip_ids == [
        "a01_s01_e00_v01",
        "a08_s01_e00_v02",
        "a12_s02_e01_v03",
    ]


def test_prepare_shows_twenty_broken_files_and_where_the_others_are(raw: Path, tmp_path: Path):
    for episode in range(18):
        (raw / f"a01_s01_e{episode:02d}_v02.json").write_text("[]")
    done = lst_call("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert done.out.count("left out a") + done.out.count("left out n") == 20
    assert f"... and 2 more in {tmp_path / 'store' / 'problems.csv'}" in done.out


def test_prepare_twice(raw: Path, tmp_path: Path):
    words = ("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert lst_call(*words).status == 0
    write_clip(raw, "a02_s01_e00_v01", label=2)
    assert "exists already" in refused(*words)
    assert len(ClipStore.open(tmp_path / "store")) == 3
    assert lst_call(*words, "--overwrite").status == 0
    assert len(ClipStore.open(tmp_path / "store")) == 4


def test_prepare_writes_into_data_and_never_over_foreign_files(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert lst_call("prepare", "nw-ucla", raw).status == 0
    assert (tmp_path / "data" / "nw-ucla" / "manifest.json").is_file()
    assert "lst did not write there" in refused("prepare", "nw-ucla", raw, "--out", raw, "--overwrite")
    assert (raw / "README.txt").is_file()


def test_prepare_synthetic_passes_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from lst.data import prepare as module

    full = module.synthetic_clips
    monkeypatch.setattr(module, "synthetic_clips", lambda *, seed: full(seed=seed, subjects=1, episodes=1))
    for seed in (0, 1):
        done = lst_call("prepare", "synthetic", "--out", tmp_path / str(seed), "--seed", seed)
        assert done.status == 0
    first, second = (ClipStore.open(tmp_path / str(seed)) for seed in (0, 1))
    assert first.clip_ids == second.clip_ids
    assert first.manifest["source"]["seed"] == 0
    assert not (first.clip(0)[:, :5] == second.clip(0)[:, :5]).any()


def test_info_of_a_store(tiny_store: ClipStore):
    done = lst_call("info", tiny_store.folder)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == f"{tiny_store.folder}: synthetic, layout kinect_v1_20, 36 clips"
    assert "  synthetic        24 train / 12 test" in lines
    assert "  drink from cup                   2     1" in lines
    assert any(line.startswith(f"  frames   {len(tiny_store.joints)}, per clip ") for line in lines)


def test_the_verbs_that_need_no_torch_do_not_load_it(tiny_store: ClipStore, raw: Path, tmp_path: Path):
    calls = [
        ["--help"],
        ["prepare", "nw-ucla", str(raw), "--out", str(tmp_path / "store")],
        ["info", str(tiny_store.folder)],
        ["results", "--runs", str(tmp_path), "--results", str(tmp_path)],
    ]
    code = (
        "import sys\nfrom lst.cli.main import main\n"
        f"for words in {calls!r}:\n"
        "    assert main(words) == 0, words\n"
        "    assert 'torch' not in sys.modules, words\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
