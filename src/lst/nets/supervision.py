"""What trains: a classifier wrapped with the language side. Dropped after training.

Paper: "Language Supervised Training for Skeleton-based Action Recognition" (arXiv 2208.05318), published as
"Generative Action Description Prompts" (ICCV 2023). method.md Sections 6, 7 and 11.

Letters: N clips, C channels, T frames, V joints, M persons, P heads (one text per clip each), D embedding
width, K classes, S texts of a class for one head.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lst.facts.choices import TextLoss, TextScale, TextTarget
from lst.nets.classifier import SkeletonClassifier
from lst.nets.losses import ClassLoss, LossTerms, part_contrast
from lst.nets.text_picks import TextPicks
from lst.nets.tuned_texts import TunedTexts

MAX_SCALE = 100.0  # CLIP's cap: beyond it the softmax over a batch is one-hot anyway


class TextBank(nn.Module):
    """Frozen text vectors of all classes on the training device: labels and draws in, (P, N, D) out.

    `index_PKS` holds rows of `vectors_TD`, as `TextPicks` takes it.
    """

    def __init__(self, vectors_TD: Tensor, index_PKS: Tensor) -> None:
        super().__init__()
        self.vectors_TD: Tensor
        self.register_buffer("vectors_TD", vectors_TD, persistent=False)
        self.picks = TextPicks(index_PKS)

    @property
    def width(self) -> int:
        return self.vectors_TD.shape[1]

    def forward(self, labels_N: Tensor, draws_N: Tensor) -> Tensor:
        """The text that `draws_N` picks for each head and clip."""
        return self.vectors_TD[self.picks(labels_N, draws_N)]


def project_parts(joints_NCV: Tensor, weights_PV: Tensor, projections: Iterable[nn.Module]) -> Tensor:
    """Joint features pooled by the weights of each head, then projected by its own map: (P, N, D)."""
    pooled_PNC = torch.einsum("ncv,pv->pnc", joints_NCV, weights_PV)
    return torch.stack([project(part) for project, part in zip(projections, pooled_PNC, strict=True)])


class LanguageSupervision(nn.Module):
    """Classifier + texts + one projection per text + scales. `forward` is the training step.

    `weights_PV` has one row per head but the first and averages the joints of its body part. The first head,
    text 0, is always the whole body; there may be no other.
    """

    weights_PV: Tensor

    def __init__(
        self,
        classifier: SkeletonClassifier,
        weights_PV: Tensor,
        bank: TextBank | TunedTexts,
        *,
        width: int,
        scale: TextScale = "exp",
        target: TextTarget = "soft",
        loss: TextLoss = "kl",
        class_loss: ClassLoss | None = None,
    ) -> None:
        super().__init__()
        self.classifier, self.bank = classifier, bank
        self.class_loss = class_loss or ClassLoss()
        whole = torch.full((1, weights_PV.shape[1]), 1 / weights_PV.shape[1])
        self.register_buffer("weights_PV", torch.cat([whole, weights_PV]), persistent=False)
        self.project = nn.ModuleList(nn.Linear(width, bank.width) for _ in self.weights_PV)
        self.scale = nn.Parameter(torch.full((len(self.weights_PV),), math.log(1 / 0.07)))
        self.scale_form: TextScale = scale
        self.target: TextTarget = target
        self.loss: TextLoss = loss
        whole_weight, whole_bias = self.project[0].parameters()
        nn.init.normal_(whole_weight, 0.0, math.sqrt(2 / bank.width))  # Section 7: only the global head
        nn.init.zeros_(whole_bias)

    def embed(self, joints_NCV: Tensor) -> Tensor:
        """Joint features -> projected part vectors (P, N, D); text 0 is the whole body."""
        return project_parts(joints_NCV, self.weights_PV, self.project)

    def scales(self) -> Tensor:
        """(P,) factors on the cosines: exp(s), capped, or s itself (Q16)."""
        return self.scale if self.scale_form == "linear" else self.scale.exp().clamp(max=MAX_SCALE)

    def forward(
        self, x_NCTVM: Tensor, labels_N: Tensor, text_draws_N: Tensor, present_B: Tensor | None = None
    ) -> LossTerms:
        """One step: clips, labels, and the uniform draws in [0, 1) that pick each clip's synonym.

        present_B: who is there, as `SkeletonClassifier.features` takes it.
        """
        return self.compare(x_NCTVM, labels_N, self.bank(labels_N, text_draws_N), present_B)

    def compare(
        self, x_NCTVM: Tensor, labels_N: Tensor, texts_PND: Tensor, present_B: Tensor | None = None
    ) -> LossTerms:
        """The step with the texts' vectors given."""
        joints_NCV = self.classifier.features(x_NCTVM, present_B)
        with torch.autocast(x_NCTVM.device.type, enabled=False):
            logits_NK = self.classifier.classify(joints_NCV)
            parts_P = part_contrast(
                self.embed(joints_NCV),
                texts_PND,
                labels_N,
                scale_P=self.scales(),
                target=self.target,
                loss=self.loss,
            )
            return LossTerms(logits_NK, self.class_loss(logits_NK, labels_N), parts_P)


class LabelSupervision(nn.Module):
    """The plain encoder: the same step with the class label as its only teacher (`--text.weight 0`)."""

    def __init__(self, classifier: SkeletonClassifier, class_loss: ClassLoss | None = None) -> None:
        super().__init__()
        self.classifier = classifier
        self.class_loss = class_loss or ClassLoss()

    def forward(
        self, x_NCTVM: Tensor, labels_N: Tensor, text_draws_N: Tensor, present_B: Tensor | None = None
    ) -> LossTerms:
        """The draws are for texts, of which there are none."""
        logits_NK = self.classifier(x_NCTVM, present_B)
        return LossTerms(logits_NK, self.class_loss(logits_NK, labels_N), logits_NK.new_zeros(0))
