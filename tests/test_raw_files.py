"""Files in a folder and in a zip are found alike."""

import os
import zipfile
from pathlib import Path

import pytest

from lst.data.ntu.prepare import prepare_ntu
from lst.data.store.clip_store import Problem
from lst.data.store.raw_files import RawFiles
from skeleton_files import frames_of, make_skeleton_file, moving

FILES = {
    "b.json": b"B",
    "deep/er/a.JSON": b"A",
    "deep/c.json": b"C",
    "__MACOSX/deep/._c.json": b"mac",
    "__MACOSX/deep/d.json": b"mac",
    "deep/._c.json": b"mac",
    ".cache/d.json": b"hidden",
    "val_label.pkl": b"pickle",
}


@pytest.fixture(params=["folder", "zip", "zip from Windows"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        for name, content in FILES.items():
            (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "raw" / name).write_bytes(content)
        return tmp_path / "raw"
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.mkdir("deep")
        for name, content in FILES.items():
            archive.writestr(name.replace("/", "\\") if "Windows" in request.param else name, content)
    return tmp_path / "raw.zip"


def test_sorted_by_base_name_and_the_rest_is_ignored(source: Path):
    with RawFiles(source, ".json") as raw:
        assert [(f.name, f.stem, f.read()) for f in raw.files] == [
            ("deep/er/a.JSON", "a", b"A"),
            ("b.json", "b", b"B"),
            ("deep/c.json", "c", b"C"),
        ]
        assert raw.ignored == tuple(sorted(name for name, content in FILES.items() if len(content) > 1))


def test_no_such_path(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*Give the folder or the zip"):
        RawFiles(tmp_path / "nowhere", ".json")


def test_not_a_zip(tmp_path: Path):
    (tmp_path / "all.zip").write_bytes(b"PK\x03\x04 and then the download stopped")
    with pytest.raises(ValueError, match=r"all\.zip.*get it again"):
        RawFiles(tmp_path / "all.zip", ".json")


def test_a_damaged_entry_is_an_error_of_that_file_only(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.json", b"AAAA")
        archive.writestr("b.json", b"BBBB")
    whole = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "all.zip").write_bytes(whole.replace(b"AAAA", b"AxAA"))
    with RawFiles(tmp_path / "all.zip", ".json") as raw:
        with pytest.raises(ValueError, match=r"cannot be read \(Bad CRC"):
            raw.files[0].read()
        assert raw.files[1].read() == b"BBBB"


def test_a_file_that_vanished(tmp_path: Path):
    (tmp_path / "a.json").write_text("{}")
    with RawFiles(tmp_path, ".json") as raw:
        (tmp_path / "a.json").unlink()
        with pytest.raises(ValueError, match="cannot be read"):
            raw.files[0].read()


def test_a_folder_inside_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "raw" / "inside").mkdir(parents=True)
    name = "S001C001P001R001A001"
    content = make_skeleton_file(frames_of(5, {"7": (range(5), moving(7, 5))}))
    (tmp_path / "raw" / f"{name}.skeleton").write_bytes(content)
    scandir = os.scandir

    def refusing(path: str | Path) -> object:
        if str(path).endswith("inside"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with RawFiles(tmp_path / "raw", ".skeleton") as raw:
        assert (raw.unreadable, len(raw.files)) == (("inside",), 1)
    prepared = prepare_ntu("ntu60", tmp_path / "raw", tmp_path / "store")
    assert prepared.problems == (Problem("inside", None, "this folder may not be read"),)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "a.json")
    with RawFiles(tmp_path, ".json") as raw:
        assert raw.files[0].stamp == "no file"
        with pytest.raises(ValueError, match="it is no file"):
            raw.files[0].read()


def test_names_in_a_zip_that_begin_with_a_dot_and_slash(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("./a.json", b"A")
        archive.writestr("./.b.json", b"hidden")
    with RawFiles(tmp_path / "all.zip", ".json") as raw:
        assert [file.base for file in raw.files] == ["a.json"]


def test_linked_folders_are_followed_once(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_text("A")
    folder = tmp_path / "raw"
    (folder / "z").mkdir(parents=True)
    (folder / "z" / "b.json").write_text("B")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder / "z")  # its files have their own name
    (folder / "z" / "up").symlink_to(folder)  # would never end
    with RawFiles(folder, ".json") as raw:
        assert [(file.name, file.read()) for file in raw.files] == [("link/a.json", b"A"), ("z/b.json", b"B")]
