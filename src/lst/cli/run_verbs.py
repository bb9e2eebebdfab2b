"""`lst test`, `ensemble`, `reproduce` and `demo`. What needs torch is imported inside the verbs."""

from collections.abc import Sequence
from pathlib import Path

import tyro

from lst.cli.open_store import open_data, open_data_of, say_notice
from lst.cli.places import existing_folder
from lst.cli.threads import Threads, use_threads
from lst.cli.trouble import NotSaved
from lst.facts.choices import Modality
from lst.facts.wording import plural
from lst.training.recipes import STREAMS, TrainOptions, get_recipe, stream_names


def test(args: Sequence[str]) -> None:
    """Measure a finished run."""

    def run(
        run: tyro.conf.Positional[Path],
        /,
        *,
        data: Path | None = None,
        samplings: int = 0,
        turns: bool = False,
        device: str = "auto",
        threads: Threads = None,
    ) -> None:
        """Metrics, score file, confusion matrix and accuracy per class of a finished run.

        Args:
            run: Folder of the run, such as runs/nw-ucla-joint.
            data: Store; that of the training, or data/DATASET, if not given.
            samplings: Also average over so many choices of frames per clip, in a folder of its own.
            turns: For the samplings: turn the clips as in training.
            device: auto, cpu, cuda, ...
        """
        from lst.evaluation.part_texts import part_text_lines
        from lst.evaluation.report import summary_line, weakest_classes
        from lst.workflows.measure import measure_run

        if turns and not samplings:
            raise ValueError("--turns is for samplings: give their number too, such as --samplings 10")
        store = open_data_of(existing_folder(run, "a run"), data)
        use_threads(threads)
        measured = measure_run(run, store, device, must_save=False)
        print(summary_line(measured.report))
        print("\n".join(weakest_classes(measured.report)))
        if "part_texts" in measured.report:
            print("\n".join(part_text_lines(measured.report["part_texts"])))
        say_notice(measured.report["benchmark"])
        if measured.not_saved is not None:
            raise NotSaved(measured.folder, measured.not_saved)
        print(f"wrote {measured.folder}/: scores.npz, report.json, per_class.csv, confusion.png")
        if samplings:
            from lst.workflows.sampled_test import measure_samplings

            averaged = measure_samplings(run, store, device, samplings=samplings, turns=turns)
            print(f"mean of {plural(samplings, 'sampling')} per clip: {summary_line(averaged.report)}")
            print(f"wrote {averaged.folder}/")
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
