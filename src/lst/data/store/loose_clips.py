"""Clips in memory as a store: what they go through is then what the clips of a folder go through.

Letters: N clips, M persons, T frames, V joints, C channels, R rows (frames of persons).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lst.data.store.clip_store import ClipStore
from lst.facts.skeleton import Skeleton

IN_MEMORY = Path("clips in memory")
"""Stands in messages where a store has its folder."""


def store_of(clips: Sequence[np.ndarray], skeleton: Skeleton, names: Sequence[str] = ()) -> ClipStore:
    """Clips, each (M, T, V, C), as a store that no folder holds; all labels are 0.

    Args:
        names: one for each clip; its number if there are none.

    Raises:
        ValueError: there is no clip, or one that does not fit the layout.
    """
    if not clips:
        raise ValueError("no clips: got an empty list")
    channels = clips[0].shape[-1]
    for i, clip in enumerate(clips):
        if clip.ndim != 4 or clip.shape[2:] != (skeleton.num_joints, channels) or 0 in clip.shape:
            raise ValueError(
                f"clip {i}: expected (persons, frames, {skeleton.num_joints}, {channels}) for "
                f"{skeleton.name}, got {clip.shape}"
            )
    frames_N = np.array([clip.shape[1] for clip in clips], dtype=np.int64)
    persons_N = np.array([clip.shape[0] for clip in clips], dtype=np.int64)
    rows_RVC = np.concatenate([clip.reshape(-1, *clip.shape[2:]) for clip in clips]).astype(np.float32)
    sizes_N = frames_N * persons_N
    return ClipStore(
        folder=IN_MEMORY,
        manifest={"dataset": "loose", "layout": skeleton.name, "channels": channels, "source": {}},
        skeleton=skeleton,
        joints=rows_RVC,
        clip_ids=list(names) if names else [str(i) for i in range(len(clips))],
        labels=np.zeros(len(clips), dtype=np.int64),
        frames=frames_N,
        persons=persons_N,
        offsets=np.cumsum(sizes_N) - sizes_N,
        attributes={},
    )
