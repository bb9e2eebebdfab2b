"""The two published input paths written out in a row, as they were before they became lists of steps.

An oracle for every bit. Letters: N clips, C channels, T frames, V joints, M persons.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lst.data.input import draws, transforms
from lst.data.input.steps.stream import Stream
from lst.data.store.clip_store import ClipStore
from lst.facts.skeleton import get_layout


def published_clips(
    store: ClipStore, epoch: tuple[int, int] | None, repeat: int = 0, **fields: Any
) -> Iterator[tuple[str, Tensor]]:
    """Every clip of a store, alone, as (seed, epoch) shows it for the time `repeat`; None: as in a test."""
    for i, clip_id in enumerate(store.clip_ids):
        keys = draws.clip_keys([clip_id])
        joints = torch.from_numpy(np.array(store.clip(i)))
        x_1CTVM = joints.permute(3, 1, 2, 0)[None].float()
        persons = x_1CTVM.shape[-1]
        slots = fields["num_persons"]
        x_1CTVM = x_1CTVM[..., [min(m, persons - 1) for m in range(slots)]].contiguous()
        path = random_frames if fields["frames"] == "random_frames" else crop_resize
        key = None if epoch is None else (*epoch, keys, repeat)
        x_1CTVM = path(x_1CTVM, key, fields)
        if fields.get("missing_person", "zeros") == "zeros":
            x_1CTVM[..., persons:] = 0
        yield clip_id, to_stream(x_1CTVM, fields)


def random_frames(x_1CTVM: Tensor, key: Any, fields: dict[str, Any]) -> Tensor:
    count, lengths = fields["clip_length"], np.array([x_1CTVM.shape[2]])
    x = x_1CTVM - x_1CTVM[:, :, :1, 1:2, :1]
    if key is None:
        frames_1T = transforms.even_frames(torch.from_numpy(lengths), count)
    else:
        seed, epoch, keys, repeat = key
        most = fields.get("max_view_degrees", 60)
        degrees = draws.integers(seed, epoch, keys, "view", 2, low=-most, high_N=most + 1, repeats_N=repeat)
        x = transforms.rotate(x, transforms.view_matrices(torch.from_numpy(np.radians(degrees))).float())
        frames_1T = torch.from_numpy(
            draws.frames_without_replacement(
                seed, epoch, keys, lengths, count, repeats_N=repeat, copies=max(100, count)
            )
        )
    low, high = transforms.axis_range(x)
    return transforms.min_max(transforms.pick_frames(x, frames_1T), low, high)


def crop_resize(x_1CTVM: Tensor, key: Any, fields: dict[str, Any]) -> Tensor:
    count, lengths = fields["clip_length"], torch.tensor([x_1CTVM.shape[2]])
    if key is None:
        start, length = transforms.centre_crop(lengths, share=fields.get("test_crop", 0.95))
        return transforms.resize_frames(x_1CTVM, start, length, count)
    seed, epoch, keys, repeat = key
    crop = torch.from_numpy(draws.uniform(seed, epoch, keys, "crop", 2, repeats_N=repeat))
    start, length = transforms.train_crop(lengths, crop, min_share=fields.get("min_crop", 0.5))
    x = transforms.resize_frames(x_1CTVM, start, length, count)
    turn = 2 * draws.uniform(seed, epoch, keys, "rotation", 3, repeats_N=repeat) - 1
    angles = torch.from_numpy(fields.get("max_rotation", 0.3) * turn)
    return transforms.rotate(x, transforms.rotation_matrices(angles).float())


def to_stream(x_1CTVM: Tensor, fields: dict[str, Any]) -> Tensor:
    stream = Stream(fields["modality"], fields.get("bones", "parent"))
    matrix = stream.joint_matrix(get_layout(fields["layout"]))
    sums = None if matrix is None else transforms.joint_sum(matrix, torch.device("cpu"))
    return transforms.to_modality(x_1CTVM, fields["modality"], sums)
