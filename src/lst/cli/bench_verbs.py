"""`lst bench [SUBJECT]`: what can be timed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tyro

from lst.cli.threads import Threads, use_threads
from lst.facts.choices import choose


def bench(args: Sequence[str]) -> None:
    """Pick the subject; the encoder if none is named."""
    words = list(args)
    subject = words.pop(0) if words and not words[0].startswith("-") else "encoder"
    choose("subject of lst bench", subject, SUBJECTS)(words)


def _encoder(args: Sequence[str]) -> None:
    def run(
        *,
        device: str = "auto",
        batch: int = 64,
        repeats: int = 5,
        compile: bool = False,
        threads: Threads = None,
        out: Path | None = None,
    ) -> None:
        """Time training and inference of the fused encoder and of its plain form in one run.

        Other subjects: lst bench encoders, prepare, input, texts, busy.

        Args:
            device: auto, cpu, cuda, ...
            batch: Clips of NW-UCLA's shape per step.
            repeats: Timed steps of each kind; the fastest counts.
            compile: Also time it under torch.compile (minutes of compiling on a CPU).
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench import bench_encoder

        use_threads(threads)
        for line in bench_encoder(device, batch=batch, repeats=repeats, compiled=compile, out=out):
            print(line)

    tyro.cli(run, prog="lst bench encoder", args=args)


def _encoders(args: Sequence[str]) -> None:
    def run(
        *,
        names: tuple[str, ...] = (),
        device: str = "auto",
        batch: int = 64,
        repeats: int = 5,
        threads: Threads = None,
        out: Path | None = None,
    ) -> None:
        """Time training and inference of every encoder beside CTR-GCN in one run.

        Args:
            names: Encoders beside ctrgcn; all if none is named.
            device: auto, cpu, cuda, ...
            batch: Clips of NW-UCLA's shape per step.
            repeats: Timed steps of each kind; the fastest counts.
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench_encoders import bench_encoders

        use_threads(threads)
        for line in bench_encoders(device, names=names, batch=batch, repeats=repeats, out=out):
            print(line, flush=True)

    tyro.cli(run, prog="lst bench encoders", args=args)


def _prepare(args: Sequence[str]) -> None:
    def run(
        *,
        clips: int = 500,
        seed: int = 0,
        repeats: int = 3,
        large: bool = False,
        workers: int | None = None,
        out: Path | None = None,
    ) -> None:
        """Time preparing synthetic NTU files beside a plain reader; memory, and size of the store.

        Args:
            clips: Files to write to a temporary folder, 0.3 MB each.
            seed: Of the synthetic clips.
            repeats: Rounds; the fastest of each way counts.
            large: Also measure the memory at ten times as many clips.
            workers: Processes of the last way; all cores if not given.
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench_prepare import bench_prepare

        for line in bench_prepare(
            clips=clips, seed=seed, repeats=repeats, large=large, workers=workers, out=out
        ):
            print(line, flush=True)

    tyro.cli(run, prog="lst bench prepare", args=args)


def _input(args: Sequence[str]) -> None:
    def run(
        *,
        device: str = "auto",
        clips: int = 2000,
        batch: int = 200,
        steps: int = 2,
        repeats: int = 3,
        threads: Threads = None,
        out: Path | None = None,
    ) -> None:
        """Time the way from a store to augmented batches beside the training step that consumes them.

        Args:
            device: auto, cpu, cuda, ...
            clips: Random clips of NTU's shape.
            batch: Clips per batch.
            steps: Training steps of a round.
            repeats: Rounds; the fastest of each counts.
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench_input import bench_input

        use_threads(threads)
        for line in bench_input(device, clips=clips, batch=batch, steps=steps, repeats=repeats, out=out):
            print(line, flush=True)

    tyro.cli(run, prog="lst bench input", args=args)


def _texts(args: Sequence[str]) -> None:
    def run(
        *,
        text_encoder: str = "minilm",
        device: str = "auto",
        dataset: str = "nw-ucla",
        batch: int = 64,
        repeats: int = 3,
        threads: Threads = None,
        out: Path | None = None,
    ) -> None:
        """Time a text encoder that is trained along: each text once, beside one text per head and clip.

        Args:
            text_encoder: A folder, an id of the Hugging Face hub, or minilm.
            device: auto, cpu, cuda, ...
            dataset: Whose shipped descriptions are the texts.
            batch: Clips per step.
            repeats: Timed steps of each kind; the fastest counts.
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench_texts import bench_texts

        use_threads(threads)
        for line in bench_texts(text_encoder, device, dataset=dataset, batch=batch, repeats=repeats, out=out):
            print(line, flush=True)

    tyro.cli(run, prog="lst bench texts", args=args)


def _busy(args: Sequence[str]) -> None:
    def run(
        *,
        threads: Threads = None,
        batch: int = 16,
        width: int = 32,
        steps: int = 8,
        out: Path | None = None,
    ) -> None:
        """Time a training step alone, and beside a neighbour that keeps every core busy.

        Args:
            batch: Clips of NW-UCLA's shape per step.
            width: Channels of the first block.
            steps: Timed steps; their median counts.
            out: JSON file to keep the numbers in.
        """
        from lst.workflows.bench_busy import bench_busy

        for line in bench_busy(threads=threads, batch=batch, width=width, steps=steps, out=out):
            print(line, flush=True)

    tyro.cli(run, prog="lst bench busy", args=args)


SUBJECTS: dict[str, Callable[[Sequence[str]], None]] = {
    "encoder": _encoder,
    "encoders": _encoders,
    "prepare": _prepare,
    "input": _input,
    "texts": _texts,
    "busy": _busy,
}
