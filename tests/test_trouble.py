"""A full disk, too little memory, Ctrl-C: one line that says what is kept and what to do next."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from command_line import TINY, lst_call, refused
from lst.cli.trouble import explain, resume_hint, tells_how_to_go_on
from lst.data.input.batches import ClipBatches
from lst.data.store.clip_store import ClipStore, write_store
from lst.files.whole import DiskFull, atomic_path, new_folder, write_text
from random_clips import ntu_clip
from short_runs import run, tiny

MODULE = "lst.training.run_folder.torch.save"


def full(*args: Any, **kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def torch_full(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")


def no_room(folder: Path) -> tuple[int, int, int]:
    return (1, 1, 0)


# --- disk --------------------------------------------------------------------------------------------------


def test_a_write_error_without_a_path_gets_it_and_leaves_nothing(tmp_path: Path):
    def fail() -> None:
        with atomic_path(tmp_path / "deep" / "er" / "a.txt", needed=5_000_000) as temporary:
            temporary.write_text("half")
            full()

    with pytest.raises(DiskFull, match=r"deep/er/a\.txt: the disk is full \(.* free, 5\.0 MB needed\)"):
        fail()
    assert os.listdir(tmp_path) == []  # the folders that were made for it are gone, too


def test_a_store_that_finds_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lst.data.store.clip_store.files.write_clips", full)
    how = {"dataset": "ntu60", "layout": "kinect_v2_25", "source": {"name": "random"}, "problems": []}
    with pytest.raises(DiskFull, match=r"data/store: the disk is full"):
        write_store(tmp_path / "data" / "store", [ntu_clip(5, 1, 1, 1)], **how)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("free", [0, 10**12], ids=["no room", "room enough"])
def test_torch_does_not_say_that_a_disk_is_full_but_we_do(
    free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, free))
    with pytest.raises(OSError, match=r"a\.pt") as error, atomic_path(tmp_path / "a.pt"):
        torch_full()
    assert isinstance(error.value, DiskFull) == (free == 0)
    assert error.value.errno == (errno.ENOSPC if free == 0 else errno.EIO)


def test_other_errors_stay_as_they_are(tmp_path: Path):
    for error in (RuntimeError("no writer"), ValueError("x"), PermissionError(errno.EACCES, "no")):
        with pytest.raises(type(error)) as raised, atomic_path(tmp_path / "a"):
            raise error
        assert raised.value is error


@pytest.mark.usefixtures("one_thread", "quick")
def test_training_on_a_full_disk_keeps_its_epochs_and_says_how_to_go_on(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "runs" / "my run"
    words = ("train", "demo-joint", "--out", out, "--data", tiny_store.folder, *TINY, "--optim.epochs", "2")
    save, saved = torch.save, list[int]()

    def second_fails(*args: Any, **kwargs: Any) -> None:
        if saved:
            full()
        saved.append(1)
        save(*args, **kwargs)

    monkeypatch.setattr(MODULE, second_fails)
    message = lst_call(*words).err.splitlines()[-1]
    assert message.startswith(f"lst: {out}/state.pt: the disk is full (")
    assert "needed)" in message
    assert message.endswith(f"Epoch 1 is saved; continue with: lst train --resume '{out}'")
    monkeypatch.setattr(MODULE, save)
    assert lst_call("train", "--resume", out, "--no-progress").status == 0
    assert not [path for path in out.iterdir() if ".tmp-" in path.name]


@pytest.mark.usefixtures("one_thread", "quick")
def test_a_run_that_finds_no_room_at_its_start_leaves_no_folder(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "lst.training.run_folder.write_recipe", lambda run, values: _write_full(run / "recipe.json")
    )
    with pytest.raises(DiskFull, match=r"runs/a/recipe\.json"):
        run(tiny_store, tmp_path / "runs" / "a", tiny(1))
    assert os.listdir(tmp_path) == []


def _write_full(path: Path) -> None:
    with atomic_path(path):
        full()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips where that is not allowed."""
    import subprocess

    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path: Path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        with pytest.raises(DiskFull, match=r"a\.txt: the disk is full"):
            write_text(disk / "deep" / "a.txt", "x" * 200_000)
        with (
            pytest.raises(DiskFull, match=r"b\.pt: the disk is full \(.*needed"),
            atomic_path(disk / "b.pt", needed=400_000) as path,
        ):
            torch.save(torch.zeros(100_000), path)
        with (
            pytest.raises(DiskFull),
            new_folder(disk / "s", overwrite=False, own_files=frozenset()) as folder,
        ):
            np.save(folder / "a.npy", np.zeros(100_000))
        assert os.listdir(disk) == []
        message = refused("synthesize", "ntu60", disk / "raw", "--clips", "2")
        assert f"{disk}/raw: the disk is full" in message
        assert os.listdir(disk) == []


