"""`lst info RUN`: what a run is, how far it is, and what it reached."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lst.facts.duration import in_words
from lst.facts.wording import command, percent
from lst.training.run_files import read_log, read_recipe_file


def print_run(run: Path) -> None:
    """A finished run from its card; one that is not finished from its log."""
    if (run / "card.json").is_file():
        from lst.nets.checkpoint import read_card

        lines = _finished(read_card(run))
    else:
        lines = _unfinished(run)
    head, *rest = lines
    print(f"{run}: {head}")
    print("\n".join(f"  {line}" for line in rest))


def _finished(card: Mapping[str, Any]) -> Iterator[str]:
    yield f"{card.get('recipe', 'imported')}, {card['modality']} of {card['benchmark']}"
    config, build = card.get("config"), card["build"]
    yield f"encoder    {build['encoder']}, width {build['width']}, {len(card['class_names'])} classes"
    if config is None:
        yield f"weights    imported from {card['imported_from']}"
        return
    yield f"epochs     {card['epochs']} of {config['optim']['planned_epochs']} planned, seed {config['seed']}"
    last = percent(card["last_test_top1"])
    yield f"test       {last} after the last epoch, which is the result of the run"
    best = card["best_on_test"]
    if best["epochs_tested"] == card["epochs"] > 1:
        highest = f"{percent(best['top1'])} at best, in epoch {best['epoch']}"
        yield f"           {highest}; for comparison with papers only"
    yield from _language(card)
    if changed := card.get("overrides"):
        yield "changed    " + ", ".join(f"{key} {value}" for key, value in sorted(changed.items()))
    source = card["inputs"]["source"]
    kind = ", synthetic clips" if source.get("synthetic") else ""
    yield f"clips      {card['inputs']['clips']['train']} train, {card['inputs']['clips']['test']} test{kind}"
    if "pipeline" in source:
        yield f"pipeline   {source['pipeline']}"
    devices = dict.fromkeys(session["device"] for session in card["sessions"])
    yield f"computed   {in_words(card['seconds'])} on {' + '.join(devices)}, {card['precision']}"


def _language(card: Mapping[str, Any]) -> Iterator[str]:
    text = card.get("text")
    if not text:
        yield "language   none: the plain encoder"
        return
    control = f"; control {text['control']}" if "control" in text else ""
    prompts = card["config"].get("text", {}).get("prompts", "parts4")
    yield f"language   {prompts} by {text.get('encoder', 'an unknown encoder')}{control}"


def _unfinished(run: Path) -> Iterator[str]:
    recipe = read_recipe_file(run)
    config = recipe.config
    yield f"{recipe.name}, {config.modality} of {config.benchmark}, not finished"
    rows = read_log(run)
    yield f"epochs     {len(rows)} of {config.optim.epochs} done, seed {config.seed}"
    if tested := [row["test_top1"] for row in rows if "test_top1" in row]:
        yield f"test       {percent(tested[-1])} when it was last measured"
    yield "continue with: " + command("train", "--resume", run)
