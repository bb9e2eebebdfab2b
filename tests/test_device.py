"""Choice of device and precision, and what a card says about machine and code."""

import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lst.training import device as device_module
from lst.training.device import (
    choose_device,
    cpu_multiplies_bf16,
    describe_device,
    keep_freed_memory,
    uses_bf16,
)


@pytest.mark.parametrize(("cuda", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch, cuda: bool, expected: str):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert choose_device("auto") == torch.device(expected)


def test_named_device_is_taken_as_it_is():
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "cpu:x", "cuda:-1", "0x0", "CPU"])
def test_a_name_that_torch_does_not_know_is_an_error(name: str):
    with pytest.raises(ValueError, match=r"cannot be used here.*Use --device auto") as error:
        choose_device(name)
    assert repr(name) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without a GPU is what this is about")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_an_error_before_the_first_step(name: str):
    with pytest.raises(ValueError, match=r"'cuda.*cannot be used here"):
        choose_device(name)


CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
PRECISIONS = [  # precision, device, GPU has bf16, CPU has bf16 -> bf16?
    ("fp32", CPU, True, True, False),
    ("fp32", CUDA, True, True, False),
    ("bf16", CPU, False, False, True),
    ("bf16", CUDA, False, False, True),
    ("auto", CPU, True, False, False),
    ("auto", CPU, False, True, True),
    ("auto", CUDA, True, False, True),
    ("auto", CUDA, False, True, False),
    ("auto", MPS, True, True, False),
]


@pytest.mark.parametrize(("precision", "device", "on_gpu", "on_cpu", "expected"), PRECISIONS)
def test_when_bf16_is_used(
    monkeypatch: pytest.MonkeyPatch,
    precision: Any,
    device: torch.device,
    on_gpu: bool,
    on_cpu: bool,
    expected: bool,
):
    def supported(including_emulation: bool = True) -> bool:
        assert not including_emulation  # emulated bf16 is slower than float32
        return on_gpu

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(device_module, "cpu_multiplies_bf16", lambda: on_cpu)
    assert uses_bf16(precision, device) is expected


def fake_cpuinfo(monkeypatch: pytest.MonkeyPatch, path: Path, text: str | None) -> None:
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(device_module, "Path", lambda name: path if name == "/proc/cpuinfo" else Path(name))


CPUINFO = "processor\t: 0\nmodel name\t: Test CPU: 3.0 GHz\nflags\t\t: fpu {} avx2\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CPUINFO.format("avx512_bf16"), True),
        (CPUINFO.format("amx_bf16"), True),
        (CPUINFO.format("avx512f"), False),
        (None, False),
    ],
)
def test_bf16_products_are_read_from_the_cpu_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, expected: bool
):
    fake_cpuinfo(monkeypatch, tmp_path / "cpuinfo", text)
    assert cpu_multiplies_bf16.__wrapped__() is expected


def test_the_cpu_is_described_by_its_model_and_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    fake_cpuinfo(monkeypatch, tmp_path / "cpuinfo", CPUINFO)
    assert describe_device(CPU) == "CPU Test CPU: 3.0 GHz, 3 threads"
    fake_cpuinfo(monkeypatch, tmp_path / "absent", None)
    assert describe_device(CPU) == f"CPU {platform.machine()}, 3 threads"


def test_a_gpu_is_described_by_its_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"NVIDIA Test on {device}")
    assert describe_device(CUDA) == "NVIDIA Test on cuda"


# --- code facts ---


def test_memory_setting_is_made_on_glibc_only(monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[int, int]] = []

    def mallopt(what: int, value: int) -> int:
        calls.append((what, value))
        return 1

    monkeypatch.setattr(device_module.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert keep_freed_memory() is False
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))  # musl
    assert keep_freed_memory() is False
    assert calls == []
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert keep_freed_memory() is True
    # malloc.h: M_MMAP_MAX -4, M_TRIM_THRESHOLD -1, M_TOP_PAD -2; values are C ints
    assert dict(calls).keys() == {-4, -1, -2}
    assert dict(calls)[-4] == 0
    assert all(0 <= value < 2**31 for _, value in calls)
