"""An official checkpoint (GAP/LST or CTR-GCN) becomes a checkpoint of ours."""

from pathlib import Path

from lst.data.pipeline import InputPipeline
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import Modality
from lst.nets.checkpoint import CARD, make_card, save_checkpoint
from lst.nets.classifier import build_classifier
from lst.nets.official import classifier_pieces, fill, read_official


def import_official(
    source: Path, out: Path, *, benchmark: str, modality: Modality, overwrite: bool = False
) -> list[str]:
    """Write `out` and return the official keys that only training used (heads, scales).

    The official class applies its joint matrix inside the net (method.md 4.2) and does not store it; ours is
    fed the modality, so the card gets bones="gap" and the net sees the same numbers.
    Raises FileNotFoundError or ValueError for a file that is absent, unsafe, or of another benchmark.
    """
    if (out / CARD).is_file() and not overwrite:
        raise ValueError(f"{out}: holds a checkpoint already. Use --overwrite or another --out.")
    facts = get_benchmark(benchmark)
    pipeline = InputPipeline(
        layout=facts.layout,
        modality=modality,
        clip_length=facts.clip_length,
        num_persons=facts.num_persons,
        frames="random_frames" if facts.dataset == "nw-ucla" else "crop_resize",
        bones="gap",
    )
    build = {
        "encoder": "ctrgcn",
        "layout": facts.layout,
        "num_persons": facts.num_persons,
        "num_classes": facts.num_classes,
        "width": 64,
    }
    classifier = build_classifier(**build)
    unused = fill(classifier, classifier_pieces(classifier), read_official(source), source)
    _check_unused(unused, source)
    card = make_card(
        build=build,
        pipeline=pipeline,
        class_names=facts.class_names,
        facts={"imported_from": source.name, "benchmark": benchmark, "modality": modality},
    )
    save_checkpoint(out, classifier, card)
    return unused


def _check_unused(unused: list[str], source: Path) -> None:
    """Only the heads that training uses may be left over; anything else means another network."""
    known = ("linear_head.", "part_list.", "logit_scale")
    if foreign := [key for key in unused if not key.startswith(known)]:
        raise ValueError(
            f"{source}: {len(foreign)} tensors have no place in CTR-GCN, such as {foreign[0]!r}; "
            "it is a checkpoint of another network"
        )
