"""An official checkpoint (GAP/LST or CTR-GCN) becomes a checkpoint of ours."""

from pathlib import Path

from lst.data.input.presets import published_pipeline
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality
from lst.facts.shown import shown
from lst.files.locks import locked
from lst.nets.checkpoint import CARD, make_card, save_checkpoint
from lst.nets.classifier import build_classifier
from lst.nets.official import classifier_pieces, fill, read_official

TRAINING_ONLY = ("linear_head.", "part_list.", "logit_scale")
"""Beginnings of the names of GAP's language heads and scales."""


def import_official(
    source: Path, out: Path, *, benchmark: str, modality: Modality, overwrite: bool = False
) -> list[str]:
    """Write `out` and return the official keys that only training used (heads, scales).

    GAP's classes apply their joint matrix inside the net (method.md 4.2) and do not store it; ours is fed the
    modality, so the card gets bones="gap" and the net sees the same numbers. CTR-GCN's own checkpoints (no
    language heads) were fed bones along the graph's tree: bones="graph".
    Raises FileNotFoundError or ValueError for a file that is absent, unsafe, or of another benchmark.
    """
    with locked(out):
        return _import(source, out, benchmark=benchmark, modality=modality, overwrite=overwrite)


def _import(source: Path, out: Path, *, benchmark: str, modality: Modality, overwrite: bool) -> list[str]:
    _check_may_write(out, overwrite=overwrite)
    facts, official = get_benchmark(benchmark), read_official(source)
    from_gap = any(key.startswith(TRAINING_ONLY) for key in official)
    pipeline = published_pipeline(
        layout=facts.layout,
        modality=modality,
        clip_length=facts.clip_length,
        num_persons=facts.num_persons,
        frames=facts.frames,
        bones="gap" if from_gap else "graph",
        missing_person=facts.missing_person,
    )
    build = {
        "encoder": "ctrgcn",
        "layout": facts.layout,
        "num_persons": facts.num_persons,
        "num_classes": facts.num_classes,
        "width": 64,
    }
    classifier = build_classifier(**build)
    unused = fill(classifier, classifier_pieces(classifier), official, source)
    _check_unused(unused, source)
    card = make_card(
        build=build,
        pipeline=pipeline,
        class_names=facts.class_names,
        facts={
            "imported_from": source.name,
            "imported_kind": "GAP" if from_gap else "CTR-GCN",
            "benchmark": benchmark,
            "modality": modality,
        },
    )
    save_checkpoint(out, classifier, card)
    return unused


def _check_may_write(out: Path, *, overwrite: bool) -> None:
    """A trained run is never replaced, also one that is still training; an import is, when asked."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / CARD).is_file() or (out / "recipe.json").is_file():
        raise ValueError(f"{out}: exists and is not an imported checkpoint. Choose another --out.")
    if not overwrite:
        raise ValueError(f"{out}: holds a checkpoint already. Use --overwrite or another --out.")


def _check_unused(unused: list[str], source: Path) -> None:
    """Only the heads that training uses may be left over; anything else means another network."""
    if foreign := [key for key in unused if not key.startswith(TRAINING_ONLY)]:
        raise ValueError(
            f"{source}: {len(foreign)} tensors have no place in CTR-GCN, such as {shown(foreign[0])!r}; "
            "it is a checkpoint of another network"
        )
