"""`lst classify-by-text`: clips beside any texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tyro

from lst.cli.open_store import open_data_of, say_notice
from lst.cli.places import existing_folder
from lst.cli.threads import Threads, use_threads
from lst.cli.trouble import NotSaved
from lst.evaluation.by_text_report import ByText
from lst.facts.benchmarks import Benchmark
from lst.facts.choices import TextHeads
from lst.facts.wording import percent, plural
from lst.files.locks import locked
from lst.text.actions import read_actions


def classify_by_text(args: Sequence[str]) -> None:
    """A run's clips and any texts, without the class head."""

    def run(
        run: tyro.conf.Positional[Path],
        /,
        *,
        actions: str | None = None,
        descriptions: Path | None = None,
        clips: tuple[str, ...] = (),
        heads: TextHeads = "all",
        name: str | None = None,
        data: Path | None = None,
        device: str = "auto",
        threads: Threads = None,
    ) -> None:
        """Which action each clip is nearest to. Without actions: the run's own classes and texts.

        Args:
            run: Folder of a run trained with text.
            actions: Names, such as "wave, sit down, throw a ball", or a .txt file with one per line.
            descriptions: JSON file of descriptions, so that the heads of the body parts take part too.
            clips: Clip ids; the test split if not given.
            heads: all: every head that has a text; whole: the whole body alone.
            name: Folder below RUN/by-text; made from the actions if not given.
            data: Store; data/DATASET if not given.
            device: auto, cpu, cuda, ...
        """
        if actions is not None and descriptions is not None:
            raise ValueError("give --actions or --descriptions, not both")
        names = None if actions is None else action_names(actions)
        from lst.evaluation.by_text_report import BY_TEXT, folder_name
        from lst.text.descriptions import load_descriptions
        from lst.workflows.by_text import score_by_text
        from lst.workflows.new_texts import new_descriptions, new_names, own_classes

        store = open_data_of(existing_folder(run, "a run"), data)
        use_threads(threads)
        if names is not None:
            make, folder = new_names(names), folder_name(names)
        elif descriptions is not None:
            make, folder = new_descriptions(load_descriptions(descriptions)), descriptions.stem
        else:
            make, folder = own_classes, "own-classes"
        found = score_by_text(run, store, make, clips=clips, heads=heads, device=device)
        target = run / BY_TEXT / (name or folder)
        report, not_saved = _save(run, target, found)
        _print_training_clips(found.benchmark, clips)
        _print_report(report)
        if not clips:
            say_notice(report["benchmark"])
        if not_saved is not None:
            raise NotSaved(target, not_saved)
        files = "clips.csv, by_text.json" + (", scores.npz" if report["labelled_clips"] else "")
        print(f"wrote {target}/: {files}")

    tyro.cli(run, prog="lst classify-by-text", args=args)


def _save(run: Path, target: Path, found: ByText) -> tuple[dict[str, Any], OSError | None]:
    """The report, and why it could not be written, if so."""
    from lst.evaluation.by_text_report import by_text_report, write_by_text

    try:
        with locked(run):
            return write_by_text(target, found), None
    except OSError as error:
        return by_text_report(found), error


def action_names(actions: str) -> list[str]:
    """Names between commas, or those of a .txt file as `lst describe` reads it; empty ones are left out."""
    if actions.lower().endswith(".txt"):
        return [action.name for action in read_actions(actions)]
    parts = actions.split(",")
    names = [part.strip() for part in parts if part.strip()]
    if not names:
        raise ValueError(f"--actions {actions!r} names no action; for example --actions 'wave, sit down'")
    return names


def _print_training_clips(benchmark: Benchmark, clips: Sequence[str]) -> None:
    if trained := [clip for clip in clips if benchmark.rule(clip) == "train"]:
        print(f"note: {len(trained)} of the clips are of the training split, such as {trained[0]}")


def _print_report(report: Mapping[str, Any]) -> None:
    heads = ", ".join(report["heads"])
    kind = "synthetic clip" if report.get("synthetic_clips") else "clip"
    actions = plural(len(report["actions"]), "action")
    print(f"{plural(report['clips'], kind)}, {actions}, heads: {heads}")
    for row in report["actions"]:
        mostly = f", mostly {row['mostly']!r} ({row['mostly_clips']})" if row["mostly"] else ""
        best = ", ".join(f"{clip['clip']} {clip['cosine']:.3f}" for clip in row["best"])
        print(f"  {row['action']:<28} {row['clips']:>5} clips{mostly}; nearest: {best}")
    if report["labelled_clips"]:
        chance = 100 / len(report["actions"])
        print(
            f"top-1 {percent(report['top1'])} on the {report['labelled_clips']} clips of these classes "
            f"(chance {chance:.1f} %)"
        )
