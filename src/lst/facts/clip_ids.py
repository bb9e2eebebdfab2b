"""The numbers in a clip id. All of them count as in the file names: from 1, NW-UCLA's episodes from 0."""

import re
from functools import lru_cache
from typing import NamedTuple

from lst.facts.shown import shown


class NtuId(NamedTuple):
    """NTU RGB+D, `SsssCcccPpppRrrrAaaa` (data.md 1.1)."""

    setup: int
    camera: int
    subject: int
    replication: int
    action: int


class UclaId(NamedTuple):
    """NW-UCLA, `aAA_sSS_eEE_vVV` (data.md 2.1); the synthetic clips have the same form."""

    action: int
    subject: int
    episode: int
    view: int


_NTU = re.compile("S([0-9]{3})C([0-9]{3})P([0-9]{3})R([0-9]{3})A([0-9]{3})")
_NTU_FILE = re.compile(f"({_NTU.pattern.replace('(', '(?:')})(?:[._][A-Za-z0-9_.]*)?")
_UCLA = re.compile("a([0-9]{2})_s([0-9]{2})_e([0-9]{2})_v([0-9]{2})")


@lru_cache(maxsize=1024)  # label, split and attributes of a clip are asked for one after the other
def parse_ntu_id(clip_id: str) -> NtuId:
    """`S001C002P003R001A060` -> (1, 2, 3, 1, 60).

    Raises:
        ValueError: another form.
    """
    return NtuId(*_numbers(_NTU, clip_id, "SsssCcccPpppRrrrAaaa", "S001C002P003R001A060"))


def ntu_id_in(name: str) -> str:
    """The clip id in the name of a file of that clip, in whatever folder and under whatever ending.

    `data/S001C002P003R001A060_rgb.avi` and `S001C002P003R001A060.skeleton` -> `S001C002P003R001A060`. A name
    that is of another form comes back as it is.
    """
    found = _NTU_FILE.fullmatch(re.split(r"[/\\]", name)[-1])
    return found[1] if found else name


def ntu_clip_id(numbers: NtuId) -> str:
    """(1, 2, 3, 1, 60) -> `S001C002P003R001A060`."""
    return "S{:03d}C{:03d}P{:03d}R{:03d}A{:03d}".format(*numbers)


@lru_cache(maxsize=1024)
def parse_ucla_id(clip_id: str) -> UclaId:
    """`a01_s02_e03_v01` -> (1, 2, 3, 1).

    Raises:
        ValueError: another form.
    """
    return UclaId(*_numbers(_UCLA, clip_id, "aAA_sSS_eEE_vVV", "a01_s02_e03_v01"))


def _numbers(pattern: re.Pattern[str], clip_id: str, form: str, example: str) -> list[int]:
    match = pattern.fullmatch(clip_id)
    if match is None:
        raise ValueError(
            f"clip id '{shown(clip_id)}': expected the form {form}, for example {example}; "
            "it is the file's name without folder and ending"
        )
    return [int(digits) for digits in match.groups()]
