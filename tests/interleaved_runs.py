"""Random commands on the same run folders at the same time, some of them killed. Run by test_interleaved.py.

usage: python interleaved_runs.py STORE FOLDER FIRST_SEED COUNT
Each interleaving has two to four commands (train, --overwrite, --resume, reproduce) with random starts in two
folders, and perhaps a kill -9. Afterwards recipe, card, weights, log and result of every folder must belong
together, bit for bit, and what is not finished must go on to those same bits. Forking: one thread, no GPU.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lst.training.train as train_module
import lst.workflows.sharing as sharing
from lst.data.store.clip_store import ClipStore
from lst.files.locks import locked
from lst.training.recipes import RECIPES, RunConfig, TrainOptions
from lst.training.run_folder import read_recipe
from lst.training.train import train
from lst.training.training_run import TrainingRun
from lst.workflows.reproduce import Plan, reproduce

STREAMS = ("joint", "bone")
EPOCHS = 2
PLAN = Plan("demo", streams=STREAMS, epochs=EPOCHS)
COMMANDS = ("train", "overwrite", "resume", "reproduce", "reproduce")
DONE, REFUSED, WRONG = 0, 2, 1


def shrink() -> None:
    """Recipes, pictures and waits as small as they get."""
    for name, config in RECIPES.items():
        small = replace(config, encoder_width=8, clip_length=8, batch_size=8, repeat=1, precision="fp32")
        RECIPES[name] = replace(small, optim=replace(config.optim, epochs=EPOCHS))
    train_module.plot_training = lambda rows, path: path.touch()
    sys.modules["torch.utils.tensorboard"] = None  # type: ignore[assignment]
    import lst.evaluation.plots as plots

    plots._save = lambda figure, path: None
    sharing.WAIT = 0.05


def config_of(stream: str, seed: int) -> RunConfig:
    return replace(RECIPES[f"demo-{stream}"], seed=seed)


def folder_of(runs: Path, stream: str) -> Path:
    return runs / f"demo-{stream}-{EPOCHS}epochs-seed1"


def options(**how: bool) -> TrainOptions:
    return TrainOptions(device="cpu", progress=False, **how)


@dataclass(frozen=True)
class Actor:
    """One command, when it starts, and when it is killed, if it is."""

    command: str
    stream: str
    seed: int
    start: float
    kill: float | None


def draw(rng: random.Random) -> list[Actor]:
    actors = [
        Actor(
            rng.choice(COMMANDS),
            rng.choice(STREAMS),
            rng.choice((1, 1, 2)),
            rng.uniform(0, 0.6),
            rng.uniform(0.05, 1.5) if rng.random() < 0.4 else None,
        )
        for _ in range(rng.randint(2, 4))
    ]
    return sorted(actors, key=lambda actor: actor.start)


def act(actor: Actor, store: ClipStore, base: Path) -> None:
    if actor.command == "reproduce":
        reproduce(PLAN, store, base / "runs", base / "results", options())
        return
    how = {} if actor.command == "train" else {actor.command: True}
    out, config = folder_of(base / "runs", actor.stream), config_of(actor.stream, actor.seed)
    train(f"demo-{actor.stream}", config, store, out, options(**how))


def forked(work: Callable[[], None], note: Path) -> int:
    """Start it in a child."""
    child = os.fork()
    if child:
        return child
    original = TrainingRun.one_epoch

    def counted(self: Any, epoch: int, bar: Any) -> Any:
        row = original(self, epoch, bar)
        with note.open("a") as file:
            file.write(f"{self.config.modality} {self.config.seed} {epoch}\n")
        return row

    TrainingRun.one_epoch = counted
    status = WRONG
    try:
        work()
        status = DONE
    except ValueError as error:
        status = REFUSED
        known = ("at work there", "holds a run already", "another recipe")
        if not any(words in str(error) for words in known):
            sys.stderr.write(f"{error}\n")
            status = WRONG
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    os._exit(status)


def play(actors: list[Actor], store: ClipStore, base: Path) -> Counter[str]:
    """All commands of one interleaving; returns how they ended."""
    base.mkdir(parents=True)
    started = time.monotonic()
    events = sorted(
        [(actor.start, 0, n) for n, actor in enumerate(actors)]
        + [(actor.start + actor.kill, 1, n) for n, actor in enumerate(actors) if actor.kill is not None]
    )
    children: dict[int, int] = {}
    for when, kind, n in events:
        time.sleep(max(0.0, started + when - time.monotonic()))
        if kind == 0:
            children[n] = forked(lambda n=n: act(actors[n], store, base), base / "epochs.txt")
        else:
            os.kill(children[n], signal.SIGKILL)
    ends: Counter[str] = Counter()
    for n, child in children.items():
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            ends["killed"] += 1
        elif (code := os.WEXITSTATUS(status)) in (DONE, REFUSED):
            ends["done" if code == DONE else "refused"] += 1
        else:
            raise SystemExit(f"{actors[n]}: ended with status {code}")
    return ends


def check(actors: list[Actor], store: ClipStore, base: Path, models: dict[tuple[str, int], bytes]) -> int:
    """Whatever is there belongs together; returns the number of folders that were looked at."""
    seen = 0
    for stream in STREAMS:
        run = folder_of(base / "runs", stream)
        with locked(run):  # whoever held it is gone
            pass
        if not (run / "recipe.json").is_file():
            assert not (run / "card.json").exists(), f"{run}: a card without a recipe"
            continue
        seen += 1
        belongs_together(run, models)
        started = read_recipe(run)
        train(started.name, started.config, store, run, options(resume=True))
        belongs_together(run, models)
        assert (run / "model.safetensors").read_bytes() == models[stream, started.config.seed], run
    quiet = all(a.kill is None and a.command in ("reproduce", "resume") and a.seed == 1 for a in actors)
    note = base / "epochs.txt"
    if quiet and note.is_file():
        twice = [line for line, count in Counter(note.read_text().splitlines()).items() if count > 1]
        assert not twice, f"{base}: computed twice: {twice}"
    leftovers = [path.name for path in (base / "runs").iterdir()] if (base / "runs").is_dir() else []
    assert not [name for name in leftovers if name.endswith(".lock")] or any(a.kill for a in actors)
    return seen


def belongs_together(run: Path, models: dict[tuple[str, int], bytes]) -> None:
    """Recipe, card, weights, log and result are of one run."""
    config = json.loads((run / "recipe.json").read_text())["config"]
    key = (config["modality"], config["seed"])
    rows = (run / "log.jsonl").read_text().splitlines() if (run / "log.jsonl").is_file() else []
    assert [json.loads(row)["epoch"] for row in rows] == list(range(1, len(rows) + 1)), run
    if (run / "model.safetensors").is_file():
        assert (run / "model.safetensors").read_bytes() == models[key], f"{run}: weights of another run"
    if not (run / "card.json").is_file():
        assert not (run / "result.json").exists(), f"{run}: a result without a card"
        return
    card = json.loads((run / "card.json").read_text())
    assert card["config"] == config, f"{run}: the card is of another recipe"
    assert len(rows) == card["epochs"] == EPOCHS, run
    if (run / "result.json").is_file():
        result = json.loads((run / "result.json").read_text())
        assert (result["seed"], result["modality"]) == (key[1], key[0]), run
        assert result["top1"] == card["last_test_top1"], run


def main(store_folder: str, folder: str, first: str, count: str) -> None:
    shrink()
    store, base = ClipStore.open(store_folder), Path(folder)
    models: dict[tuple[str, int], bytes] = {}
    for stream in STREAMS:
        for seed in (1, 2):
            out = base / "alone" / f"{stream}{seed}"
            train(f"demo-{stream}", config_of(stream, seed), store, out, options())
            models[stream, seed] = (out / "model.safetensors").read_bytes()
    assert len(set(models.values())) == 4
    ends: Counter[str] = Counter()
    folders = 0
    for number in range(int(first), int(first) + int(count)):
        actors = draw(random.Random(number))  # noqa: S311 - a seeded play, no secret
        try:
            ends += play(actors, store, base / str(number))
            folders += check(actors, store, base / str(number), models)
        except AssertionError as error:
            raise SystemExit(f"interleaving {number}: {error}\n" + "\n".join(map(str, actors))) from error
    said = ", ".join(f"{number} {how}" for how, number in sorted(ends.items()))
    whole = f"{count} interleavings of {sum(ends.values())} commands ({said})"
    sys.stdout.write(f"{whole}, {folders} folders, all consistent\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
