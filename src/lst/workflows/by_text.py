"""A finished run and any texts -> which action each clip is nearest to, without the class head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.store.clip_store import ClipStore
from lst.evaluation.by_text import action_cosines
from lst.evaluation.by_text_report import ByText
from lst.evaluation.evaluate import embed_clips
from lst.evaluation.zero_shot import zero_shot_report
from lst.facts.choices import TextHeads
from lst.nets.checkpoint import Checkpoint, load_checkpoint
from lst.nets.language import LanguageSide, load_language
from lst.training.device import choose_device, keep_freed_memory
from lst.workflows.measure import batches_for
from lst.workflows.new_texts import MakeActions, own_classes


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
    benchmark = store.benchmark(checkpoint.card["benchmark"])
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
        _info(checkpoint, language, store, "clips named by hand" if clips else "test", num_heads),
    )


def _info(
    checkpoint: Checkpoint, language: LanguageSide, store: ClipStore, split: str, num_heads: int
) -> dict[str, Any]:
    info: dict[str, Any] = {
        "run": checkpoint.folder.resolve().name,
        "benchmark": checkpoint.card["benchmark"],
        "modality": checkpoint.pipeline.modality,
        "split": split,
        "by": "text",
        "heads": [head.name for head in language.heads[:num_heads]],
        "encoder": language.texts.meta["encoder"],
        "unseen": list(checkpoint.card.get("config", {}).get("unseen", ())),
    }
    if store.manifest["source"].get("synthetic"):
        info["synthetic_clips"] = True
    return info


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
