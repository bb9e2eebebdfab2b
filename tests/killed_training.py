"""Train, be killed at given moments, resume after each, finish. Run by test_resume.py in its own process.

usage: python killed_training.py JOBS.json
Each job has a store, a folder for the run, overrides of a recipe, and moments: [event, how many-th]. Events
are "step" (the optimiser moved the weights), "before FILE" and "after FILE" (a finished file gets its name),
and "any". Counting starts anew in every process. One forked child for each moment, and one that finishes;
forking needs OMP_NUM_THREADS=1 and no GPU in sight.
"""

import json
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import lst.training.train as train_module
from lst.data.store.clip_store import ClipStore
from lst.training.recipes import RunConfig, TrainOptions, get_recipe
from lst.training.text_config import TextConfig
from lst.training.train import train


def config_of(changed: dict[str, Any], epochs: int) -> RunConfig:
    """A demo recipe for the smallest net, with `changed` fields; "optim" holds changes of that group."""
    base = get_recipe("demo-joint")
    small = {"encoder_width": 8, "clip_length": 8, "batch_size": 8, "precision": "fp32"}
    if isinstance(changed.get("text"), dict):
        changed = {**changed, "text": TextConfig(**changed["text"])}
    fields = {**small, **changed}
    optim = replace(base.optim, lr=0.05, epochs=epochs, **fields.pop("optim", {}))
    return replace(base, **fields, optim=optim)


def arm(event: str, times: int) -> None:
    """Kill this process, without any farewell, the `times`-th time that `event` happens."""
    seen: Counter[str] = Counter()

    def happened(name: str) -> None:
        seen.update([name, "any"])
        if seen[event] == times:
            os.kill(os.getpid(), signal.SIGKILL)

    step, rename = torch.optim.SGD.step, os.replace

    def counted_step(*args: Any, **kwargs: Any) -> Any:
        done = step(*args, **kwargs)
        happened("step")
        return done

    def counted_rename(old: Any, new: Any) -> None:
        happened(f"before {Path(new).name}")
        rename(old, new)
        happened(f"after {Path(new).name}")

    torch.optim.SGD.step, os.replace = counted_step, counted_rename


def live(job: dict[str, Any], moment: tuple[str, int] | None) -> int:
    """One process: train or resume, perhaps until killed. Returns its wait status."""
    child = os.fork()
    if child == 0:
        try:
            if moment is not None:
                arm(*moment)
            store, config = ClipStore.open(job["store"]), config_of(job["changed"], job["epochs"])
            options = TrainOptions(device="cpu", resume=True, progress=False)
            train("tiny", config, store, Path(job["out"]), options)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def warm_up(job: dict[str, Any], out: Path) -> None:
    """One epoch here, for what torch and others do on first use: the forked children need not do it again."""
    options = TrainOptions(device="cpu", progress=False)
    train("warm-up", config_of(job["changed"], 1), ClipStore.open(job["store"]), out, options)


def main(path: str) -> None:
    train_module.plot_training = lambda rows, path: path.touch()  # as in conftest.py: it takes the longest
    sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]
    for job in json.loads(Path(path).read_text(encoding="utf-8")):
        warm_up(job, Path(job["out"] + "-warm-up"))
        for moment in [*job["moments"], None]:
            status = live(job, moment)
            expected = 0 if moment is None else signal.SIGKILL
            if status != expected:
                sys.exit(f"{job['out']}: at {moment} the process ended with status {status}")


if __name__ == "__main__":
    main(sys.argv[1])
