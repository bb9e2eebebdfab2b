"""Speed of a text encoder that is trained along: each text of a batch once, or one text per head and clip.

The official code does the latter: for each of the five heads a call with the text of every clip, each text
padded to 77 tokens. A kinder form pads to the longest of a call only. All are timed in turns, forward and
backward, with the same weights and the same texts.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lst.files.whole import write_json
from lst.nets.text_encoder import TextEncoder, load_text_encoder
from lst.nets.tuned_texts import TunedTexts
from lst.text.descriptions import default_descriptions
from lst.text.prompt_choices import prompt_heads
from lst.training.device import choose_device, describe_device, keep_freed_memory
from lst.training.provenance import code_facts
from lst.workflows.timing import seconds

CONTEXT = 77
"""Tokens to which the official code pads every text."""
TARGET = 5.0
ONCE, OFFICIAL = "each text once", f"one per head and clip, {CONTEXT} tokens each"


class _Batch:
    """Clips of random classes, and the texts that their heads are compared with."""

    def __init__(self, encoder: TextEncoder, dataset: str, batch: int, device: torch.device) -> None:
        classes = default_descriptions(dataset)
        heads = prompt_heads("parts4", classes)
        texts = tuple(dict.fromkeys(text for head in heads for own in head.texts_KS for text in own))
        most = max(len(own) for head in heads for own in head.texts_KS)
        index_PKS = torch.full((len(heads), len(classes), most), -1)
        for p, head in enumerate(heads):
            for k, own in enumerate(head.texts_KS):
                index_PKS[p, k, : len(own)] = torch.tensor([texts.index(text) for text in own])
        draws = torch.Generator().manual_seed(1)
        self.encoder = encoder
        self.tuned = TunedTexts(encoder, texts, index_PKS).to(device).train()
        self.labels_N = torch.randint(len(classes), (batch,), generator=draws).to(device)
        self.draws_N = torch.rand(batch, generator=draws).to(device)
        rows_PN = self.tuned.picks(self.labels_N, self.draws_N)
        self.distinct = len(torch.unique(rows_PN))
        self.texts_PN = [[texts[row] for row in rows] for rows in rows_PN.tolist()]
        self.tokens = [encoder.tokenize(rows) for rows in self.texts_PN]
        self.padded = [_to_context(tokens) for tokens in self.tokens]

    def once(self) -> Tensor:
        return self.tuned(self.labels_N, self.draws_N)

    def one_by_one(self) -> Tensor:
        return torch.stack([self.encoder(tokens) for tokens in self.tokens])

    def officially(self) -> Tensor:
        return torch.stack([self.encoder(tokens) for tokens in self.padded])


def _to_context(tokens: dict[str, Tensor]) -> dict[str, Tensor]:
    room = CONTEXT - tokens["input_ids"].shape[1]
    if room < 0:
        raise ValueError(f"a text has {CONTEXT - room} tokens; the official form reads {CONTEXT}")
    return {name: F.pad(array_NL, (0, room)) for name, array_NL in tokens.items()}


def bench_texts(
    name: str, device: str, *, dataset: str, batch: int, repeats: int, out: Path | None = None
) -> Iterator[str]:
    """Lines of a table: seconds of both forms, their ratio, and how far their vectors are apart."""
    where = choose_device(device)
    keep_freed_memory()
    encoder = load_text_encoder(name, where)
    step = _Batch(encoder, dataset, batch, where)
    with torch.no_grad():
        error = float((step.once() - step.officially()).abs().max())
    forms = {ONCE: step.once, "one per head and clip": step.one_by_one, OFFICIAL: step.officially}
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(repeats):
        for form, forward in forms.items():
            best[form] = min(best[form], seconds(lambda work=forward: _step(encoder, work), where))
    heads = len(step.texts_PN)
    yield f"{describe_device(where)}, torch {torch.__version__}"
    yield f"{name}, {batch} clips of {dataset}: {step.distinct} distinct texts among {heads} x {batch}"
    for form, spent in best.items():
        yield f"{form:<42}{1e3 * spent:>8.0f} ms {spent / best[ONCE]:>6.1f}x"
    met = "met" if best[OFFICIAL] >= TARGET * best[ONCE] else "MISSED"
    yield f"at least {TARGET:g}x beside the official form: {met}; vectors differ by at most {error:.1e}"
    if out is not None:
        write_json(out, _record(name, where, dataset, batch, step.distinct, best, error))
        yield f"wrote {out}"


def _step(encoder: TextEncoder, forward: Callable[[], Tensor]) -> None:
    """Forward and backward."""
    encoder.zero_grad(set_to_none=True)
    forward().square().sum().backward()


def _record(
    name: str,
    device: torch.device,
    dataset: str,
    batch: int,
    distinct: int,
    best: dict[str, float],
    error: float,
) -> dict[str, Any]:
    return {
        "format": "lst-bench",
        "subject": "texts",
        "device": describe_device(device),
        "code": code_facts(),
        "encoder": name,
        "dataset": dataset,
        "batch": batch,
        "distinct_texts": distinct,
        "seconds": best,
        "error": error,
        "target": TARGET,
    }
