"""Where a run computes: device, precision, memory, and how a device is written down."""

import ctypes
import platform
from functools import cache
from pathlib import Path

import torch

from lst.data.input.batches import Place
from lst.training.recipes import PlaceChoice, Precision

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # glibc's malloc.h


def choose_device(name: str) -> torch.device:
    """The GPU if there is one for "auto"; else any name torch knows, checked before the first step."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device {name!r}: there is no such device. It cannot be used here. {_known_devices()}"
        ) from None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {name!r} cannot be used here ({reason}). {_known_devices()}") from None
    return device


def _known_devices() -> str:
    """The names that work on this machine."""
    found = ["auto", "cpu"]
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    elif torch.backends.mps.is_available():
        found.append("mps")
    return f"Use --device {', '.join(found[:-1])} or {found[-1]}."


@cache
def cpu_multiplies_bf16() -> bool:
    """Whether this CPU has bf16 products in hardware; without them bf16 is slower than float32."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def uses_bf16(precision: Precision, device: torch.device) -> bool:
    """What "auto" means on this device."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and cpu_multiplies_bf16()


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on the device now; None where that cannot be asked."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    info = Path("/proc/meminfo")
    if not info.is_file():
        return None
    # MemFree would not count what the system keeps of files that were read, such as the store itself.
    lines = info.read_text(encoding="utf-8").splitlines()
    kilobytes = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kilobytes is None else 1024 * int(kilobytes)


def choose_place(place: PlaceChoice, device: torch.device, num_bytes: int) -> Place:
    """Where `num_bytes` of joints lie. auto: on the device if a third of what is free there is enough (they
    are there twice for a moment, and training needs room, too)."""
    if place != "auto":
        return place
    free = free_memory(device)
    return "device" if free is None or 3 * num_bytes <= free else "disk"


def keep_freed_memory() -> bool:
    """Let glibc reuse the large blocks that a training step frees instead of returning them to the system.

    Feature maps are tens of megabytes; by default each one is mapped, zeroed page by page and unmapped again,
    which can take longer than the arithmetic. Linux only; True when it was set.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**28))
    return all(libc.mallopt(what, value) for what, value in settings)


def describe_device(device: torch.device) -> str:
    """For the card: "NVIDIA H200", or "CPU AMD EPYC, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{device.type.upper()} {model or platform.machine()}, {torch.get_num_threads()} threads"
