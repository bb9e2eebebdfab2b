"""Tensors of a safetensors file, checked against what a net expects before they take memory."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor


def read_weights(path: Path, expected: Mapping[str, Tensor], sha256: str | None) -> dict[str, Tensor]:
    """The tensors of a file: names, shapes and dtypes are those of `expected`, every value is finite.

    sha256: of the file, from the card beside it; None in checkpoints of older versions.

    Raises:
        ValueError: they are not, or the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            _check_names(path, names, set(expected))
            for name in sorted(names):
                _check_shape(path, name, file.get_slice(name), expected[name])
            weights = {name: file.get_tensor(name) for name in sorted(names)}
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path}: does not fit its card ({' '.join(str(error).split())})") from error
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(
            f"{path}: holds other numbers than its card was written for (SHA-256 differs). Copy both files "
            "from the same run again, or train anew."
        )
    check_finite(path, weights)
    return weights


def check_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError for the first tensor with NaN or infinity."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{path}: tensor {name!r} holds NaN or infinity. Copy the file again.")


def _check_names(path: Path, found: set[str], expected: set[str]) -> None:
    missing, foreign = sorted(expected - found), sorted(found - expected)
    if missing or foreign:
        what = [f"lacks {missing[0]!r}"] if missing else []
        what += [f"has {foreign[0][:100]!r} too"] if foreign else []
        count = len(missing) + len(foreign)
        raise ValueError(f"{path}: does not fit its card ({count} tensors differ: {', '.join(what)})")


def _check_shape(path: Path, name: str, found: object, expected: Tensor) -> None:
    shape, dtype = tuple(found.get_shape()), found.get_dtype()  # pyright: ignore[reportAttributeAccessIssue]
    if shape != tuple(expected.shape) or dtype != _DTYPES.get(expected.dtype):
        raise ValueError(
            f"{path}: does not fit its card (tensor {name!r} is {dtype} {shape}, expected "
            f"{_DTYPES.get(expected.dtype)} {tuple(expected.shape)})"
        )


_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bfloat16: "BF16"}
