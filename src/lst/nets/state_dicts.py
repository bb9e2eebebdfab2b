"""The state dict inside a checkpoint: where training scripts put it, and under which beginnings of names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lst.facts.shown import shown
from lst.nets.torch_file import Foreign, Odd

__all__ = ["WRAPPERS", "state_dict_in"]

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights")
"""Keys under which scripts save the state dict beside the epoch, the optimizer and so on."""
PREFIXES = ("_orig_mod.", "module.", "model.", "net.", "network.")
"""What torch.compile, DataParallel and modules around the network put before each name."""
_MOST_WRAPPERS = 3
_SAVE = "Save `model.state_dict()` with torch.save and import that."


def state_dict_in(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors by their names, without wrappers around them and prefixes before the names.

    Raises:
        ValueError: there is no state dict, or it holds anything but tensors of finite plain numbers.
    """
    found = _unwrapped(content, path)
    keys = list(found)
    if odd := [key for key in keys if not isinstance(key, str)]:
        raise ValueError(
            f"{path}: {len(odd)} of its {len(keys)} keys are no texts, such as a {_kind(odd[0])}"
        )
    if others := [key for key in keys if not isinstance(found[key], Tensor | Odd)]:
        raise ValueError(
            f"{path}: expected a state dict of tensors, got also {_some(others)} of type "
            f"{_kind(found[others[0]])}. {_SAVE}"
        )
    state = _without_prefixes(found)
    if len(state) < len(found):
        raise ValueError(f"{path}: two of its tensors have the same name but for _orig_mod")
    for key, tensor in state.items():
        _check_numbers(key, tensor, path)
    return state


def _unwrapped(content: Any, path: Path) -> Mapping[Any, Any]:
    seen: list[str] = []
    for _ in range(_MOST_WRAPPERS + 1):
        if not isinstance(content, Mapping):
            break
        if any(isinstance(value, Tensor | Odd) for value in content.values()):
            return content
        inner = [key for key in WRAPPERS if isinstance(content.get(key), Mapping | Foreign)]
        if not inner:
            break
        seen.append(inner[0])
        content = content[inner[0]]
    where = f" under {'.'.join(seen)}" if seen else ""
    if isinstance(content, Foreign):
        raise ValueError(
            f"{path}: holds a whole pickled object of the class {shown(content.origin)}{where}, which only "
            f"the code of that class can read. {_SAVE}"
        )
    if isinstance(content, Mapping):
        raise ValueError(
            f"{path}: holds no state dict of tensors{where}; its keys are {_some(list(content))}. {_SAVE}"
        )
    raise ValueError(f"{path}: expected a state dict of tensors, got a {_kind(content)}{where}. {_SAVE}")


def _without_prefixes(found: Mapping[str, Any]) -> dict[str, Any]:
    state = dict(found)
    while state and (common := [p for p in PREFIXES if all(key.startswith(p) for key in state)]):
        state = {key.removeprefix(common[0]): value for key, value in state.items()}
    return {key.replace("._orig_mod.", "."): value for key, value in state.items()}


def _check_numbers(key: str, tensor: Tensor | Odd, path: Path) -> None:
    kind = tensor.kind if isinstance(tensor, Odd) else _odd_kind(tensor)
    if kind:
        raise ValueError(f"{path}: {shown(key)} is a {kind} tensor; only tensors of plain numbers are read")
    assert isinstance(tensor, Tensor)
    if tensor.is_floating_point() and not tensor.isfinite().all():
        count = int((~tensor.isfinite()).sum())
        raise ValueError(
            f"{path}: {shown(key)} has {count:,} numbers that are NaN or infinite; the training broke down, "
            "or the file is damaged"
        )


def _odd_kind(tensor: Tensor) -> str:
    """For tensors from torch's own reader of old files."""
    if tensor.is_meta:
        return "meta"
    if tensor.is_quantized:
        return "quantised"
    if tensor.is_complex():
        return "complex"
    return "" if tensor.layout is torch.strided else "sparse"


def _kind(value: object) -> str:
    return shown(value.origin) if isinstance(value, Foreign) else type(value).__name__


def _some(keys: list[Any]) -> str:
    listed = ", ".join(shown(key, 40) if isinstance(key, str) else f"a {_kind(key)}" for key in keys[:6])
    return f"{listed or '(none)'}{f' and {len(keys) - 6:,} more' if len(keys) > 6 else ''}"
