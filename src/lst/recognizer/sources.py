"""What `lst predict` is given -> clips in the model's layout. A bad file is a problem and stops nothing.

A source is a store, a file of any format that `lst prepare own` reads, or a folder with such files. Joints
are matched to the model's by name, units and axes turned, gaps filled, by the code that prepares stores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lst.data.own.clips import HowToRead
from lst.data.own.discover import sources_in
from lst.data.own.fit import fitted
from lst.data.own.formats import read_source
from lst.data.own.mend import mended
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.data.store.clip_store import ClipStore
from lst.data.store.files import MANIFEST
from lst.recognizer.clips import ClipForm, GivenClips, as_clips


@dataclass(frozen=True, eq=False)
class FoundClip:
    """One clip, or why there is none."""

    name: str
    given: GivenClips | None
    """A single clip."""
    problem: str = ""


@dataclass(frozen=True)
class StoredItem:
    """One clip of a store."""

    store: ClipStore
    index: int


Item = Source | StoredItem


def list_sources(sources: Sequence[Path]) -> list[Item]:
    """All files and clips of the sources, in their order; files of a folder by name.

    Raises:
        FileNotFoundError: a source is not there, or a folder holds nothing to read.
        ValueError: a store that cannot be opened.
    """
    items: list[Item] = []
    for path in sources:
        if (path / MANIFEST).is_file():
            store = ClipStore.open(path)
            items += [StoredItem(store, i) for i in range(len(store))]
            continue
        found, _ = sources_in(path)
        if not found:
            raise FileNotFoundError(f"{path}: holds no recordings that can be read")
        items += found
    return items


def read_item(item: Item, form: ClipForm, how: HowToRead) -> Iterator[FoundClip]:
    """The clips of one item. A file with several recordings gives several."""
    if isinstance(item, StoredItem):
        yield _stored(item, form)
        return
    try:
        recordings = read_source(item, how.read)
    except ReadError as error:
        yield FoundClip(item.name, None, _told(error))
        return
    for recording in recordings:
        name = item.name if len(recordings) == 1 else recording.name
        try:
            yield FoundClip(name, _fitting(recording, form, how))
        except ReadError as error:
            yield FoundClip(name, None, _told(error))
        except ValueError as error:
            yield FoundClip(name, None, str(error).removeprefix("clip 0: "))


def _stored(item: StoredItem, form: ClipForm) -> FoundClip:
    store = item.store
    name = store.clip_ids[item.index]
    if store.skeleton.joints != form.skeleton.joints:
        problem = (
            f"has {store.skeleton.name} skeletons, the model was trained on {form.skeleton.name}; prepare "
            f"the recordings with --layout {form.skeleton.name}"
        )
        return FoundClip(name, None, problem)
    try:
        return FoundClip(name, as_clips(np.array(store.clip(item.index))[None], form))
    except ValueError as error:
        return FoundClip(name, None, str(error).removeprefix("clip 0: "))


def _fitting(recording: Recording, form: ClipForm, how: HowToRead) -> GivenClips:
    """The recording as the model takes it, and what was done to it as notes."""
    fitting, layout = fitted(recording, how.wanted)
    scores_MTV = fitting.scores_MTV
    if fitting.joints_MTVC.shape[-1] == 2 and scores_MTV is None:
        scores_MTV = np.isfinite(fitting.joints_MTVC[..., 0]).astype(np.float64)
    joints_MTVC, remarks = mended(fitting.joints_MTVC, scores_MTV, layout.parent_index(), how.rules)
    if joints_MTVC.shape[-1] != form.channels:
        kinds = {2: "2-D", 3: "3-D"}
        raise ReadError(
            f"is {kinds[fitting.joints_MTVC.shape[-1]]}, the model takes {form.channels} numbers for a joint"
        )
    given = as_clips(joints_MTVC[None], form)
    done = (*fitting.remarks.items(), *remarks.items())
    return GivenClips(given.clips, [(*given.notes[0], *(f"{count:,} {what}" for what, count in done))])


def _told(error: ReadError) -> str:
    return str(error) if error.line is None else f"line {error.line}: {error}"
