"""Checkpoints from elsewhere: damaged ones are refused, wrapped ones are found, other files are named."""

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lst.nets.official import Piece, fill, read_official

STATE = {
    "data_bn.weight": torch.arange(6.0),
    "fc.weight": torch.randn(4, 3, generator=torch.Generator().manual_seed(0)),
    "fc.bias": torch.tensor([0.5, -1.0]).half(),
    "data_bn.num_batches_tracked": torch.tensor(7),
}


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def assert_state(got: dict[str, Tensor]) -> None:
    assert list(got) == list(STATE)
    for key, expected in STATE.items():
        assert got[key].dtype == expected.dtype
        assert torch.equal(got[key], expected), key


def test_shared_turned_and_empty_tensors_come_back(tmp_path: Path):
    whole = torch.arange(24.0).reshape(4, 6)
    content = {"a": whole, "b": whole[1:3, ::2], "c": whole.T, "d": torch.zeros(0, 3), "e": torch.tensor(2.5)}
    content["f"] = nn.Parameter(whole[0])
    content["g"] = torch.tensor([True, False])
    content["h"] = torch.ones(3, dtype=torch.bfloat16)
    got = read_official(saved(tmp_path / "x.pt", content))
    for key, expected in content.items():
        assert torch.equal(got[key], expected), key
        assert got[key].dtype == expected.dtype


def test_the_form_of_old_torch(tmp_path: Path):
    assert_state(read_official(saved(tmp_path / "x.pt", STATE, _use_new_zipfile_serialization=False)))


class Config:
    """Some class of the training code, which is not there when the file is read."""

    lr = 0.1


WRAPPED: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    **{key: lambda s, key=key: {key: s} for key in ("state_dict", "model_state_dict", "model", "net")},
    "beside others": lambda s: {
        "epoch": 3,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
        "model": s,
        "best": np.float64(0.9),
        "config": Config(),
    },
    "twice": lambda s: {"epoch": 1, "model": {"state_dict": s, "name": "x"}},
    "module.": lambda s: {f"module.{k}": v for k, v in s.items()},
    "_orig_mod.": lambda s: {f"_orig_mod.{k}": v for k, v in s.items()},
    "model.": lambda s: {f"model.{k}": v for k, v in s.items()},
    "all": lambda s: {"state_dict": {f"module._orig_mod.model.{k}": v for k, v in s.items()}},
    "inside": lambda s: {k.replace(".", "._orig_mod.", 1): v for k, v in s.items()},
}


@pytest.mark.parametrize("case", WRAPPED)
def test_wrappers_and_prefixes_are_looked_through(case: str, tmp_path: Path):
    assert_state(read_official(saved(tmp_path / "x.pt", WRAPPED[case](STATE))))


