"""`lst predict`: names and probabilities for clips that nobody has labelled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from lst.data.own.discover import joint_names_in
from lst.data.own.formats import FORMATS
from lst.data.own.layout_file import find_layout
from lst.data.own.options import ReadOptions
from lst.facts.choices import choose
from lst.facts.wording import percent
from lst.recognizer.prediction import Choice


def predict(args: Sequence[str]) -> None:
    """Answers of a run for files, folders and stores; status 1 if some could not be read."""

    def run(
        run: tyro.conf.Positional[Path],
        sources: tyro.conf.Positional[list[Path]],
        /,
        *,
        out: Annotated[Path | None, tyro.conf.arg(aliases=("-o",))] = None,
        top_k: int = 5,
        why: bool = False,
        layout: str | None = None,
        joints: Path | None = None,
        format: str | None = None,
        unit: str = "",
        up: str = "",
        device: str = "auto",
    ) -> None:
        """Names and probabilities for clips; a bad file is a row of its own and stops nothing.

        Args:
            run: Folder of a finished run.
            sources: Files of any format that lst prepare own reads, folders with such files, or stores.
            out: Table to write, .csv or .jsonl; to the terminal if not given.
            top_k: How many classes each clip gets.
            why: Also the words near each body part, and the joints and frames that mattered (by occlusion).
                With --out a text and a picture per clip go to a folder beside it; about 30 times slower.
            layout: Layout of the files if they do not say it and it is not the model's; joints are matched
                by their names.
            joints: A file with one joint name per line, in the order of the files.
            format: Of all files; if not given, each file is looked at.
            unit: Of the files if they do not say it: m, cm, mm, px or image.
            up: Axis that points from feet to head if the files do not say it: y, -y, z, -z, x or -x.
            device: auto, cpu, cuda, ...
        """
        if not sources:
            raise ValueError(
                "name the files, folders or stores to predict, such as lst predict runs/mine new/"
            )
        if top_k < 1:
            raise ValueError(f"--top-k must be at least 1, got {top_k}")
        if format is not None:
            choose("format", format, FORMATS)
        names = () if joints is None else joint_names_in(joints)
        options = ReadOptions(format, None if layout is None else find_layout(layout), names)
        from lst.recognizer.predict_files import check_output, predict_files, write_answers
        from lst.recognizer.recognizer import load

        if out is not None:
            check_output(out)
        pictures = out.with_name(f"{out.stem}-why") if out is not None and why else None
        answers = predict_files(
            load(run, device),
            sources,
            options=options,
            unit=unit,
            up=up,
            top_k=top_k,
            why=why,
            pictures=pictures,
            progress=True,
        )
        if out is None:
            for answer in answers.predictions:
                print(_line(answer.clip, answer.choices, answer.notes))
                if answer.evidence is not None:
                    print(answer.evidence.as_text())
        else:
            write_answers(out, answers, top_k)
            also = "" if pictures is None else f"; reasons in {pictures}/"
            print(f"wrote {out}: {len(answers.predictions)} answers{also}")
        for problem in answers.problems[:MANY]:
            print(f"  {problem.name}: {problem.problem}")
        if answers.problems:
            print(f"{len(answers.problems)} of {len(answers.rows)} clips could not be read")
            raise SystemExit(1)

    tyro.cli(run, prog="lst predict", args=args)


MANY = 20
"""More problems than this are not listed on the terminal; the table has all of them."""


def _line(clip: str, choices: Sequence[Choice], notes: Sequence[str]) -> str:
    listing = ", ".join(f"{choice.name} {percent(choice.probability)}" for choice in choices)
    return f"{clip}: {listing}" + (f"  ({'; '.join(notes)})" if notes else "")
