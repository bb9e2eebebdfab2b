"""`lst models`: the encoders that a recipe can name."""

from collections.abc import Sequence

import tyro


def models(args: Sequence[str]) -> None:
    """Name, size and published figures of every encoder."""

    def run(*, benchmark: str = "ntu60-xsub", frames: int | None = None) -> None:
        """The encoders: numbers to train, operations for a clip, published top-1 without language.

        Any recipe takes any of them: lst train nw-ucla-joint --encoder dgstgcn

        Args:
            benchmark: Whose clips, classes and figures.
            frames: Frames of the clip; the benchmark's if not given.
        """
        from lst.workflows.models import model_sizes

        sizes = model_sizes(benchmark, frames)
        print(f"{'encoder':<14}{'numbers':>11}{'operations':>12}{'joint':>7}{'4 str.':>7}  paper")
        for size in sizes:
            figures = size.figures(benchmark)
            print(
                f"{size.facts.name:<14}{size.parameters:>11,}{size.operations / 1e9:>10.2f} G"
                f"{_percent(figures.joint)}{_percent(figures.four_streams)}  "
                f"{size.facts.title} ({size.facts.paper})"
            )
        print(f"\nFor one clip of {benchmark}: operations are floating point, two per product and sum.")
        print("Figures are published ones, top-1 without language:")
        for size in sizes:
            if benchmark in size.facts.figures:
                print(f"  {size.facts.name:<14}{size.facts.source}")

    tyro.cli(run, prog="lst models", args=args)


def _percent(value: float | None) -> str:
    return f"{'-':>7}" if value is None else f"{value:>7.1f}"
