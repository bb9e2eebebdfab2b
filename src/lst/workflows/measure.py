"""A run's folder -> scores, report and pictures of the test split; several runs -> their ensemble."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.input.batches import ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.by_text import known_actions
from lst.evaluation.ensemble import default_weights, ensemble, fit_weights
from lst.evaluation.evaluate import score_and_embed, score_clips
from lst.evaluation.part_texts import part_text_table
from lst.evaluation.report import make_report, write_report
from lst.evaluation.result_file import write_result
from lst.evaluation.results import RESULT, Result, ensemble_result, read_result, stream_result
from lst.evaluation.scores import Scores, load_scores, save_scores
from lst.facts.benchmarks import BENCHMARKS, Benchmark, get_benchmark
from lst.facts.shown import shown
from lst.facts.wording import plural
from lst.files.locks import locked
from lst.nets.checkpoint import CARD, Checkpoint, load_checkpoint, read_card
from lst.nets.language import LANGUAGE, load_language
from lst.training.body import told_at_use
from lst.training.build import TEST_BATCH, training_clips
from lst.training.device import choose_device, choose_place, keep_freed_memory
from lst.training.recipes import as_json
from lst.training.run_folder import RECIPE

logger = logging.getLogger(__name__)

PUBLISHED_WEIGHTS = "fixed, published by GAP"
SCORES, HELD_OUT = Path("test") / "scores.npz", Path("held_out") / "scores.npz"


@dataclass(frozen=True)
class Measured:
    """What testing found and where it was written."""

    report: dict[str, Any]
    folder: Path
    not_saved: OSError | None = None
    """Why the files are not there or not new; the report is complete all the same."""


def measure_run(run: Path, store: ClipStore, device: str = "auto", *, must_save: bool = True) -> Measured:
    """Score the benchmark's test split with a run's last epoch and write `<run>/test/`.

    Clips held out of training are scored too, into `<run>/held_out/`, for fitting ensemble weights. With
    `must_save` False a run that cannot be written to is measured too, and `not_saved` says why.

    Raises:
        FileNotFoundError: the run is not finished.
        FolderBusy: another process works there.
        ValueError: a store of another data set.
    """
    keep_freed_memory()
    store.verify()
    read_card(run)  # before a lock is tried where no run is
    with ExitStack() as stack:
        trouble = _try_to_write(lambda: stack.enter_context(locked(run)), must_save=must_save)
        checkpoint = load_checkpoint(run, choose_device(device))
        benchmark = store.benchmark(checkpoint.card["benchmark"])
        _check_classes(run / CARD, checkpoint.card["class_names"], benchmark)
        clips = store.select(benchmark, "test")
        told_at_use(checkpoint.card, store, clips, checkpoint.pipeline)
        scores, part_texts = _score_parts(checkpoint, store, clips)
        if benchmark.groups and benchmark.copied_test_clips:  # one's own: nobody else knows them
            scores = replace(scores, info={**scores.info, "duplicated": sorted(benchmark.copied_test_clips)})
        config = checkpoint.card.get("config", {})
        hold_out = 0.0 if store.has_made_up_ids else config.get("hold_out", 0.0)
        _, held = training_clips(store, benchmark, hold_out, config.get("unseen", ()))
        held_scores = _score(checkpoint, store, held, "val") if len(held) else None
        report = make_report(scores, benchmark, part_texts)

        def save() -> None:
            save_scores(run / SCORES, scores)
            if held_scores is not None:
                save_scores(run / HELD_OUT, held_scores)
            write_report(run / "test", scores, benchmark, part_texts)
            write_result(run / RESULT, stream_result(run.resolve().name, checkpoint.card, report))

        trouble = trouble or _try_to_write(save, must_save=must_save)
    return Measured(report, run / "test", trouble)


def _check_classes(card: Path, names: Sequence[str], benchmark: Benchmark) -> None:
    """Before any clip is scored."""
    if list(names) != list(benchmark.class_names):
        pairs = zip(names, benchmark.class_names, strict=False)
        first = next((f": {shown(a)}, expected {shown(b)}" for a, b in pairs if a != b), "")
        raise ValueError(
            f"{card}: has {plural(len(names), 'class')}, the store's benchmark {benchmark.name!r} has "
            f"{len(benchmark.class_names)}; they differ{first}. Give the store that the run was trained on."
        )


def _try_to_write(write: Callable[[], object], *, must_save: bool) -> OSError | None:
    """What hindered it, unless that is an error."""
    try:
        write()
    except OSError as error:
        if must_save:
            raise
        return error
    return None


def batches_for(checkpoint: Checkpoint, store: ClipStore, clips: np.ndarray) -> ClipBatches:
    """Clips of a store (positions in it) as a checkpoint wants them, on its device."""
    device = next(checkpoint.classifier.parameters()).device
    place = choose_place("auto", device, store.joints.nbytes)
    return ClipBatches(store, clips, checkpoint.pipeline, batch_size=TEST_BATCH, device=device, place=place)


def are_other_clips(checkpoint: Checkpoint, store: ClipStore) -> bool:
    """Whether the store is from other files, or by another pipeline, than that of the training; warns."""
    trained_on = checkpoint.card.get("inputs", {}).get("source")
    source = store.manifest["source"]
    if trained_on is None or all(trained_on.get(key) == source.get(key) for key in ("sha256", "pipeline")):
        return False
    logger.warning(
        "%s: holds other clips than %s was trained on (files or pipeline differ); the result says so",
        store.folder,
        checkpoint.folder,
    )
    return True


def _score(checkpoint: Checkpoint, store: ClipStore, clips: np.ndarray, split: str) -> Scores:
    batches = batches_for(checkpoint, store, clips)
    info = _info(checkpoint, store, split)
    return score_clips(checkpoint.classifier, batches, checkpoint.class_names, info)


def _score_parts(
    checkpoint: Checkpoint, store: ClipStore, clips: np.ndarray
) -> tuple[Scores, dict[str, Any] | None]:
    """Scores of the test split and, for a run with text, the table of parts by texts."""
    if not (checkpoint.folder / LANGUAGE).is_file():
        return _score(checkpoint, store, clips, "test"), None
    language = load_language(checkpoint)
    batches = batches_for(checkpoint, store, clips)
    info = _info(checkpoint, store, "test")
    scores, embedded_PND = score_and_embed(
        checkpoint.classifier, language, batches, checkpoint.class_names, info
    )
    actions = known_actions(language.texts, language.heads)
    heads = [head.name for head in language.heads]
    return scores, part_text_table(embedded_PND, scores.labels_N, actions, heads)


def _info(checkpoint: Checkpoint, store: ClipStore, split: str) -> dict[str, Any]:
    info: dict[str, Any] = {
        "run": checkpoint.folder.resolve().name,  # also for `lst test .`
        "benchmark": checkpoint.card["benchmark"],
        "modality": checkpoint.pipeline.modality,
        "split": split,
    }
    if store.manifest["source"].get("synthetic"):
        info["synthetic_clips"] = True
    if are_other_clips(checkpoint, store):
        info["other_clips"] = True
    return info


def ensemble_runs(
    runs: Sequence[Path], out: Path, *, weights: Sequence[float] | None = None, fit: bool = False
) -> Measured:
    """Add up the test scores of several runs, by clip id, and write `out`.

    Weights: given, one per run; or fitted on the clips held out of training; or the fixed published ones.
    The result names the members in the order given.
    """
    if len(runs) < 2:
        raise ValueError(f"an ensemble needs at least two runs, got {len(runs)}; name their folders")
    if weights is not None and fit:
        raise ValueError("give --weights or --fit-weights, not both")
    if (out / CARD).is_file() or (out / RECIPE).is_file():
        raise ValueError(f"{out}: is a run of its own; choose another --out for the ensemble")
    streams = {run.name: _scores_of(run, SCORES) for run in runs}
    if len(streams) != len(runs):
        raise ValueError(f"runs must have different names, got {[run.name for run in runs]}")
    members = [read_result(run / RESULT) for run in runs]
    benchmark = _benchmark_of(_one_benchmark(members), next(iter(streams.values())))
    chosen, how = _weights(runs, streams, weights, fit=fit)
    total = ensemble(streams, chosen)
    with locked(out):
        save_scores(out / SCORES, total)
        report = write_report(out / "test", total, benchmark)
        write_result(out / RESULT, ensemble_result(out.name, members, chosen, report, how))
    return Measured(report, out / "test")


def is_up_to_date(runs: Sequence[Path], out: Path) -> bool:
    """Whether `out` is the ensemble of these runs, with the fixed weights, as they are now."""
    if not all((out / file).is_file() for file in (RESULT, SCORES)):
        return False
    members = [read_result(run / RESULT) for run in runs]
    found = read_result(out / RESULT)
    total = ensemble_result(out.name, members, {}, {}, PUBLISHED_WEIGHTS)
    newest = max((run / SCORES).stat().st_mtime_ns for run in runs)
    same = all(as_json(found)[key] == as_json(total)[key] for key in ("members", "weights_from"))
    return same and (out / SCORES).stat().st_mtime_ns >= newest


def _one_benchmark(members: Sequence[Result]) -> str:
    """Streams trained under different protocols share clips and classes, but not what they may have seen."""
    names = {member["name"]: member["benchmark"] for member in members}
    if len(set(names.values())) > 1:
        listing = ", ".join(f"{name}: {benchmark}" for name, benchmark in names.items())
        raise ValueError(f"an ensemble needs runs of one benchmark, got {listing}")
    return members[0]["benchmark"]


def _benchmark_of(name: str, scores: Scores) -> Benchmark:
    """A published benchmark, or what a report needs to know of one's own, which the scores say."""
    if name in BENCHMARKS:
        return get_benchmark(name)
    return Benchmark(
        name=name,
        dataset=name,
        layout="",
        class_names=scores.class_names,
        num_persons=1,
        clip_length=1,
        frames="crop_resize",
        rule=lambda clip_id: "test",
        expected={},
        copied_test_clips=frozenset(scores.info.get("duplicated", ())),
    )


def _weights(
    runs: Sequence[Path], streams: Mapping[str, Scores], weights: Sequence[float] | None, *, fit: bool
) -> tuple[dict[str, float], str]:
    if fit:
        held = {run.name: _scores_of(run, HELD_OUT) for run in runs}
        return fit_weights(held), "fitted on clips held out of training"
    if weights is None:
        return default_weights(streams), PUBLISHED_WEIGHTS
    if len(weights) != len(runs):
        raise ValueError(
            f"got {len(weights)} weights for {len(runs)} runs; give one for each, in their order"
        )
    return {run.name: weight for run, weight in zip(runs, weights, strict=True)}, "given by hand"


def _scores_of(run: Path, file: Path) -> Scores:
    if not (run / file).is_file():
        hint = (
            "was it trained with --hold-out 0.1, and tested?" if file == HELD_OUT else f"run `lst test {run}`"
        )
        raise FileNotFoundError(f"{run / file}: no such scores; {hint}")
    return load_scores(run / file)
