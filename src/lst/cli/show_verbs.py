"""`lst results` and `import-checkpoint`."""

from collections.abc import Sequence
from pathlib import Path

import tyro

from lst.facts.choices import Modality
from lst.facts.shown import shown
from lst.facts.wording import command, plural


def results(args: Sequence[str]) -> None:
    """Every finished run."""

    def run(*, runs: Path = Path("runs"), results: Path = Path("results"), write: Path | None = None) -> None:
        """Every tested run in a table; with --write also the table of a Markdown file.

        Args:
            runs: Folder of run folders.
            results: Folder of result files; these, and no others, go into a file with --write.
            write: Markdown file whose results table is made anew, such as README.md.
        """
        from lst.evaluation.results import read_results, write_table
        from lst.evaluation.results_list import list_results

        found = read_results([results, runs])
        kept = read_results([results])
        if write is not None and not kept:
            raise ValueError(
                f"{write}: left as it is, for there is no result in {results} to write. Name their folder "
                "with --results; `lst reproduce` fills it."
            )
        if found:
            print("\n".join(list_results(found)))
        else:
            print(f"no tested runs under {runs} or {results}; `lst test RUN` makes one")
        if write is not None:
            write_table(write, kept)
            print(f"wrote the results table of {write}: {plural(len(kept), 'result')} of {results}")

    tyro.cli(run, prog="lst results", args=args)


def import_checkpoint(args: Sequence[str]) -> None:
    """Official weights -> our checkpoint."""

    def run(
        source: tyro.conf.Positional[Path],
        /,
        *,
        benchmark: str,
        modality: Modality,
        out: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        """Read a state dict of GAP/LST or CTR-GCN without running its code, as a run that `lst test` takes.

        Args:
            source: The .pt file.
            benchmark: What it was trained on, such as ntu120-xsub or nw-ucla.
            modality: Its stream. The file does not say it.
            out: Folder to write; runs/NAME if not given.
            overwrite: Replace a checkpoint that is there already.
        """
        from lst.workflows.import_official import import_official

        target = out or Path("runs") / source.stem
        unused = import_official(source, target, benchmark=benchmark, modality=modality, overwrite=overwrite)
        if unused:
            count = plural(len(unused), "tensor")
            print(f"left out {count} that only training uses, such as {shown(unused[0])}")
        print(f"wrote {target}\nnext: {command('test', target)}")

    tyro.cli(run, prog="lst import-checkpoint", args=args)
