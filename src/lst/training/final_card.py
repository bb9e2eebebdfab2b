"""The card of a finished run."""

from dataclasses import asdict
from typing import Any

from lst.data.store.clip_store import ClipStore
from lst.nets.checkpoint import make_card
from lst.training.own_recipe import OWN, own_recipe
from lst.training.recipes import overrides
from lst.training.training_run import TrainingRun


def final_card(
    run: TrainingRun, name: str, store: ClipStore, rows: list[dict[str, Any]], sessions: list[dict[str, Any]]
) -> dict[str, Any]:
    """The card of a run whose epochs are all done: what it computed, from what, where and how well."""
    parts = run.parts
    own = own_recipe(store, parts.benchmark) if name == OWN else None
    tested = [row for row in rows if "test_top1" in row]
    best = max(tested, key=lambda row: row["test_top1"])
    inputs = run.inputs(store)
    return make_card(
        build=parts.build,
        pipeline=parts.pipeline,
        class_names=parts.benchmark.class_names,
        facts={
            "recipe": name,
            "overrides": overrides(name, run.config, own),
            "config": asdict(run.config),
            "benchmark": parts.benchmark.name,
            "dataset": parts.benchmark.dataset,
            "coordinates": None if store.coordinates is None else asdict(store.coordinates),
            "modality": run.config.modality,
            "inputs": inputs,
            **({} if parts.reused is None else {"reused": parts.reused.as_json()}),
            "body": run.body,
            "complete_data": not parts.benchmark.check_counts(
                {split: len(store.select(parts.benchmark, split)) for split in ("train", "test")}
            ),
            "text": parts.text,
            "epochs": len(rows),
            "selected_on": "nothing: the last epoch",
            "last_test_top1": rows[-1]["test_top1"],
            "best_on_test": {
                "epoch": best["epoch"],
                "top1": best["test_top1"],
                "epochs_tested": len(tested),
            },
            "seconds": round(sum(row["seconds"] for row in rows), 1),
            "precision": run.precision,
            "sessions": sessions,
        },
    )
