"""The epoch's numbers for TensorBoard, when it is installed; nothing otherwise."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class TensorBoardCurves:
    """Writes below the run's folder; `add` a row of the log per epoch, then `close`."""

    def __init__(self, out: Path, *, first_epoch: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.writer = None
        else:
            self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=first_epoch)

    def add(self, row: dict[str, Any]) -> None:
        if self.writer is None:
            return
        try:
            for key, value in row.items():
                if isinstance(value, float):
                    self.writer.add_scalar(key, value, row["epoch"])
            self.writer.flush()
        except OSError as error:  # a full disk: the curves are no reason to stop
            logger.warning("TensorBoard's files cannot be written (%s); training goes on without", error)
            self.writer = None

    def close(self) -> None:
        if self.writer is not None:
            with suppress(OSError):
                self.writer.close()
