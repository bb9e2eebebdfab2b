"""state.pt of a run: what is in it, checked against the net and the optimiser that it is for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lst.nets.torch_file import read_torch_file
from lst.nets.weights import check_finite
from lst.training.run_files import check_log

AGAIN = "Start again with --overwrite."
_KEYS = {"net", "optimizer", "log", "sessions"}
"""And "average" if the run has one."""


def read_state(path: Path) -> dict[str, Any]:
    """The content of state.pt, on the CPU. Every byte is compared with the file's checksums.

    Raises:
        ValueError: it is damaged or holds something else.
    """
    try:
        state = read_torch_file(path)
    except ValueError as error:
        raise ValueError(f"{error}. {AGAIN}") from error
    if not isinstance(state, dict) or set(state) - {"average"} != _KEYS:
        raise ValueError(f"{path}: not the state of a run (expected {', '.join(sorted(_KEYS))}). {AGAIN}")
    check_log(state["log"], f"{path}: log", AGAIN)
    sessions = state["sessions"]
    if not isinstance(sessions, list) or not all(isinstance(session, dict) for session in sessions):
        raise ValueError(f"{path}: sessions: expected a list of objects. {AGAIN}")
    if not all(isinstance(session.get("device"), str) for session in sessions):
        raise ValueError(f"{path}: sessions: one of them lacks its device. {AGAIN}")
    return state


def restore(state: Mapping[str, Any], path: Path, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a state into the net and the optimiser.

    Raises:
        ValueError: it is not one of theirs: other names, shapes or kinds of numbers, or NaN among them.
    """
    check_tensors(path, "net", state["net"], net.state_dict())
    _check_optimizer(path, state["optimizer"], optimizer)
    net.load_state_dict(state["net"], strict=True)
    optimizer.load_state_dict(state["optimizer"])


def check_tensors(path: Path, what: str, found: Any, expected: Mapping[str, Tensor]) -> None:
    """ValueError unless these are finite tensors of the same names, shapes and types."""
    if not isinstance(found, dict) or set(found) != set(expected):
        raise ValueError(f"{path}: {what}: not the tensors of this run's net. {AGAIN}")
    for name, tensor in expected.items():
        got = found[name]
        if not isinstance(got, Tensor) or got.shape != tensor.shape or got.dtype != tensor.dtype:
            kind = f"{got.dtype} {tuple(got.shape)}" if isinstance(got, Tensor) else type(got).__name__
            raise ValueError(
                f"{path}: {what}: {name} is {kind}, expected {tensor.dtype} {tuple(tensor.shape)}. {AGAIN}"
            )
    check_finite(path, found)


def _check_optimizer(path: Path, found: Any, optimizer: torch.optim.Optimizer) -> None:
    """The same groups of parameters and a momentum of the shape of each."""
    if not isinstance(found, dict) or set(found) != {"state", "param_groups"}:
        raise ValueError(f"{path}: optimizer: expected state and param_groups. {AGAIN}")
    own = optimizer.state_dict()["param_groups"]
    groups = found["param_groups"]
    if not isinstance(groups, list) or [_kinds(group) for group in groups] != [_kinds(g) for g in own]:
        raise ValueError(f"{path}: optimizer: other groups of parameters than this run has. {AGAIN}")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    momenta = found["state"]
    if not isinstance(momenta, dict) or not set(momenta) <= set(range(len(parameters))):
        raise ValueError(f"{path}: optimizer: other parameters than this run has. {AGAIN}")
    for i, values in momenta.items():
        buffer = values.get("momentum_buffer") if isinstance(values, dict) else None
        if buffer is not None:
            check_tensors(path, f"optimizer {i}", values, {"momentum_buffer": parameters[i]})


def _kinds(group: Any) -> Any:
    """A group without its learning rate, which every step sets."""
    if not isinstance(group, dict):
        return None
    return {key: value for key, value in group.items() if key not in ("lr", "initial_lr")}
