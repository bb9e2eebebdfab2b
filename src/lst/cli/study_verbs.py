"""`lst study SUBJECT`: questions that take many runs to answer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tyro

from lst.cli.open_store import open_data, say_notice
from lst.cli.threads import Threads, use_threads
from lst.cli.zero_shot_verbs import zero_shot
from lst.facts.choices import Modality, choose
from lst.training.recipes import TrainOptions, get_recipe, stream_names
from lst.workflows.study_variants import VARIANTS


def study(args: Sequence[str]) -> None:
    """One subject of SUBJECTS."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: lst study SUBJECT ...; `lst study SUBJECT --help` shows the options\n\nsubjects:")
        print("\n".join(f"  {name}" for name in SUBJECTS))
        return
    choose("subject of a study", args[0], SUBJECTS)(args[1:])


def text(args: Sequence[str]) -> None:
    """What is language worth?"""
    if not args:
        print(
            "usage: lst study text FAMILY [options]; `lst study text --help` shows the options\n\nvariants:"
        )
        print("\n".join(f"  {variant.name:<16} {variant.description}" for variant in VARIANTS))
        return
    tyro.cli(_text, prog="lst study text", args=args)


def _text(
    family: tyro.conf.Positional[str],
    /,
    *,
    seeds: int = 1,
    epochs: int | None = None,
    repeat: int | None = None,
    streams: tuple[Modality, ...] = ("joint",),
    variants: tuple[str, ...] | None = None,
    encoder_width: int | None = None,
    data: Path | None = None,
    runs: Path = Path("runs/study"),
    results: Path = Path("results/study"),
    device: str = "auto",
    threads: Threads = None,
    table_only: bool = False,
    write: Path | None = None,
) -> None:
    """Train variants of the text side with the same seeds and schedule; print the table of differences.

    What is finished is skipped, and a stopped study goes on.

    Args:
        family: A family of recipes, such as nw-ucla (see lst reproduce --help).
        seeds: Number of seeds, counted from 1; all variants of a seed come before the next seed.
        epochs: Shorten (or lengthen) the schedule; it is scaled, and the table says so.
        repeat: How often one epoch shows each clip.
        streams: Modalities to train; each has a table of its own.
        variants: Some of the variants that `lst study text` lists; all that the family can have if not given.
            no-text is what all are compared with.
        encoder_width: Channels of the first block, for small machines.
        data: Store; data/DATASET if not given.
        runs: Where run folders go.
        results: Where one small JSON per run goes.
        device: auto, cpu, cuda, ...
        table_only: Train nothing; the table of the results that are there, of all variants and seeds.
        write: Markdown file with the two marker lines of this family; its table is made anew.
    """
    from lst.evaluation.marked_text import replace_marked
    from lst.evaluation.results import one_line
    from lst.workflows.study import TextStudy, run_study, study_text

    plan = TextStudy(
        family=family, seeds=seeds, epochs=epochs, repeat=repeat, encoder_width=encoder_width,
        streams=streams, variants=variants,
    )  # fmt: skip
    if not table_only:
        use_threads(threads)
        store = open_data(get_recipe(stream_names(family)[0]).benchmark, data)
        for result in run_study(plan, store, runs, results, TrainOptions(device=device)):
            print(one_line(result), flush=True)
    table = study_text(plan, results)
    if not table:
        print(f"no results of this study under {results}; the same command without --table-only makes them")
        return
    print(f"\n{table}")
    say_notice(get_recipe(stream_names(family)[0]).benchmark)
    if write is not None:
        replace_marked(write, *markers(family), table)
        print(f"wrote the study's table of {write}")


def markers(family: str) -> tuple[str, str]:
    """The lines of a Markdown file between which the table of a family goes."""
    begin = f"<!-- study text {family}: begin (lst study text {family} --write) -->"
    return begin, f"<!-- study text {family}: end -->"


SUBJECTS: dict[str, Callable[[Sequence[str]], None]] = {"text": text, "zero-shot": zero_shot}
