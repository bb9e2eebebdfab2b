"""`--threads N`, on every command that computes."""

import os
from contextlib import suppress
from typing import Annotated

import tyro

Threads = Annotated[
    int | None, tyro.conf.arg(metavar="N", help="CPU threads that compute; torch's own number if not given.")
]


def use_threads(threads: int | None) -> None:
    """Compute with that many threads, here and in processes started from here. Before any tensor.

    Raises:
        ValueError: it is not at least 1.
    """
    if threads is None:
        return
    if threads < 1:
        raise ValueError(f"--threads must be at least 1, got {threads}")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    import torch

    torch.set_num_threads(threads)
    with suppress(RuntimeError):  # can be set once only, before the first parallel work
        torch.set_num_interop_threads(threads)
