"""A finished run, ready to answer: `lst.load`.

Letters: N clips, K classes, C channels, V joints, P heads, D embedding width, A actions.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lst.data.input.batches import ClipBatches
from lst.data.input.body_statistics import statistics_from_json, store_statistics
from lst.data.input.pipeline import InputPipeline
from lst.data.input.plausibility import Finding, check_body
from lst.data.input.steps.step import Step
from lst.data.store.loose_clips import store_of
from lst.evaluation.by_text import Actions, action_cosines
from lst.evaluation.evaluate import clip_features, embed_clips, score_and_embed, score_clips
from lst.facts.choices import TextHeads
from lst.facts.skeleton import Skeleton
from lst.nets.checkpoint import Checkpoint, load_checkpoint
from lst.nets.classifier import SkeletonClassifier
from lst.nets.language import LANGUAGE, LanguageSide, load_language
from lst.recognizer.answers import predictions, probabilities
from lst.recognizer.clips import ClipForm, GivenClips, as_clips
from lst.recognizer.evidence import effects, part_words
from lst.recognizer.prediction import Evidence, PartWords, Prediction
from lst.training.build import TEST_BATCH
from lst.training.device import choose_device
from lst.workflows.new_texts import new_names, own_classes

logger = logging.getLogger(__name__)


def load(run: str | Path, device: str = "auto", *, steps: Sequence[type[Step]] = ()) -> "Recognizer":
    """Open the folder of a finished run.

    >>> import lst
    >>> run = lst.load("runs/mine")
    >>> run.predict(clip)[0].name
    'wave right hand'

    Args:
        run: folder with `card.json` and `model.safetensors`.
        device: auto (a GPU if there is one), cpu, cuda, ...
        steps: classes of input steps of one's own, if the run was trained with such.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: it is damaged, or the device cannot be used.
    """
    return Recognizer(load_checkpoint(Path(run), choose_device(device), steps=steps))


@dataclass(frozen=True, eq=False, repr=False)
class Recognizer:
    """Clips in, names out. All methods take one clip or many, as `recognizer.clips.as_clips` reads them:
    an array (T, V, 3) or (M, T, V, 3), or a list of such arrays. On the CPU a clip gets the same bits alone,
    among others and in `lst test` (docs/api.md says where that is known to hold)."""

    checkpoint: Checkpoint

    def predict(self, clips: Any, top_k: int = 5, *, why: bool = False) -> list[Prediction]:
        """One answer for each clip, also for a single clip.

        >>> [answer] = run.predict(clip, top_k=3)
        >>> answer.name, len(answer.choices)
        ('wave right hand', 3)

        Args:
            clips: one clip or many.
            top_k: how many classes each answer lists.
            why: with evidence, which costs about thirty more passes for each clip.

        Raises:
            ValueError: a clip of another shape, with NaN, or with nothing but zeros.
        """
        return self.predict_named(self._given(clips), top_k=top_k, why=why)

    def predict_named(
        self, given: GivenClips, names: Sequence[str] = (), *, top_k: int = 5, why: bool = False
    ) -> list[Prediction]:
        """`predict` for clips that were checked before, each with a name.

        >>> from lst.recognizer.clips import as_clips
        >>> run.predict_named(as_clips(clip, run.form), ["monday"])[0].clip
        'monday'
        """
        batches = self._batches(given.clips, names)
        doubts = tuple(map(str, self._findings(given.clips)))
        notes = [(*own, *doubts) for own in given.notes]
        words: list[tuple[PartWords, ...]] = [()] * len(given.clips)
        if why and self.language is not None:
            scores, embedded_PND = score_and_embed(self.module, self.language, batches, self.class_names, {})
            words = part_words(self.language, embedded_PND, self.layout)
        else:
            scores = score_clips(self.module, batches, self.class_names, {})
        reasons = [
            self._reason(clip, logits_K, own)
            for clip, logits_K, own in zip(given.clips, scores.logits_NK, words, strict=True)
            if why
        ]
        return predictions(
            scores.logits_NK,
            self.class_names,
            scores.clip_ids,
            top_k=top_k,
            notes=notes,
            evidence=reasons,
        )

    def logits(self, clips: Any) -> np.ndarray:
        """float32 (N, K), the numbers that `lst test` writes into scores.npz.

        >>> run.logits(clip).shape == (1, len(run.class_names))
        True
        """
        return self._logits(self._given(clips).clips)

    def features(self, clips: Any, *, per_joint: bool = False) -> np.ndarray:
        """float32 (N, C): what the class head sees, the mean over joints; (N, C, V) with `per_joint`.

        >>> run.features([clip, clip]).shape[0]
        2
        """
        joints_NCV = clip_features(self.module, self._batches(self._given(clips).clips))
        return joints_NCV if per_joint else joints_NCV.mean(axis=2)

    def match_texts(
        self, clips: Any, texts: Sequence[str] | None = None, heads: TextHeads = "all"
    ) -> np.ndarray:
        """Cosines (N, A) of clips with texts, in the space that the run was trained in.

        >>> run.match_texts(clip).shape == (1, len(run.class_names))  # its own classes, by their own texts
        True

        Args:
            texts: names of any actions, compared with the whole body; None: the run's classes, all heads.
                Names need the text encoder that the run was trained with (`pip install lst-action[embed]`).
            heads: "all", or "whole" for the whole body alone.

        Raises:
            FileNotFoundError: the run was trained without text.
        """
        language = load_language(self.checkpoint) if self.language is None else self.language
        if isinstance(texts, str):
            texts = [texts]
        make = own_classes if texts is None else new_names(list(texts))
        actions: Actions = make(language).of_heads(heads)
        embedded_PND = embed_clips(self.module, language, self._batches(self._given(clips).clips))
        return action_cosines(embedded_PND, actions)

    @property
    def folder(self) -> Path:
        """Where it was loaded from."""
        return self.checkpoint.folder

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order.

        >>> "clap" in run.class_names
        True
        """
        return self.checkpoint.class_names

    @property
    def pipeline(self) -> InputPipeline:
        """What happens between a clip and the net."""
        return self.checkpoint.pipeline

    @property
    def layout(self) -> Skeleton:
        """Joints and their order, as clips must have them.

        >>> len(run.layout.joints) == clip.shape[-2]
        True
        """
        return self.pipeline.skeleton

    @property
    def card(self) -> dict[str, Any]:
        """All that is known about the run: recipe, data, texts, epochs, versions.

        >>> run.card["format"]
        'lst-checkpoint'
        """
        return self.checkpoint.card

    @property
    def module(self) -> SkeletonClassifier:
        """The network, a plain `torch.nn.Module` in eval mode: (N, 3, T, V, M) -> logits (N, K).

        >>> run.module.training
        False
        """
        return self.checkpoint.classifier

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(next(self.module.parameters()).device)

    @cached_property
    def language(self) -> LanguageSide | None:
        """What compares clips with texts; None in runs trained without."""
        return load_language(self.checkpoint) if (self.folder / LANGUAGE).is_file() else None

    def __repr__(self) -> str:
        names = self.class_names
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        text = "with text" if (self.folder / LANGUAGE).is_file() else "without text"
        return (
            f"Recognizer({str(self.folder)!r}: {self.pipeline.modality} of {self.layout.name}, "
            f"{len(names)} classes ({shown}), trained {text}, on {self.device})"
        )

    @property
    def form(self) -> ClipForm:
        """What clips it takes."""
        p = self.pipeline
        return ClipForm(p.skeleton, p.num_persons, len(p.channels), p.keeps_missing)

    def _given(self, clips: Any) -> GivenClips:
        return as_clips(clips, self.form)

    def _findings(self, clips: Sequence[np.ndarray]) -> list[Finding]:
        """How these clips, taken together, differ from those of the training; each kind is warned of once."""
        if "body" not in self.card:  # trained before this was kept, or imported
            return []
        store = store_of(clips, self.layout)
        p = self.pipeline
        body = store_statistics(store, np.arange(len(store)))
        training = statistics_from_json(self.card["body"])
        findings = check_body(
            body, training, store.coordinates, self.layout, centred=p.centres, scaled=p.scales
        )
        for finding in findings:
            if finding.kind not in self._told:
                self._told.add(finding.kind)
                logger.warning("%s: %s", self.folder, finding)
        return findings

    @cached_property
    def _told(self) -> set[str]:
        return set()

    def _batches(self, clips: Sequence[np.ndarray], names: Sequence[str] = ()) -> ClipBatches:
        """As `lst test` makes them."""
        store = store_of(clips, self.layout, names)
        return ClipBatches(
            store,
            np.arange(len(store)),
            self.pipeline,
            batch_size=TEST_BATCH,
            device=next(self.module.parameters()).device,
        )

    def _logits(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        return score_clips(self.module, self._batches(clips), self.class_names, {}).logits_NK

    def _reason(self, clip_MTVC: np.ndarray, logits_K: np.ndarray, words: tuple[PartWords, ...]) -> Evidence:
        label = int(logits_K.argmax())
        share = float(probabilities(logits_K[None])[0, label])
        joints, frames = effects(clip_MTVC, logits_K, self._logits, self.layout)
        return Evidence(self.class_names[label], share, words, joints, frames)
