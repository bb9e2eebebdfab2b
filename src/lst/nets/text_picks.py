"""Which text each head compares a clip with.

Letters: N clips, P heads, K classes, S texts of a class for one head.
"""

import torch
from torch import Tensor, nn


class TextPicks(nn.Module):
    """Labels and draws in, one row number per head and clip out.

    `index_PKS` holds the row numbers of the texts of each head and class, filled up with -1.
    """

    def __init__(self, index_PKS: Tensor) -> None:
        super().__init__()
        self.index_PKS: Tensor
        self.counts_PK: Tensor
        self.turns_P1: Tensor
        self.register_buffer("index_PKS", index_PKS, persistent=False)
        self.register_buffer("counts_PK", (index_PKS >= 0).sum(dim=2), persistent=False)
        self.register_buffer("turns_P1", 1 + 100 * torch.arange(len(index_PKS))[:, None], persistent=False)

    def forward(self, labels_N: Tensor, draws_N: Tensor) -> Tensor:
        """(P, N) rows, picked by `draws_N` (uniform in [0, 1)).

        Head 0 takes the draw itself. Head p takes the fraction of 1 + 100 p times the draw: uniform as well,
        and for the few texts of a head as good as a draw of its own.
        """
        draws_PN = draws_N * self.turns_P1
        draws_PN = draws_PN - draws_PN.floor()
        counts_PN = self.counts_PK[:, labels_N]
        picks_PN = (draws_PN * counts_PN).long()
        heads_P1 = torch.arange(len(self.index_PKS), device=labels_N.device)[:, None]
        return self.index_PKS[heads_P1, labels_N, picks_PN]
