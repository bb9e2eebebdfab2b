"""`lst train` without a recipe: what there is, on one screen."""

from lst.training.encoder_recipes import encoder_families
from lst.training.recipes import RECIPES, STREAMS, RunConfig, get_recipe, stream_names


def recipe_lines() -> list[str]:
    """One line for each family, what it trains on and how long; every name is FAMILY-STREAM."""
    others = encoder_families()
    families = [family for family in dict.fromkeys(map(_family, RECIPES)) if family not in others]
    width = max(map(len, families))
    streams = ", ".join(modality.replace("_", "-") for modality in STREAMS)
    lines = [
        "usage: lst train FAMILY-STREAM [options], such as lst train nw-ucla-joint",
        "       lst train data/mine [options]       your own clips (a store's folder)",
        "       lst train --resume RUN       go on with a run that was stopped",
        "       lst train FAMILY-STREAM --help shows the options",
        "",
        f"streams: {streams}",
        "",
        f"{'family':<{width}}  {'benchmark':<14}  epochs",
    ]
    for family in families:
        config = get_recipe(stream_names(family)[0])
        lines.append(f"{family:<{width}}  {config.benchmark:<14}  {config.optim.epochs:>6}{_remark(config)}")
    encoders = dict.fromkeys(str(fields["encoder"]) for fields in others.values())
    benchmarks = dict.fromkeys(str(fields["benchmark"]) for fields in others.values())
    return [
        *lines,
        "",
        "other encoders (lst models): ENCODER-BENCHMARK-STREAM, such as dgstgcn-ntu60-xsub-joint",
        f"  encoders    {', '.join(encoders)}",
        f"  benchmarks  {', '.join(benchmarks)}",
    ]


def _family(recipe: str) -> str:
    endings = sorted((modality.replace("_", "-") for modality in STREAMS), key=len, reverse=True)
    return next(recipe.removesuffix(f"-{end}") for end in endings if recipe.endswith(f"-{end}"))


def _remark(config: RunConfig) -> str:
    if config.parity == "gap":
        return "  as the official code of GAP computes it"
    if config.benchmark == "synthetic":
        return "  built-in clips, minutes on a laptop"
    return f"  {config.clip_length} frames, for a laptop" if config.clip_length else ""
