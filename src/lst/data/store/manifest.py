"""manifest.json of a store: its type, written and read.

What it says of classes and protocols is read by `own_benchmark`, the layout by `lst.facts.own_layout`.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from lst.facts.shown import shown_json
from lst.files.typed_json import Count, Name, Text, convert, read_object, sealed
from lst.files.whole import is_unfinished, write_text

FORMAT = "lst-store"
VERSION = 2
OLDEST = 1
"""Stores of version 1 knew published data sets only, whose classes and protocols `lst.facts` has."""
MANIFEST = "manifest.json"
MADE_UP = "made_up_ids_for"
"""Entry in the source of a store whose clips came without names: the benchmarks for which names were made."""
CHECKSUMS = "checksums"
AGAIN = "The store is damaged: run `lst prepare` again."
NEW_KEYS: Mapping[str, Any] = {"text_attributes": [], "benchmark": None, "coordinates": None, CHECKSUMS: {}}
"""What version 2 has beside those of version 1, and what stands for it in an older store."""


class FrameDefect(Struct, omit_defaults=True):
    """A place of which something is to be known."""

    clip: Text | UnsetType = UNSET
    frame: Count | UnsetType = UNSET
    joints: list[Count] | UnsetType = UNSET
    clips: list[Text] | UnsetType = UNSET
    frames: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        one_frame = isinstance(self.clip, str) and isinstance(self.frame, int)
        if not one_frame and not (isinstance(self.clips, list) and isinstance(self.frames, int)):
            raise ValueError("expected clip and frame, or clips and frames")


class SourceFacts(Struct):
    """Where the clips come from, as far as it changes what is done with them."""

    name: Text | UnsetType = UNSET
    synthetic: bool | UnsetType = UNSET
    official: bool | UnsetType = UNSET
    pipeline: Text | UnsetType = UNSET
    files: Count | UnsetType = UNSET
    ignored: Count | UnsetType = UNSET
    made_up_ids_for: list[Name] | UnsetType = UNSET
    padded_frames: dict[str, Count] | UnsetType = UNSET
    notes: dict[str, dict[str, Count]] | UnsetType = UNSET


class Manifest(Struct):
    """What every store says of itself."""

    dataset: Name
    layout: Name | dict[str, Any]
    channels: Annotated[int, Meta(ge=1, le=100)]
    clips: Annotated[int, Meta(ge=1, le=10**8)]
    rows: Annotated[int, Meta(ge=1, le=10**12)]
    source: SourceFacts
    created_by: Text
    attributes: list[Name]
    problems: Count
    defects: dict[str, list[Text | list[Text] | FrameDefect]]
    text_attributes: list[Name] = []
    benchmark: dict[str, Any] | None = None
    coordinates: dict[str, Any] | None = None
    checksums: dict[str, Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]] = {}

    def __post_init__(self) -> None:
        if "copied_clips" not in self.defects:
            raise ValueError("defects lacks copied_clips")
        if unknown := [name for name in self.text_attributes if name not in self.attributes]:
            raise ValueError(
                f"text_attributes names {shown_json(unknown[0])}, which is not among the attributes"
            )


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write it with format, version and its own checksum."""
    assert manifest.keys() == set(Manifest.__struct_fields__)
    content = sealed({"format": FORMAT, "version": VERSION, **manifest})
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a store as plain data, checked.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it is no store, of a newer version, or its manifest is damaged.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Make the store first with `lst prepare`.")
    if is_unfinished(folder):
        raise ValueError(f"{folder}: left behind by a preparation that did not end. Run `lst prepare` again.")
    if not path.is_file():
        raise ValueError(f"{folder}: is not a store (no {MANIFEST}). Make one with `lst prepare`.")
    manifest = read_object(path, AGAIN)
    if manifest.get("format") != FORMAT:
        raise ValueError(f"{path}: is not the manifest of a store (no format {FORMAT!r}).")
    if (version := manifest.get("version")) not in range(OLDEST, VERSION + 1) or version is True:
        raise ValueError(
            f"{path}: store version {shown_json(version)}, but this lst reads versions {OLDEST} to "
            f"{VERSION}. Update lst, or run `lst prepare` again."
        )
    source = manifest.get("source")
    if isinstance(source, dict) and isinstance(source.get(MADE_UP), str):
        raise ValueError(f"{path}: imported by an older lst. Run `lst import-data` again.")
    convert(manifest, Manifest, str(path), AGAIN)
    return {**NEW_KEYS, **manifest}


def file_checksum(path: Path) -> str:
    """CRC-32 of a file that fits in memory: tells damage, and costs nothing beside reading it."""
    return f"{zlib.crc32(path.read_bytes()):08x}"
