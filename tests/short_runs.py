"""Runs of three steps per epoch on the tiny store, and what is read from their folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import killed_training
from lst.data.store.clip_store import ClipStore
from lst.training.recipes import RunConfig, TrainOptions
from lst.training.run_files import read_log
from lst.training.train import train


def tiny(epochs: int = 2, **changed: Any) -> RunConfig:
    """Three steps per epoch on the tiny store."""
    return killed_training.config_of(changed, epochs)


def run(store: ClipStore, out: Path, config: RunConfig, **options: Any) -> dict[str, Any]:
    return train("tiny", config, store, out, TrainOptions(device="cpu", progress=False, **options))


def model_bytes(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def log_of(folder: Path) -> list[dict[str, Any]]:
    return read_log(folder)


def without_clock(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in ("seconds", "sessions", "crc32")}


def stop_after(epoch: int) -> Callable[..., str]:
    """Ctrl-C when this epoch is reported, which is after it was saved."""

    def line(row: dict[str, Any], epochs: int) -> str:
        if row["epoch"] == epoch:
            raise KeyboardInterrupt
        return ""

    return line