def test_a_flipped_bit_is_never_taken(tmp_path: Path):
    """Either refused in one line, or (padding, dates) the same numbers."""
    whole = saved(tmp_path / "x.pt", {"epoch": 1, "state_dict": STATE}).read_bytes()
    rng = np.random.default_rng(0)
    said: list[str] = []
    for _ in range(400):
        changed = bytearray(whole)
        changed[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        (tmp_path / "y.pt").write_bytes(changed)
        try:
            assert_state(read_official(tmp_path / "y.pt"))
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 100
    assert all(text.startswith(str(tmp_path / "y.pt")) and text.isprintable() for text in said)


def test_every_cut_is_noticed(tmp_path: Path):
    whole = saved(tmp_path / "x.pt", STATE).read_bytes()
    for length in range(0, len(whole), 61):
        (tmp_path / "y.pt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"y\.pt: "):
            read_official(tmp_path / "y.pt")


def repacked(path: Path, change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """The file with other contents whose checksums are right."""
    target = path.with_name("repacked.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def test_sizes_that_contradict_each_other(tmp_path: Path):
    path = saved(tmp_path / "x.pt", {"fc.weight": torch.zeros(12, 3)})
    short = repacked(path, lambda name, content: content[:-4] if name.endswith("data/0") else content)
    with pytest.raises(ValueError, match=r"storage 0 has 140 bytes for 36 numbers of 4 bytes"):
        read_official(short)
    # In the pickle the shape is two numbers of one byte each, then a mark for two of them.
    larger = repacked(path, lambda name, content: content.replace(b"K\x0cK\x03\x86", b"K\xffK\x03\x86"))
    with pytest.raises(ValueError, match=r"a tensor of shape \(255, 3\) in a storage of 36 numbers"):
        read_official(larger)
    packed = repacked(path, lambda name, content: content, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="is compressed, which torch"):
        read_official(packed)


def quantised() -> Tensor:
    return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (lambda: torch.tensor([1.0, float("nan")]), r"fc\.bias has 1 numbers that are NaN or infinite"),
        (lambda: torch.tensor([float("inf")] * 2), r"fc\.bias has 2 numbers that are NaN or infinite"),
        (lambda: torch.ones(2, dtype=torch.complex64), "is a complex tensor"),
        (lambda: torch.ones(2).to_sparse(), "is a sparse tensor"),
        (lambda: torch.ones(2, device="meta"), "is a meta tensor"),
        (quantised, "is a quantised tensor"),
        (lambda: torch.ones(2, dtype=torch.uint16), "is a foreign tensor"),
        (lambda: 3, "expected a state dict of tensors, got also fc.bias of type int"),
        (lambda: Config(), r"got also fc\.bias of type .*Config"),
    ],
)
def test_tensors_that_are_no_plain_numbers(tensor: Callable[[], Any], message: str, tmp_path: Path):
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        try:
            path = saved(tmp_path / "x.pt", {**STATE, "fc.bias": tensor()}, **options)
        except RuntimeError:
            continue  # what torch cannot save in the old form
        expected = message if not options else rf"{message}|old torch file"
        with pytest.raises(ValueError, match=rf"x\.pt: .*({expected})"):
            read_official(path)


CONTENTS: dict[str, tuple[Any, str]] = {
    "keys": ({1: torch.ones(1), "a": torch.ones(1)}, "1 of its 2 keys are no texts, such as a int"),
    "escape codes": ({"\x1b[2J" + "x" * 9000: 3, "a": torch.ones(1)}, r"got also \\x1b\[2Jxxx"),
    "nothing": ({}, r"holds no state dict of tensors; its keys are \(none\)"),
    "others": ({"epoch": 3, "lr": 0.1}, "holds no state dict of tensors; its keys are epoch, lr"),
    "a list": ([torch.ones(1)], "expected a state dict of tensors, got a list"),
    "a number": (3, "expected a state dict of tensors, got a int"),
    "a module": (nn.Linear(2, 2), r"a whole pickled object of the class torch\.nn\.modules\.linear\.Linear"),
    "a module inside": ({"epoch": 1, "model": nn.Linear(2, 2)}, r"class torch\S+Linear under model"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_contents_that_are_no_state_dict(case: str, tmp_path: Path):
    content, message = CONTENTS[case]
    with pytest.raises(ValueError, match=message) as caught:
        read_official(saved(tmp_path / "x.pt", content))
    assert str(caught.value).isprintable()
    assert "weights_only" not in str(caught.value)
    assert len(str(caught.value)) < 600


def other_files(folder: Path) -> dict[str, tuple[bytes, str]]:
    packed, tarred, zipped = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with gzip.open(packed, "wb") as file:
        file.write(b"x")
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.pt"))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("code/\x1b[31m.py", "x")
    save_file({"a": torch.ones(2)}, folder / "x.safetensors")
    return {
        "html": (b"\n<!DOCTYPE html>\n<html><head>", "starts like HTML, so it is a web page"),
        "empty": (b"", "it is empty"),
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS.*run `git lfs pull`"),
        "gzip": (packed.getvalue(), "compressed by gzip; unpack it"),
        "tar": (tarred.getvalue(), "a tar archive"),
        "zip": (zipped.getvalue(), r"a zip of something else, with 1 entries such as code/\\x1b\[31m\.py"),
        "half a zip": (b"PK\x03\x04 and no more", "damaged or cut short"),
        "safetensors": ((folder / "x.safetensors").read_bytes(), "a safetensors file"),
        "text": (b"Quota exceeded\nfor this file", "starts like text: 'Quota exceeded'"),
        "pickle": (pickle.dumps({"a": 1}), "a pickle that torch.save did not write"),
        "hdf5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        "bytes": (bytes(range(1, 99)), "starts with the bytes 01 02 03"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "html",
        "empty",
        "lfs",
        "gzip",
        "tar",
        "zip",
        "half a zip",
        "safetensors",
        "text",
        "pickle",
        "hdf5",
        "bytes",
    ],
)
def test_other_files_are_called_what_they_are(kind: str, tmp_path: Path):
    content, message = other_files(tmp_path)[kind]
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_official(tmp_path / "x.pt")
    assert str(caught.value).isprintable()


def test_a_program_of_torchscript(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        for name in ("x/data.pkl", "x/constants.pkl", "x/code/a.py"):
            archive.writestr(name, "x")
    with pytest.raises(ValueError, match="a program of TorchScript"):
        read_official(tmp_path / "x.pt")


def test_a_folder(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="is a folder; give the"):
        read_official(tmp_path)


def test_only_counters_of_batches_may_be_missing():
    net = nn.Sequential(nn.BatchNorm1d(3))
    pieces = [Piece(f"bn.{name}", f"0.{name}") for name in net[0].state_dict()]
    official = {
        f"bn.{name}": torch.full((3,), 2.0) for name in ("weight", "bias", "running_mean", "running_var")
    }
    assert fill(net, iter(pieces), official, Path("x.pt")) == []
    assert net[0].running_var.tolist() == [2, 2, 2]
    with pytest.raises(
        ValueError, match=r"no tensor 'bn\.bias'.*It has 3: bn\.weight, bn\.running_mean, bn\."
    ):
        fill(net, iter(pieces), {k: v for k, v in official.items() if k != "bn.bias"}, Path("x.pt"))
    for key, value, message in (
        ("bn.running_var", torch.tensor([1.0, -1, 1]), "has a negative variance"),
        ("bn.weight", torch.ones(3, dtype=torch.int64), "is of torch.int64, expected torch.float32"),
        (
            "bn.weight",
            torch.full((3,), 1e300, dtype=torch.float64),
            "has numbers that are too large for float32",
        ),
    ):
        with pytest.raises(ValueError, match=rf"x\.pt: {key} {message}"):
            fill(net, iter(pieces), {**official, key: value}, Path("x.pt"))


class Runs:
    """Pickled, it would print when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this line must not appear",)


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert_state(read_official(saved(tmp_path / "x.pt", {"model": STATE, "args": Runs()})))
    assert capsys.readouterr().out == ""
