"""Whether the recordings that a net learns from, or is used on, can be what they are said to be."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lst.data.input.body_statistics import statistics_from_json, statistics_json, store_statistics
from lst.data.input.pipeline import InputPipeline
from lst.data.input.plausibility import Finding, check_body
from lst.data.store.clip_store import ClipStore

logger = logging.getLogger(__name__)


def told_at_training(store: ClipStore, clip_ids: Sequence[str], pipeline: InputPipeline) -> dict[str, Any]:
    """Statistics of the training clips, as JSON for the card. Implausible own recordings are warned of.

    Published recordings are what they are.
    """
    body = store_statistics(store, np.asarray([store.index_of(clip_id) for clip_id in clip_ids]))
    if store.coordinates is not None:
        _tell(store, check_body(body, None, store.coordinates, store.skeleton, scaled=pipeline.scales))
    return statistics_json(body)


def told_at_use(
    card: Mapping[str, Any], store: ClipStore, clips: np.ndarray, pipeline: InputPipeline
) -> list[Finding]:
    """How clips differ from those of the training in the card; each difference is warned of.

    clips: positions in the store.
    """
    if "body" not in card:  # trained before this was kept, or imported
        return []
    findings = check_body(
        store_statistics(store, clips),
        statistics_from_json(card["body"]),
        store.coordinates,
        store.skeleton,
        centred=pipeline.centres,
        scaled=pipeline.scales,
    )
    _tell(store, findings)
    return findings


def _tell(store: ClipStore, findings: list[Finding]) -> None:
    for finding in findings:
        logger.warning("%s: %s", store.folder, finding)
