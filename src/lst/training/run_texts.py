"""The texts of a run: from the recipe to the vectors of every head, or to an encoder that is trained, too."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from lst.facts.benchmarks import Benchmark
from lst.facts.choices import PromptChoice
from lst.nets.supervision import TextBank
from lst.nets.text_encoder import TextEncoder, load_text_encoder, sentence_encoder
from lst.nets.tuned_texts import TunedTexts
from lst.text.descriptions import (
    ActionText,
    check_descriptions,
    default_descriptions,
    file_sha256,
    load_descriptions,
    shipped_text,
)
from lst.text.embed import SentenceEncoder
from lst.text.hashed import HASHED, hashed_encoder
from lst.text.names import name_texts
from lst.text.prompt_choices import GAP_RULE, PROMPTS, Head, rule_heads
from lst.text.vectors import TextVectors, build_vectors, default_vectors, load_vectors
from lst.training.recipes import RunConfig
from lst.training.text_config import NAMES
from lst.training.text_controls import controlled

SHIPPED = ("nw-ucla", "ntu60", "ntu120", "synthetic")
"""Data sets whose descriptions and vectors come with lst."""


@dataclass(frozen=True, eq=False)
class RunTexts:
    """What the skeletons of a run are compared with."""

    vectors: TextVectors
    """As they are before training."""
    heads: tuple[Head, ...]
    tuned: TextEncoder | None = None
    """The encoder that made them, if it is to be trained."""

    def bank(self) -> TextBank | TunedTexts:
        """The part of the net that gives a batch its texts."""
        if self.tuned is None:
            return text_bank(self.vectors, self.heads)
        return TunedTexts(
            self.tuned, self.vectors.texts, torch.from_numpy(self.vectors.index_PKS(self.heads))
        )


def prepare_texts(config: RunConfig, benchmark: Benchmark, device: torch.device) -> RunTexts | None:
    """The texts of the recipe, or of its control condition; None without text.

    Raises:
        FileNotFoundError, ValueError: texts of other classes, or a file or an encoder that cannot be read.
    """
    if config.text.weight == 0:
        return None
    encoder = None
    if config.text.encoder is None:
        vectors = _stored_vectors(benchmark, config.text.vectors)
    elif config.text.encoder == HASHED:
        vectors = _encoded(config, benchmark, hashed_encoder())
    else:
        encoder = load_text_encoder(config.text.encoder, device)
        vectors = _encoded(config, benchmark, sentence_encoder(encoder))
    heads = rule_heads(text_rule(config), vectors.classes)
    config.text.check_part_weights([head.name for head in heads])
    vectors, heads = controlled(config.text.control, vectors, heads, config.seed)
    return RunTexts(vectors, heads, encoder if config.text.tune else None)


def text_rule(config: RunConfig) -> str:
    """How a class becomes the texts of its heads; gap: the official building rule (Q20)."""
    return GAP_RULE if config.parity == "gap" else config.text.prompts


def text_bank(vectors: TextVectors, heads: Sequence[Head]) -> TextBank:
    """The vectors of these heads, ready for the device."""
    return TextBank(
        torch.from_numpy(np.array(vectors.vectors_TD)), torch.from_numpy(vectors.index_PKS(heads))
    )


def as_trained(vectors: TextVectors, bank: nn.Module) -> TextVectors:
    """The vectors as they are after training."""
    if not isinstance(bank, TunedTexts):
        return vectors
    meta = {**vectors.meta, "normalised": bank.encoder.length == "unit", "tuned": True}
    return replace(vectors, vectors_TD=bank.all_vectors().numpy(), meta=meta)


def _stored_vectors(benchmark: Benchmark, file: str | None) -> TextVectors:
    if file is None and benchmark.dataset not in SHIPPED:
        raise ValueError(
            f"no texts ship for {benchmark.dataset!r}. Use the class names (--texts names), a description "
            "file (--texts FILE.json), vectors (--texts FILE.safetensors), or no text (--texts none)."
        )
    vectors = default_vectors(benchmark.dataset) if file is None else load_vectors(file)
    if vectors.class_names != benchmark.class_names:
        raise ValueError(
            f"the text vectors of {file or benchmark.dataset!r} are for the classes {vectors.class_names}, "
            f"the benchmark has {benchmark.class_names}; describe these, in this order, and run lst embed"
        )
    return vectors


def _encoded(config: RunConfig, benchmark: Benchmark, encoder: SentenceEncoder) -> TextVectors:
    """The vectors of the recipe's own prompts only."""
    classes, sha256 = _descriptions(config, benchmark)
    others: dict[PromptChoice, str] = {
        choice: "the run has other prompts" for choice in PROMPTS if choice != config.text.prompts
    }
    return build_vectors(
        classes, encoder.encode, encoder=encoder.info, descriptions_sha256=sha256, left_out=others
    )


def _descriptions(config: RunConfig, benchmark: Benchmark) -> tuple[list[ActionText], str]:
    """The classes in words, and the SHA-256 of their file; of names alone, of these names."""
    if (file := config.text.descriptions) == NAMES:
        joined = "\n".join(benchmark.class_names)
        return name_texts(benchmark.class_names), hashlib.sha256(joined.encode()).hexdigest()
    if file is None:
        shipped = shipped_text(benchmark.dataset, ".json")
        return default_descriptions(benchmark.dataset), file_sha256(shipped)
    classes = load_descriptions(file)
    if problems := check_descriptions(classes, benchmark.class_names):
        raise ValueError(
            f"{file}: {len(problems)} problems, such as: {problems[0]}. `lst describe --check {file}` lists "
            "them."
        )
    return classes, file_sha256(file)
