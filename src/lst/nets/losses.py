"""The part-contrastive loss: method.md Section 11.

Letters: N clips, P texts per clip (whole body, then parts), D embedding width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.facts.choices import TextLoss, TextTarget

SOFTNESS = 10.0
"""Factor in the softmax of the soft targets; 10 is the published one (Q17)."""


class LossTerms(NamedTuple):
    """What one step measures. The trainer weighs and logs; the loss itself knows no weights."""

    logits_NK: Tensor
    classes: Tensor  # cross-entropy
    parts_P: Tensor  # one contrastive term per text


class ClassLoss(nn.Module):
    """Cross-entropy (N, K) with (N,): the mean over clips.

    `weights_K`: how much the clips of a class count. `smoothing`: the target is 1 - smoothing on the label
    plus smoothing / K on every class (Szegedy et al., CVPR 2016).
    """

    weights_K: Tensor | None

    def __init__(self, weights_K: Tensor | None = None, smoothing: float = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weights_K", weights_K, persistent=False)

    def forward(self, logits_NK: Tensor, labels_N: Tensor) -> Tensor:
        return F.cross_entropy(logits_NK, labels_N, self.weights_K, label_smoothing=self.smoothing)


def same_class_targets(labels_N: Tensor, target: TextTarget, dtype: torch.dtype = torch.float32) -> Tensor:
    """(N, N) rows of target probabilities over the batch.

    - "soft": softmax(10 * same), the published form (Q17). Unequal pairs keep a little mass.
    - "same_class": equal mass on clips of the same class, none elsewhere.
    """
    assert target != "text_similarity", "needs the texts: text_similarity_targets"
    same = (labels_N[:, None] == labels_N[None, :]).to(dtype)
    return (SOFTNESS * same).softmax(dim=1) if target == "soft" else same / same.sum(dim=1, keepdim=True)


def text_similarity_targets(text_PND: Tensor) -> Tensor:
    """(P, N, N) rows of target probabilities, one matrix per head: softmax(10 * cosine of the texts).

    Were the texts of different classes orthogonal, it would be the published soft target. Clips with one and
    the same text are full positives, which for a part is the class. Where synonyms are drawn (whole body),
    the clips of a class mostly have different texts and are positives only as far as these are similar; a
    near text of another class may then have more mass. No gradient flows into the texts from here.
    """
    unit_PND = F.normalize(text_PND.detach(), dim=-1)
    return (SOFTNESS * unit_PND @ unit_PND.transpose(1, 2)).softmax(dim=2)


def part_contrast(
    skeleton_PND: Tensor,
    text_PND: Tensor,
    labels_N: Tensor,
    *,
    scale_P: Tensor,
    target: TextTarget = "soft",
    loss: TextLoss = "kl",
) -> Tensor:
    """Symmetric contrast of cosine logits between clips and texts, one value per text: (P,).

    `scale_P` multiplies the cosines as it is: pass s for the published form (Q16) and exp(s) for CLIP's.
    A zero vector has cosine 0 with everything (Q19: the published form divides by zero there).

    loss "kl" compares with the targets, "info_nce" has clips of the same class as positives and no target.
    Both are sums over the batch divided by N; PyTorch's `mean` reduction would be N times smaller (Q18).
    """
    cosine = F.normalize(skeleton_PND, dim=-1) @ F.normalize(text_PND, dim=-1).transpose(1, 2)
    logits_PNN = scale_P[:, None, None] * cosine
    if loss == "info_nce":
        return _info_nce(logits_PNN, labels_N)
    if target == "text_similarity":
        target_NN = text_similarity_targets(text_PND)
    else:
        target_NN = same_class_targets(labels_N, target, logits_PNN.dtype)
    return _divergence(logits_PNN, target_NN)


def _divergence(logits_PNN: Tensor, target_NN: Tensor) -> Tensor:
    """KL from the targets, the mean of both directions. Targets are (N, N), or (P, N, N) if heads differ."""
    entropy = torch.special.xlogy(target_NN, target_NN).sum(dim=(-2, -1))
    n = logits_PNN.shape[1]
    one_way = entropy - (target_NN * logits_PNN.log_softmax(dim=2)).sum(dim=(1, 2))
    other_way = entropy - (target_NN * logits_PNN.transpose(1, 2).log_softmax(dim=2)).sum(dim=(1, 2))
    return (one_way + other_way) / (2 * n)


def _info_nce(logits_PNN: Tensor, labels_N: Tensor) -> Tensor:
    """InfoNCE with several positives, the mean of both directions.

    Row i costs -log( sum over j of its class of exp(a_ij) / sum over all j of exp(a_ij) ). One good positive
    is enough, where the KL with "same_class" wants all of them alike (MIL-NCE beside SupCon's L_out).
    """
    same_NN = labels_N[:, None] == labels_N[None, :]
    positives_PNN = logits_PNN.masked_fill(~same_NN, -torch.inf)
    ways = [logits_PNN.logsumexp(dim) - positives_PNN.logsumexp(dim) for dim in (2, 1)]
    return ((ways[0] + ways[1]) / 2).mean(dim=1)
