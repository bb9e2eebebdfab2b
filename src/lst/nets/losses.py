"""The part-contrastive loss: method.md Section 11.

Letters: N clips, P texts per clip (whole body, then parts), D embedding width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lst.facts.choices import TextTarget


class LossTerms(NamedTuple):
    """What one step measures. The trainer weighs and logs; the loss itself knows no weights."""

    logits_NK: Tensor
    classes: Tensor  # cross-entropy
    parts_P: Tensor  # one contrastive term per text


def same_class_targets(labels_N: Tensor, target: TextTarget, dtype: torch.dtype = torch.float32) -> Tensor:
    """(N, N) rows of target probabilities over the batch.

    - "soft": softmax(10 * same), the published form (Q17). Unequal pairs keep a little mass.
    - "same_class": equal mass on clips of the same class, none elsewhere.
    """
    same = (labels_N[:, None] == labels_N[None, :]).to(dtype)
    return (10 * same).softmax(dim=1) if target == "soft" else same / same.sum(dim=1, keepdim=True)


def part_contrast(
    skeleton_PND: Tensor, text_PND: Tensor, labels_N: Tensor, *, scale_P: Tensor, target: TextTarget = "soft"
) -> Tensor:
    """Symmetric KL between cosine logits and same-class targets, one value per text: (P,).

    `scale_P` multiplies the cosines as it is: pass s for the published form (Q16) and exp(s) for CLIP's.
    The KL is a sum over the batch divided by N; PyTorch's `mean` reduction would be N times smaller (Q18).
    A zero vector has cosine 0 with everything (Q19: the published form divides by zero there).
    """
    cosine = F.normalize(skeleton_PND, dim=-1) @ F.normalize(text_PND, dim=-1).transpose(1, 2)
    logits_PNN = scale_P[:, None, None] * cosine
    target_NN = same_class_targets(labels_N, target, logits_PNN.dtype)
    entropy = torch.special.xlogy(target_NN, target_NN).sum()
    n = len(labels_N)
    one_way = entropy - (target_NN * logits_PNN.log_softmax(dim=2)).sum(dim=(1, 2))
    other_way = entropy - (target_NN * logits_PNN.transpose(1, 2).log_softmax(dim=2)).sum(dim=(1, 2))
    return (one_way + other_way) / (2 * n)
