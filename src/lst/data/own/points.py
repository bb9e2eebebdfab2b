"""Key points of 2-D detectors: lists x, y, score per joint, and how many joints mean which layout."""

from typing import Any

import numpy as np

from lst.data.own.numbers import floats_of
from lst.data.own.recording import ReadError

WHOLE_BODY = {26: "Halpe-26", 133: "COCO-WholeBody", 136: "Halpe-136"}
"""Sets whose first 17 points are COCO's; the others (feet, face, hands) are left out with a word."""
BODY = 17


def triples(values: Any, what: str) -> tuple[np.ndarray, np.ndarray]:
    """x, y, score, x, y, score, ... -> (V, 2) and (V,); a point of three zeros is missing (NaN).

    Raises:
        ReadError: no list of numbers, or not three per joint.
    """
    flat = floats_of(values, what)
    if len(flat) == 0 or len(flat) % 3:
        raise ReadError(f"{what}: expected x, y, score for every joint, got {len(flat)} numbers")
    points_V3 = flat.reshape(-1, 3)
    return mask_missing(points_V3[:, :2].copy(), points_V3[:, 2])


def mask_missing(joints_VC: np.ndarray, scores_V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NaN where coordinates and score are all zero, or one coordinate is NaN."""
    missing_V = ((joints_VC == 0).all(axis=-1) & ~(scores_V > 0)) | np.isnan(joints_VC).any(axis=-1)
    return np.where(missing_V[:, None], np.nan, joints_VC), scores_V


def body_only(joints_VC: np.ndarray, scores_V: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The 17 points of COCO out of a larger set, and a remark if something was left out."""
    name = WHOLE_BODY.get(len(joints_VC))
    if name is None:
        return joints_VC, scores_V, ""
    return joints_VC[:BODY], scores_V[:BODY], f"persons of {name} cut to the 17 points of the body"
