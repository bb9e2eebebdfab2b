"""A finished run and any texts -> which action each clip is nearest to, without the class head."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lst.data.store import ClipStore
from lst.evaluation.by_text import Actions, action_cosines, described_actions, known_actions, named_actions
from lst.evaluation.evaluate import embed_clips
from lst.evaluation.scores import Scores, save_scores, top_k_accuracy
from lst.evaluation.zero_shot import zero_shot_report
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.choices import TextHeads
from lst.files import atomic_path, write_json
from lst.nets.checkpoint import Checkpoint, load_checkpoint
from lst.nets.language import LanguageSide, load_language
from lst.text.descriptions import ActionText
from lst.text.embed import SentenceEncoder, minilm_encoder
from lst.text.vectors import Encode, TextVectors
from lst.training.device import choose_device, keep_freed_memory
from lst.use.measure import batches_for

BY_TEXT = "by-text"
BEST_CLIPS = 3
SAME_VECTOR = 0.999
"""Cosine from which on two vectors of one text count as made by the same encoder."""

MakeActions = Callable[[LanguageSide], Actions]
"""A run's language side -> the actions that its clips are compared with."""


@dataclass(frozen=True, eq=False)
class ByText:
    """Every clip's cosine with every action."""

    benchmark: Benchmark
    clip_ids: tuple[str, ...]
    labels_N: NDArray[np.int64]
    """Classes of the benchmark; the actions need not be among these."""
    actions: tuple[str, ...]
    cosines_NK: NDArray[np.float32]
    info: Mapping[str, Any]

    @property
    def chosen_N(self) -> NDArray[np.int64]:
        """The nearest action of each clip, the first of equals."""
        return self.cosines_NK.argmax(axis=1)

    def scores(self) -> Scores | None:
        """For actions that are classes of the benchmark: the clips of these classes, with the cosines as
        logits. None if an action is no class, or if no clip is of one of them.
        """
        names = self.benchmark.class_names
        if not set(self.actions) <= set(names):
            return None
        place = {names.index(action): k for k, action in enumerate(self.actions)}
        rows = [i for i, label in enumerate(self.labels_N.tolist()) if label in place]
        if not rows:
            return None
        labels = np.array([place[int(self.labels_N[i])] for i in rows])
        ids = tuple(self.clip_ids[i] for i in rows)
        return Scores(ids, self.cosines_NK[rows], labels, self.actions, self.info)


def score_by_text(
    run: Path,
    store: ClipStore,
    make_actions: MakeActions,
    *,
    clips: Sequence[str] = (),
    heads: TextHeads = "all",
    device: str = "auto",
) -> ByText:
    """Compare clips with actions: the test split of the run's benchmark, or the named clips.

    Raises:
        FileNotFoundError: the run is not finished, or has no language side.
        ValueError: a store of another data set, an unknown clip, actions that do not fit the run.
    """
    keep_freed_memory()
    checkpoint = load_checkpoint(run, choose_device(device))
    language = load_language(checkpoint)
    benchmark = get_benchmark(checkpoint.card["benchmark"])
    actions = make_actions(language).of_heads(heads)
    test = store.select(benchmark, "test")  # also checks that the store is the benchmark's
    chosen = np.array([store.index_of(clip) for clip in clips], dtype=np.int64) if clips else test
    batches = batches_for(checkpoint, store, chosen)
    embedded_PND = embed_clips(checkpoint.classifier, language, batches)
    num_heads = len(actions.directions_PKD)
    return ByText(
        benchmark,
        tuple(batches.clip_ids),
        np.asarray(batches.labels),
        actions.names,
        action_cosines(embedded_PND, actions),
        _info(checkpoint, language, "clips named by hand" if clips else "test", num_heads),
    )


def _info(checkpoint: Checkpoint, language: LanguageSide, split: str, num_heads: int) -> dict[str, Any]:
    return {
        "run": checkpoint.folder.resolve().name,
        "benchmark": checkpoint.card["benchmark"],
        "modality": checkpoint.pipeline.modality,
        "split": split,
        "by": "text",
        "heads": [head.name for head in language.heads[:num_heads]],
        "encoder": language.texts.meta["encoder"],
        "unseen": list(checkpoint.card.get("config", {}).get("unseen", ())),
    }


# --- texts ------------------------------------------------------------------------------------------------


def own_classes(language: LanguageSide) -> Actions:
    """The run's classes by the texts of its training."""
    return known_actions(language.texts, language.heads)


def new_names(names: Sequence[str]) -> MakeActions:
    """Actions by name, encoded as the run's own texts were."""
    return lambda language: named_actions(names, encode_like(language.texts))


