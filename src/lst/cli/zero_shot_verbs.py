"""`lst study zero-shot`: classes that training never sees. What needs torch is imported inside."""

from collections.abc import Sequence
from pathlib import Path

import tyro

from lst.cli.open_store import open_data, say_notice
from lst.cli.threads import Threads, use_threads
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality, PromptChoice
from lst.training.recipes import TrainOptions
from lst.workflows.zero_shot_plan import ZeroShotPlan


def zero_shot(args: Sequence[str]) -> None:
    """Train on some classes, test on the others."""

    def run(
        family: tyro.conf.Positional[str],
        /,
        *,
        splits: int = 5,
        unseen: int = 3,
        class_seed: int = 0,
        seeds: int = 1,
        modality: Modality = "joint",
        epochs: int | None = None,
        repeat: int | None = None,
        encoder_width: int | None = None,
        prompts: PromptChoice | None = None,
        data: Path | None = None,
        runs: Path = Path("runs/zero-shot"),
        results: Path = Path("results/zero-shot"),
        device: str = "auto",
        compile: bool = False,
        threads: Threads = None,
        table_only: bool = False,
        write: Path | None = None,
    ) -> None:
        """Leave classes out of training, then recognise them by their texts; several random class sets.

        What is finished is skipped.

        Args:
            family: Recipes to train, such as nw-ucla-clean.
            splits: Number of class sets.
            unseen: Classes left out in each.
            class_seed: Draws the class sets.
            seeds: Trainings of each class set, their seeds counted from 1.
            modality: The stream to train.
            epochs: Shorten (or lengthen) the schedule; it is scaled, and the results say so.
            repeat: How often one epoch shows each clip.
            encoder_width: Channels of the first block.
            prompts: Texts that the heads are compared with.
            data: Store; data/DATASET if not given.
            runs: Where run folders go.
            results: Where one small JSON per run goes.
            device: auto, cpu, cuda, ...
            compile: Use torch.compile.
            table_only: Train nothing; the table of what is finished.
            write: Markdown file whose zero-shot table is made anew, such as docs/language.md.
        """
        from lst.evaluation.zero_shot_table import read_zero_shot, write_zero_shot, zero_shot_tables

        plan = ZeroShotPlan(
            family=family,
            splits=splits,
            unseen=unseen,
            class_seed=class_seed,
            seeds=seeds,
            modality=modality,
            epochs=epochs,
            repeat=repeat,
            encoder_width=encoder_width,
            prompts=prompts,
        )
        if not table_only:
            use_threads(threads)
            _train(plan, data, runs, results, device, compiled=compile)
        found = read_zero_shot(results)
        own = [result for result in found if result["benchmark"] == plan.base.benchmark]
        print(zero_shot_tables(own) if own else f"no finished zero-shot runs of {family} under {results}")
        say_notice(plan.base.benchmark)
        if write is not None:
            write_zero_shot(write, found)
            print(f"wrote the zero-shot tables of {write}")

    tyro.cli(run, prog="lst study zero-shot", args=args)


def _train(
    plan: ZeroShotPlan, data: Path | None, runs: Path, results: Path, device: str, *, compiled: bool
) -> None:
    """Says the class sets first: they are part of the result."""
    from lst.workflows.zero_shot import run_zero_shot

    store = open_data(plan.base.benchmark, data)
    names = get_benchmark(plan.base.benchmark).class_names
    for split, labels in enumerate(plan.class_sets(), start=1):
        print(f"split {split}: unseen {', '.join(names[label] for label in labels)}")
    run_zero_shot(plan, store, runs, results, TrainOptions(device=device, compile=compiled))
