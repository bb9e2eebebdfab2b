"""The loop. One run = one recipe, one store, one device; the last epoch is the result.

Nothing random is left to chance: start values come from the seed, order and looks of the clips from (seed,
epoch, clip). So a run that was killed and resumed after any epoch ends with the same bits on the same CPU.
"""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from lst.data.store.clip_store import ClipStore
from lst.evaluation.plots import plot_training
from lst.facts.duration import Pace, in_words, worth_saying
from lst.facts.wording import plural
from lst.files.locks import locked
from lst.nets.checkpoint import read_card, save_checkpoint
from lst.nets.language import TEXT_ENCODER, save_language
from lst.nets.text_encoder import save_text_encoder
from lst.training.body import told_at_training
from lst.training.build import assemble, language_side
from lst.training.device import choose_device, choose_place, keep_freed_memory
from lst.training.final_card import final_card
from lst.training.recipes import RunConfig, TrainOptions
from lst.training.run_folder import PICTURE, STATE, RunFolder
from lst.training.tensorboard_curves import TensorBoardCurves
from lst.training.training_run import TrainingRun

logger = logging.getLogger(__name__)


def train(
    name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions, *, later: int = 0
) -> dict[str, Any]:
    """Train one stream and write its folder; returns the card. A finished run is left as it is.

    `later`: how many runs of this kind the caller has still to do; for the estimate of the time only.

    Raises:
        FolderBusy: another process works in the folder.
        ValueError: a folder or store that does not fit.
        FloatingPointError: the loss is no number.
    """
    with locked(out):
        return _train(name, config, store, out, options, later)


def _train(
    name: str, config: RunConfig, store: ClipStore, out: Path, options: TrainOptions, later: int
) -> dict[str, Any]:
    folder = RunFolder(out)
    device = choose_device(options.device)
    keep_freed_memory()
    store.verify()
    # Built before the folder is touched: a mistake in the options must not cost an older run.
    place = choose_place(options.place, device, store.joints.nbytes)
    run = TrainingRun(config, assemble(config, store, device, place), device, compiled=options.compile)
    started_here = {"data": str(store.folder.resolve()), "test_every": options.test_every}
    folder.prepare(
        name,
        config,
        run.inputs(store),
        how=started_here | {"compile": options.compile, "place": options.place, "device": options.device},
        resume=options.resume,
        overwrite=options.overwrite,
    )
    if folder.finished:
        logger.info("%s: finished already, nothing to do", out)
        return read_card(out)
    shown = len(run.parts.train.clip_ids) * config.repeat
    if config.batch_size > shown:
        logger.warning(
            "%s: batch_size %d is more than the %d clips of an epoch, so every step has %d",
            *(out, config.batch_size, shown, shown),
        )
    run.body = told_at_training(store, run.parts.train.clip_ids, run.parts.pipeline)
    rows, sessions = _resume(run, folder)
    logger.info("%s: %s", out, run.summary())
    curves = TensorBoardCurves(out, first_epoch=len(rows) + 1)
    if len(rows) < config.optim.epochs:
        session = {"first_epoch": len(rows) + 1, **run.session()}
        _tell_what_changed(out, sessions, session)
        sessions.append(session)
    run.pace = _pace(run, len(rows), later)
    bar = run.bar(len(rows), shown=options.progress)
    for epoch in range(len(rows), config.optim.epochs):
        row = _epoch(run, epoch, options.test_every, bar)
        rows.append(row)
        folder.save_state({**run.state(), "log": rows, "sessions": sessions})
        folder.write_log(rows)
        curves.add(row)
        with bar.external_write_mode(file=sys.stderr):
            logger.info(epoch_line(row, config.optim.epochs))
    bar.close()
    curves.close()
    if run.average is not None:
        run.average.keep()
    card = final_card(run, name, store, rows, sessions)
    plot_training(rows, out / PICTURE)
    if run.tuned_texts is not None:
        save_text_encoder(run.tuned_texts.encoder, out / TEXT_ENCODER)
    if (language := language_side(config, run.parts)) is not None:
        save_language(out, language)
    return save_checkpoint(out, run.parts.classifier, card)


def _resume(run: TrainingRun, folder: RunFolder) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Log rows and sessions so far; the run's net and optimiser are as after the last finished epoch."""
    state = folder.load_state()
    if state is None:
        return [], []
    run.restore(state, folder.path / STATE)
    folder.write_log(state["log"])  # a kill between the two writes left it one line short
    logger.info("%s: resuming after epoch %d of %d", folder.path, len(state["log"]), run.config.optim.epochs)
    return state["log"], state["sessions"]


def _tell_what_changed(out: Path, sessions: list[dict[str, Any]], now: dict[str, Any]) -> None:
    """Another device, or another number of threads, adds up in another order."""
    for key in ("device", "compiled"):
        if sessions and sessions[-1][key] != now[key]:
            logger.warning(
                "%s: went on with %s %s, before %s: the last bits differ from those of an unbroken run",
                out,
                key,
                now[key],
                sessions[-1][key],
            )


def _pace(run: TrainingRun, epochs_done: int, later: int) -> Pace:
    """Says after the first steps how long this run will take, and all those after it."""
    steps, epochs = run.parts.train.num_train_batches, run.config.optim.epochs

    def say(seconds: float) -> None:
        one, rest = steps * epochs * seconds, steps * (epochs - epochs_done) * seconds
        if not worth_saying(rest + later * one):
            return
        more = f"; with the {plural(later, 'run')} after it {in_words(rest + later * one)}" if later else ""
        left = plural(epochs - epochs_done, "epoch")
        logger.info("%s for %s of training on this machine%s", in_words(rest), left, more)

    settle = torch.cuda.synchronize if run.device.type == "cuda" else lambda: None
    return Pace(say, settle=settle)


def _epoch(run: TrainingRun, epoch: int, test_every: int, bar: tqdm) -> dict[str, Any]:
    """Train one epoch, and measure the test split if it is its turn."""
    started = time.perf_counter()
    row = run.one_epoch(epoch, bar)
    last = epoch + 1 == run.config.optim.epochs
    if last or (test_every and (epoch + 1) % test_every == 0):
        row["test_top1"] = run.test_top1()
    return {**row, "seconds": round(time.perf_counter() - started, 3)}


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch for people: losses, accuracies, seconds and the time left at this pace."""
    text = f" + text {row['loss_text']:.3f}" if "loss_text" in row else ""
    test = f"  test {100 * row['test_top1']:.1f} %" if "test_top1" in row else ""
    left = row["seconds"] * (epochs - row["epoch"])
    return (
        f"epoch {row['epoch']:>3}/{epochs}  loss classes {row['loss_classes']:.3f}{text}"
        f"  train {100 * row['train_top1']:.1f} %{test}  {row['seconds']:.1f} s, {left / 60:.0f} min left"
    )