def new_descriptions(classes: Sequence[ActionText]) -> MakeActions:
    """Described actions, encoded as the run's own texts were."""
    return lambda language: described_actions(classes, language.rule, encode_like(language.texts))


def encoder_for(meta: Mapping[str, Any]) -> SentenceEncoder:
    """The encoder that text vectors with this provenance came from.

    Raises:
        ValueError: it is not installed, or not one that this lst can load.
    """
    if meta["encoder"] == "sentence-transformers/all-MiniLM-L6-v2":
        return minilm_encoder()
    raise ValueError(
        f"the run's texts were encoded by {meta['encoder']!r}, which this lst cannot load, so new texts cannot "
        "be compared with its clips. Its own classes can: leave out --actions and --descriptions."
    )


def encode_like(texts: TextVectors) -> Encode:
    """The encoder of these vectors, made sure of by encoding one of their texts again."""
    encoder = encoder_for(texts.meta)
    (again_D,) = np.asarray(encoder.encode([texts.texts[0]]), dtype=np.float32)
    stored_D = texts.vectors_TD[0]
    size = np.linalg.norm(again_D) * np.linalg.norm(stored_D)
    if again_D.shape != stored_D.shape or not again_D @ stored_D >= SAME_VECTOR * size:
        raise ValueError(
            f"{texts.meta['encoder']} gives another vector for {texts.texts[0]!r} than the one the run was "
            f"trained with, so it is not the same encoder. The run's vectors were made by "
            f"{texts.meta.get('package')} {texts.meta.get('version')}; install that."
        )
    return encoder.encode


# --- what is written and said -----------------------------------------------------------------------------


def folder_name(actions: Sequence[str]) -> str:
    """A short folder name for a list of actions; another list gets another name."""
    whole = "+".join(re.sub(r"[^a-z0-9]+", "-", action.lower()).strip("-") for action in actions)
    if len(whole) <= 60 and "".join(actions).isascii():
        return whole
    digest = hashlib.sha256("\n".join(actions).encode()).hexdigest()[:8]
    return f"{whole[:50].strip('-+')}-{digest}"


def write_by_text(folder: Path, found: ByText) -> dict[str, Any]:
    """Write `clips.csv` (every clip and cosine), `scores.npz` where there are labels, and `by_text.json`.

    Returns what the last one holds.
    """
    _write_clips(folder / "clips.csv", found)
    scores = found.scores()
    if scores is None:
        (folder / "scores.npz").unlink(missing_ok=True)
    else:
        save_scores(folder / "scores.npz", scores)
    report = {
        **found.info,
        "clips": len(found.clip_ids),
        "actions": [_action_row(found, k) for k in range(len(found.actions))],
        "labelled_clips": 0 if scores is None else len(scores.clip_ids),
        "top1": None if scores is None else top_k_accuracy(scores.logits_NK, scores.labels_N, 1),
    }
    write_json(folder / "by_text.json", report)
    return report


def _write_clips(path: Path, found: ByText) -> None:
    names = found.benchmark.class_names
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["clip_id", "label", "class", "best_action", "cosine", *found.actions])
        for i, (clip, label, k) in enumerate(
            zip(found.clip_ids, found.labels_N, found.chosen_N, strict=True)
        ):
            row = [f"{cosine:.6f}" for cosine in found.cosines_NK[i]]
            writer.writerow([clip, int(label), names[label], found.actions[k], row[k], *row])


def _action_row(found: ByText, k: int) -> dict[str, Any]:
    """How many clips chose the action, which class most of them are of, and the clips nearest to it."""
    rows = np.flatnonzero(found.chosen_N == k)
    names = found.benchmark.class_names
    classes = Counter(names[label] for label in found.labels_N[rows].tolist())
    most, count = classes.most_common(1)[0] if classes else (None, 0)
    nearest = np.argsort(-found.cosines_NK[:, k], kind="stable")[:BEST_CLIPS]
    return {
        "action": found.actions[k],
        "clips": len(rows),
        "mostly": most,
        "mostly_clips": count,
        "best": [
            {"clip": found.clip_ids[i], "cosine": round(float(found.cosines_NK[i, k]), 4)} for i in nearest
        ],
    }


def measure_zero_shot(run: Path, store: ClipStore, device: str = "auto") -> dict[str, Any]:
    """`zero_shot_report` of a run trained with `unseen` classes, by the texts it came with.

    Raises:
        ValueError: the run has seen all classes.
    """
    found = score_by_text(run, store, own_classes, device=device)
    if not found.info["unseen"]:
        raise ValueError(
            f"{run}: was trained on all classes (no `unseen` in its recipe), so none is new to it"
        )
    scores = found.scores()
    assert scores is not None
    return zero_shot_report(scores, found.info["unseen"])