# --- memory ------------------------------------------------------------------------------------------------

OUT_OF_MEMORY = [
    (MemoryError(), "not enough memory."),
    (
        np._core._exceptions._ArrayMemoryError((10**6, 10**6), np.dtype("f4")),  # type: ignore[attr-defined]
        "not enough memory for 3.64 TiB more.",
    ),
    (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)"
        ),
        "not enough memory for 4,000 MB more.",
    ),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total ..."),
        "not enough memory of the GPU for 2.50 GiB more.",
    ),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory."),
    (ImportError("libtorch.so: failed to map segment from shared object"), "not enough memory."),
]


@pytest.mark.parametrize(("error", "said"), OUT_OF_MEMORY, ids=lambda value: type(value).__name__)
def test_too_little_memory_is_one_line_with_the_way_out(error: BaseException, said: str):
    message = explain(error, ["train", "x"])
    assert message is not None
    assert message.startswith(said)
    assert "--batch-size" in message
    assert "--place disk" in message
    assert "\n" not in message
    assert "--workers 1" in (explain(error, ["prepare", "ntu60"]) or "")


def test_a_real_allocation_that_fails():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**55)
    assert (explain(error.value, ["train"]) or "").startswith("not enough memory for ")
    with pytest.raises(MemoryError) as numpy_error:
        np.empty(2**55)
    assert (explain(numpy_error.value, ["test"]) or "").startswith("not enough memory for ")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (ValueError(), "ValueError"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/a"), "runs/a: Permission denied"),
        (RuntimeError("a bug"), None),
        (KeyError("a bug"), None),
    ],
)
def test_other_messages(error: Exception, message: str | None):
    assert explain(error, ["info"]) == message


# --- stopped -----------------------------------------------------------------------------------------------


def test_ctrl_c_names_the_command_that_goes_on(tiny_store: ClipStore, tmp_path: Path, monkeypatch: Any):
    out = tmp_path / "a run"
    words = ("train", "demo-joint", "--out", out, "--data", tiny_store.folder, *TINY, "--optim.epochs", "3")
    original = ClipBatches.train

    def interrupted(self: ClipBatches, seed: int, epoch: int) -> Any:
        if epoch == 1:
            raise KeyboardInterrupt
        return original(self, seed, epoch)

    monkeypatch.setattr(ClipBatches, "train", interrupted)
    done = lst_call(*words)
    assert done.status == 130
    assert done.err.splitlines()[-1] == (
        f"lst: stopped. Epoch 1 is saved; continue with: lst train --resume '{out}'"
    )
    monkeypatch.setattr(ClipBatches, "train", original)
    done = lst_call("train", "--resume", out)
    assert done.status == 0, done.err
    assert "3 epochs" in done.out


def test_the_hint_before_anything_is_written(tmp_path: Path):
    assert "nothing is left" in resume_hint(tmp_path / "x")
    with pytest.raises(MemoryError) as error, tells_how_to_go_on(tmp_path):
        raise MemoryError
    assert error.value.__notes__
