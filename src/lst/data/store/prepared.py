"""What a preparation hands back, whatever the data set."""

from dataclasses import dataclass

from lst.data.store.clip_store import ClipStore, Problem


@dataclass(frozen=True)
class Prepared:
    """A finished store, the raw files that were left out, and what else a user should know (sentences)."""

    store: ClipStore
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]


def on_counts(store: ClipStore) -> list[str]:
    """A sentence for every split of the data set's benchmarks that lacks clips or has too many."""
    return [text for facts in store.summary()["benchmarks"].values() for text in facts["remarks"]]
