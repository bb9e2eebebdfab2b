"""`lst check`: a store before it is trained on."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import tyro


def check(args: Sequence[str]) -> None:
    """What to know of a store before training."""

    def run(
        store: tyro.conf.Positional[Path],
        /,
        *,
        picture: Path | None = None,
        draw: bool = True,
    ) -> None:
        """Counts, lengths, missing joints, swapped sides, copies between splits, and a picture of five clips.

        Args:
            store: Folder such as data/mine.
            picture: PNG to write; STORE-check.png if not given.
            draw: Without --no-draw five clips are drawn.
        """
        from lst.data.store.clip_store import ClipStore
        from lst.workflows import check_store

        opened = ClipStore.open(store)
        for line in check_store.lines(opened, check_store.look_at(opened)):
            print(line)
        if draw:
            path = picture or store.with_name(f"{store.resolve().name}-check.png")
            check_store.draw(opened, path)
            print(f"picture: {path} (do people stand upright, with every joint in its place?)")
        print(f"next: lst train {shlex.quote(str(store))}")

    tyro.cli(run, prog="lst check", args=args)
