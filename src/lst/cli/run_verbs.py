"""`lst train`, `test`, `ensemble`, `reproduce` and `demo`. What needs torch is imported inside the verbs."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import tyro

from lst.cli.places import existing_folder
from lst.cli.recipe_list import recipe_lines
from lst.cli.resume_verb import resume
from lst.cli.threads import Threads, use_threads
from lst.cli.trouble import NotSaved, tells_how_to_go_on
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality, Split, plural
from lst.training.recipes import STREAMS, RunConfig, TrainOptions, get_recipe, stream_names


def open_data(benchmark_name: str, data: Path | None) -> ClipStore:
    """The store of a benchmark, in data/<data set> unless a folder is given; says what is missing in it."""
    benchmark = get_benchmark(benchmark_name)
    folder = data or Path("data") / benchmark.dataset
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no store there. Make it with `lst prepare {benchmark.dataset} ...`, "
            "or name it with --data."
        )
    store = ClipStore.open(folder)
    counts = {split: len(store.select(benchmark, split)) for split in get_args(Split)}
    for remark in benchmark.check_counts(counts):
        print(f"note: {remark}")
    return store


def say_notice(benchmark_name: str) -> None:
    """What everyone who quotes results of this protocol must know; after the results, once."""
    if notice := get_benchmark(benchmark_name).notice:
        print(f"note: {notice}")


def train(args: Sequence[str]) -> None:
    """Train one stream of a recipe, or go on with a run."""
    if not args or args[0] in ("-h", "--help"):
        return print("\n".join(recipe_lines()))
    if args[0] == "--resume":
        return resume(args[1:])
    name = args[0]
    default = TrainCommand(get_recipe(name), TrainOptions())
    command = tyro.cli(TrainCommand, args=args[1:], default=default, prog=f"lst train {name}")
    out = command.out or Path("runs") / name
    store = open_data(command.config.benchmark, command.data)
    use_threads(command.threads)
    if command.options.resume and not (out / "recipe.json").is_file():
        print(f"note: {out}: nothing to resume there, a new run starts")

    from lst.training.train import train as train_run  # after the options: torch takes a second to come

    with tells_how_to_go_on(out):
        card = train_run(name, command.config, store, out, command.options)
    say_trained(out, card, command.data)


def say_trained(out: Path, card: Mapping[str, Any], data: Path | None) -> None:
    """What a run has reached, and what comes next."""
    epochs, best = card["epochs"], card["best_on_test"]
    line = (
        f"{out}: {plural(epochs, 'epoch')}, last top-1 {100 * card['last_test_top1']:.1f} % on the test split"
    )
    if best["epochs_tested"] == epochs > 1:
        line += f" (best epoch on test: {100 * best['top1']:.1f} %, for comparison with papers only)"
    print(line)
    say_notice(card["benchmark"])
    print("next: " + shlex.join(["lst", "test", str(out), *(["--data", str(data)] if data else [])]))


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


def test(args: Sequence[str]) -> None:
    """Measure a finished run."""

    def run(
        run: tyro.conf.Positional[Path],
        /,
        *,
        data: Path | None = None,
        device: str = "auto",
        threads: Threads = None,
    ) -> None:
        """Metrics, score file, confusion matrix and accuracy per class of a finished run.

        Args:
            run: Folder of the run, such as runs/nw-ucla-joint.
            data: Store; data/DATASET if not given.
            device: auto, cpu, cuda, ...
        """
        from lst.evaluation.report import summary_line, weakest_classes
        from lst.nets.checkpoint import read_card
        from lst.workflows.measure import measure_run

        store = open_data(read_card(existing_folder(run, "a run"))["benchmark"], data)
        use_threads(threads)
        measured = measure_run(run, store, device, must_save=False)
        print(summary_line(measured.report))
        print("\n".join(weakest_classes(measured.report)))
        say_notice(measured.report["benchmark"])
        if measured.not_saved is not None:
            raise NotSaved(measured.folder, measured.not_saved)
        print(f"wrote {measured.folder}/: scores.npz, report.json, per_class.csv, confusion.png")
        print("next: lst ensemble RUN RUN ..., or lst results")

    tyro.cli(run, prog="lst test", args=args)


def ensemble(args: Sequence[str]) -> None:
    """Add up several runs."""

    def run(
        runs: tyro.conf.Positional[list[Path]],
        /,
        *,
        weights: list[float] | None = None,
        fit_weights: bool = False,
        out: Path | None = None,
    ) -> None:
        """Weighted sum of the runs' logits, joined by clip id.

        Args:
            runs: Folders of tested runs.
            weights: One weight per run; the fixed published ones if not given.
            fit_weights: Fit them on clips held out of training (runs trained with --hold-out).
            out: Folder to write; runs/ensemble-of-NAMES if not given.
        """
        from lst.evaluation.report import summary_line
        from lst.workflows.measure import ensemble_runs

        if not runs:
            raise ValueError("name the runs to add up, such as runs/nw-ucla-joint runs/nw-ucla-bone")
        target = out or runs[0].parent / ("ensemble-of-" + "+".join(path.name for path in runs))
        for path in runs:
            existing_folder(path, "a run")
        measured = ensemble_runs(runs, target, weights=weights, fit=fit_weights)
        members = measured.report["info"]["ensemble"]
        print("weights " + ", ".join(f"{path.name} {members[path.name]['weight']:g}" for path in runs))
        print(summary_line(measured.report))
        print(f"wrote {measured.folder}/: scores.npz, report.json, per_class.csv, confusion.png")

    tyro.cli(run, prog="lst ensemble", args=args)


def reproduce(args: Sequence[str]) -> None:
    """Everything of a family of recipes."""

    def run(
        family: tyro.conf.Positional[str],
        /,
        *,
        seeds: int = 1,
        plain: bool = False,
        epochs: int | None = None,
        streams: tuple[Modality, ...] = STREAMS,
        data: Path | None = None,
        runs: Path = Path("runs"),
        results: Path = Path("results"),
        device: str = "auto",
        compile: bool = False,
        threads: Threads = None,
    ) -> None:
        """Train, test and ensemble all streams and seeds; skip what is finished; print the table.

        Args:
            family: nw-ucla, nw-ucla-clean, ntu60-xsub, ntu60-xview, ntu120-xsub, ntu120-xset, one of these
                with gap- in front, or demo.
            seeds: Number of seeds, counted from 1.
            plain: Also train the plain encoder without text, the baseline of every comparison.
            epochs: Shorten (or lengthen) the schedule; it is scaled, and the results say so.
            streams: Modalities to train.
            data: Store; data/DATASET if not given.
            runs: Where run folders go.
            results: Where one small JSON per run goes.
            device: auto, cpu, cuda, ...
            compile: Use torch.compile.
        """
        from lst.evaluation.results import read_results, results_table
        from lst.workflows.reproduce import Plan
        from lst.workflows.reproduce import reproduce as reproduce_all

        benchmark = get_recipe(stream_names(family)[0]).benchmark
        plan = Plan(family, seeds, plain, epochs, streams)
        store = open_data(benchmark, data)
        use_threads(threads)
        reproduce_all(plan, store, runs, results, TrainOptions(device=device, compile=compile))
        print(results_table(read_results([results]), benchmark))
        say_notice(benchmark)

    tyro.cli(run, prog="lst reproduce", args=args)


def demo(args: Sequence[str]) -> None:
    """The whole path on synthetic clips."""

    def run(
        *, out: Path = Path("demo"), overwrite: bool = False, device: str = "auto", threads: Threads = None
    ) -> None:
        """Make synthetic clips, train four streams, test and ensemble them. Minutes on two CPU cores.

        Args:
            out: Folder for everything the demo writes.
            overwrite: Start from nothing.
            device: auto, cpu, cuda, ...
        """
        use_threads(threads)
        from lst.workflows.demo import run_demo

        for line in run_demo(out, TrainOptions(device=device), overwrite=overwrite):
            print(line)

    tyro.cli(run, prog="lst demo", args=args)
