"""`lst train --resume RUN`: go on with a run; everything else is in its recipe.json."""

from collections.abc import Sequence
from pathlib import Path

import tyro

from lst.cli.places import existing_folder
from lst.cli.threads import Threads, use_threads


def resume(args: Sequence[str]) -> None:
    """The run, and what may differ from its start."""

    def run(
        run: tyro.conf.Positional[Path],
        /,
        *,
        data: Path | None = None,
        device: str | None = None,
        threads: Threads = None,
        progress: bool = True,
    ) -> None:
        """Go on with a run that was stopped, after its last finished epoch.

        Args:
            run: Folder of the run, such as runs/nw-ucla-joint.
            data: Store, if it is elsewhere now.
            device: auto, cpu, cuda, ...; as at its start if not given.
            progress: A bar on a terminal.
        """
        from lst.cli.open_store import open_data
        from lst.cli.train_verb import say_trained
        from lst.cli.trouble import tells_how_to_go_on
        from lst.training.run_folder import RECIPE, read_recipe

        existing_folder(run, "a run")
        if not (run / RECIPE).is_file():
            raise FileNotFoundError(
                f"{run}: nothing to resume there, {RECIPE} is missing; see lst train --help"
            )
        use_threads(threads)
        started = read_recipe(run)
        store = open_data(started.config.benchmark, data or started.data)
        from lst.training.train import train as train_run

        with tells_how_to_go_on(run):
            card = train_run(
                started.name, started.config, store, run, started.options(device=device, progress=progress)
            )
        say_trained(run, card, data)

    tyro.cli(run, prog="lst train --resume", args=args)
