"""`lst prepare own`: one's own recordings, of any readable format, -> a store."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tyro

from lst.data.own.clips import HowToRead
from lst.data.own.discover import joint_names_in
from lst.data.own.fit import Wanted, unit_of, up_of
from lst.data.own.formats import FORMATS
from lst.data.own.layout_file import find_layout
from lst.data.own.mend import MendRules
from lst.data.own.options import ReadOptions
from lst.data.own.prepare import OwnSplit, prepare_own
from lst.data.own.source import Source
from lst.facts.choices import choose
from lst.facts.wording import command


def prepare(args: Sequence[str]) -> None:
    """A folder of recordings -> a store."""

    def run(
        source: tyro.conf.Positional[Path],
        /,
        *,
        out: Path | None = None,
        layout: str | None = None,
        labels: Path | None = None,
        class_names: Path | None = None,
        format: str | None = None,
        joints: Path | None = None,
        unit: str = "",
        up: str = "",
        fps: float | None = None,
        min_score: float = 0.0,
        max_gap: int = 10,
        persons: int = 2,
        image_landmarks: bool = False,
        test_groups: tuple[str, ...] = (),
        test_share: float | None = None,
        overwrite: bool = False,
        strict: bool = False,
    ) -> None:
        """Your own recordings -> a store with its own classes and split, for lst train.

        Args:
            source: Folder with one folder of files per class, or any folder and --labels.
            out: Folder to write; data/NAME if not given.
            layout: Joints of the store: a layout's name, or a file of your own (TOML or JSON). Joints with
                names are mapped to it by them. If not given, the layout of the files.
            labels: A csv with columns clip,label and, if you like, split,group,start,end,person. Start and
                end are frame numbers, or seconds such as 1.5s.
            class_names: Names for classes that only have numbers: lines such as `a1,swipe left`.
            format: Of all files; if not given, each file is looked at.
            joints: A file with one joint name per line, in the order of the files.
            unit: Of the files if they do not say it: m, cm, mm, px or image.
            up: Axis that points from feet to head if the files do not say it: y, -y, z, -z, x or -x.
            fps: Frames per second if the files do not say it.
            min_score: Joints with a lower score are missing.
            max_gap: Missing joints are filled over at most so many frames; 10 are a third of a second at 30.
            persons: So many persons of a clip are kept, the longest seen first.
            image_landmarks: MediaPipe: landmarks of the image in place of those of the world.
            test_groups: Groups (persons, recordings) to test on.
            test_share: Share of the clips to test on, by whole groups; 0.3 if nothing says how to split.
            overwrite: Replace a store that is there already.
            strict: Exit status 1 if a file was left out. The store is written all the same.
        """
        from lst.cli.data_verbs import print_prepared
        from lst.workflows.check_store import implausible

        if format is not None:
            choose("format", format, FORMATS)
        wanted_layout = None if layout is None else find_layout(layout)
        names = () if joints is None else joint_names_in(joints)
        prepared = prepare_own(
            source,
            out or Path("data") / (source.resolve().name or "own"),
            how=HowToRead(
                ReadOptions(format, wanted_layout, names, image_landmarks, fps),
                Wanted(wanted_layout, names, unit_of(unit), up_of(up)),
                MendRules(min_score, max_gap, persons),
            ),
            labels=labels,
            class_names=class_names,
            split=OwnSplit(test_groups, test_share),
            overwrite=overwrite,
            progress=_bar,
        )
        print_prepared(prepared, next_step=command("check", prepared.store.folder))
        for finding in implausible(prepared.store):
            print(f"note: {finding}; then prepare again with --overwrite")
        if strict and prepared.problems:
            raise SystemExit(1)

    tyro.cli(run, prog="lst prepare own", args=args)


def _bar(sources: Sequence[Source]) -> Iterator[Source]:
    """A bar on a terminal."""
    if not sys.stderr.isatty():
        yield from sources
        return
    from tqdm import tqdm

    yield from tqdm(sources, unit=" files", disable=None)
