"""Texts whose encoder is trained along with the skeletons' (method.md Section 10, quirks Q25 to Q27).

Letters: N clips, P heads, K classes, S texts of a class for one head, T texts, U distinct texts of a batch,
L tokens, D embedding width.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from lst.nets.text_encoder import TextEncoder
from lst.nets.text_picks import TextPicks

TEXTS_AT_ONCE = 64
"""Texts that pass the encoder together, those of like length, so that little is padding."""


class TunedTexts(nn.Module):
    """In the place of a `TextBank`: labels and draws in, (P, N, D) out, by vectors that still move.

    Each distinct text of a batch passes the encoder once. The gradient is the same sum as with one text for
    every head and clip, which is what the official code encodes. There is no dropout; CLIP's tower has none.
    Which texts a batch has is read back by the host: one wait per step, little beside a transformer's work.
    """

    def __init__(self, encoder: TextEncoder, texts: Sequence[str], index_PKS: Tensor) -> None:
        super().__init__()
        self.encoder, self.picks = encoder, TextPicks(index_PKS)
        self.fixed_TD: Tensor | None
        self.register_buffer("fixed_TD", None, persistent=False)
        tokens = encoder.tokenize(texts)
        self.token_names = tuple(tokens)
        for name, array_TL in tokens.items():
            self.register_buffer(name, array_TL, persistent=False)
        self.lengths_T = tokens["attention_mask"].sum(dim=1).cpu()

    @property
    def width(self) -> int:
        return self.encoder.width

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, labels_N: Tensor, draws_N: Tensor) -> Tensor:
        rows_PN = self.picks(labels_N, draws_N)
        if self.fixed_TD is not None:
            return self.fixed_TD[rows_PN]
        rows_U, places_PN = torch.unique(rows_PN, return_inverse=True)
        return self.encode(rows_U.cpu())[places_PN]

    def encode(self, rows_U: Tensor) -> Tensor:
        """The vectors (U, D), in float32, of the texts with these numbers (on the CPU)."""
        order_U = torch.argsort(self.lengths_T[rows_U], stable=True)
        vectors = [self._encode_together(rows_U[some]) for some in order_U.split(TEXTS_AT_ONCE)]
        return torch.cat(vectors)[torch.argsort(order_U).to(vectors[0].device)]

    def _encode_together(self, rows: Tensor) -> Tensor:
        length = int(self.lengths_T[rows].max())
        arrays = {name: self.get_buffer(name) for name in self.token_names}
        here = rows.to(arrays[self.token_names[0]].device)
        return self.encoder({name: array_TL[here, :length] for name, array_TL in arrays.items()}).float()

    @torch.no_grad()
    def all_vectors(self) -> Tensor:
        """(T, D) as the encoder is now, on the CPU."""
        with torch.autocast(self.get_buffer(self.token_names[0]).device.type, enabled=False):
            return self.encode(torch.arange(len(self.lengths_T))).cpu()

    def freeze(self) -> None:
        """Keep the encoder as it is from now on: its vectors are computed a last time."""
        if self.fixed_TD is None:
            self.fixed_TD = self.all_vectors().to(self.get_buffer(self.token_names[0]).device)
