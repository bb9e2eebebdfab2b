"""`lst train`: a stream of a recipe, or a store of one's own. What needs torch is imported inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from lst.cli.open_store import open_data, own_store, say_notice
from lst.cli.recipe_list import recipe_lines
from lst.cli.resume_verb import resume
from lst.cli.threads import Threads, use_threads
from lst.cli.trouble import tells_how_to_go_on
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import Benchmark
from lst.facts.wording import command, percent, plural
from lst.training.own_recipe import OWN, chosen_texts, notes, own_recipe
from lst.training.recipes import RECIPES, RunConfig, TrainOptions, get_recipe


def train(args: Sequence[str]) -> None:
    """Train one stream of a recipe or on a store of one's own, or go on with a run."""
    if not args or args[0] in ("-h", "--help"):
        return print("\n".join(recipe_lines()))
    if args[0] == "--resume":
        return resume(args[1:])
    name, args = args[0], _from_is_start_from(args)
    if name not in RECIPES and (store := own_store(name)) is not None:
        return _train_own(store, name, args[1:])
    if name not in RECIPES and (Path(name).exists() or "/" in name):
        raise ValueError(
            f"{name}: is neither a recipe (`lst train` lists them) nor the folder of a store. Make a store "
            "with `lst prepare`."
        )
    default = TrainCommand(get_recipe(name), TrainOptions())
    command = tyro.cli(TrainCommand, args=args[1:], default=default, prog=f"lst train {name}")
    out = command.out or Path("runs") / name
    store = open_data(command.config.benchmark, command.data)
    use_threads(command.threads)
    say_trained(out, _train_one(name, command.config, store, out, command.options), command.data)


def _from_is_start_from(args: Sequence[str]) -> list[str]:
    """`--from RUN` is short for `--start-from RUN`."""
    return [
        "--start-from" + word.removeprefix("--from") if word.split("=")[0] == "--from" else word
        for word in args
    ]


def say_trained(out: Path, card: Mapping[str, Any], data: Path | None) -> None:
    """What a run has reached, and what comes next."""
    epochs, best = card["epochs"], card["best_on_test"]
    line = f"{out}: {plural(epochs, 'epoch')}, last top-1 {percent(card['last_test_top1'])} on the test split"
    if best["epochs_tested"] == epochs > 1:
        line += f" (best epoch on test: {percent(best['top1'])}, for comparison with papers only)"
    print(line)
    say_notice(card["benchmark"])
    print("next: " + command("test", out, *(("--data", data) if data else ())))


@dataclass(frozen=True)
class TrainCommand:
    """Train one stream; every field of the recipe can be overridden."""

    config: Annotated[RunConfig, tyro.conf.arg(name="")]
    options: Annotated[TrainOptions, tyro.conf.arg(name="")]
    out: Path | None = None
    """Folder of the run; runs/RECIPE if not given."""
    data: Path | None = None
    """Store; data/DATASET if not given."""
    threads: Threads = None


@dataclass(frozen=True)
class OwnTrainCommand:
    """Train on your own clips. The defaults follow from their number; every one can be overridden."""

    config: Annotated[RunConfig, tyro.conf.arg(name="")]
    options: Annotated[TrainOptions, tyro.conf.arg(name="")]
    out: Path | None = None
    """Folder of the run; runs/STORE if not given."""
    texts: str | None = None
    """What the clips are compared with: names (the class names, the default), none, a description file
    (.json), or its vectors (.safetensors)."""
    folds: int | None = None
    """Train and test so many times, each time on other groups; print mean and deviation."""
    threads: Threads = None


def _train_own(store: ClipStore, given: str, args: Sequence[str]) -> None:
    has_split = bool(store.benchmark_names)
    first = store.benchmark() if has_split else store.benchmark("fold1of2")
    command = tyro.cli(
        OwnTrainCommand,
        args=args,
        default=OwnTrainCommand(own_recipe(store, first), TrainOptions()),
        prog=f"lst train {given}",
    )
    if not has_split and command.folds is None and command.config.benchmark == first.name:
        raise ValueError(
            f"{store.folder}: has no split into training and test; use --folds 5, or prepare one"
        )
    use_threads(command.threads)
    config, name = command.config, Path(given).resolve().name
    if command.folds is not None:
        return _train_folds(store, command, command.out or Path("runs") / f"{name}-{command.folds}folds")
    benchmark = store.benchmark(config.benchmark)
    config = _with_texts(config, command.texts, benchmark)
    for note in notes(store, benchmark, config):
        print(f"note: {note}")
    out = command.out or Path("runs") / name
    say_trained(out, _train_one(OWN, config, store, out, command.options), None)


def _train_folds(store: ClipStore, command: OwnTrainCommand, out: Path) -> None:
    if command.options.overwrite:
        raise ValueError(f"--overwrite does not go with --folds; delete {out}, or choose another --out")
    assert command.folds is not None
    first = store.benchmark(f"fold1of{command.folds}")
    base = _with_texts(command.config, command.texts, first)
    for note in notes(store, first, base):
        print(f"note: {note}")

    from lst.workflows.folds import train_folds

    found = train_folds(
        OWN, lambda name: replace(base, benchmark=name), store, command.folds, out, command.options
    )
    print(f"{out}: {found.line()}")


def _with_texts(config: RunConfig, texts: str | None, benchmark: Benchmark) -> RunConfig:
    return config if texts is None else replace(config, text=chosen_texts(texts, config, benchmark))


def _train_one(
    name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions
) -> Mapping[str, Any]:
    """The card of the run."""
    if options.resume and not (out / "recipe.json").is_file():
        print(f"note: {out}: nothing to resume there, a new run starts")

    from lst.training.train import train as train_run  # after the options: torch takes a second to come

    with tells_how_to_go_on(out):
        return train_run(name, config, store, out, options)
