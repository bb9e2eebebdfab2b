"""Every file of ours that holds JSON is read here: bounded, decoded, checked against a declared type.

A file's type is a `msgspec.Struct` (or frozen dataclass) beside its reader: one line per field, numbers with
their range, `msgspec.UNSET` for what older files lack. Fields that are not declared are let through: newer
versions of lst may write more. `forbid_unknown_fields=True` where a field more would change what is computed.

Whatever is wrong becomes one ValueError in one line: file, place in it (`$.config.optim.lr`), expected, got,
what to do next.
"""

import json
import logging
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from lst.facts.shown import shown_json
from lst.files.whole import write_json

Count = Annotated[int, Meta(ge=0, le=10**9)]
"""How many of something: no real file comes near the end of the range."""
Share = Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(max_length=100_000)]
Name = Annotated[str, Meta(min_length=1, max_length=1000)]

MAX_BYTES = 256 << 20
"""Largest JSON or CSV file that is read. The largest real one, a list of 114,480 clips, takes 10 MB."""
MAX_DEPTH = 32
"""Deepest nesting of brackets that is read. Ours have 6 levels at most."""
_MAX_WHOLE = 2**63 - 1
_CRC = "crc32"

_TOLD: set[tuple[str, str]] = set()
"""Files of which it was told that they were changed: once is enough for a command that reads them often."""

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


def read_json(path: Path, kind: type[_T], again: str) -> _T:
    """The content of a file as a value of the type `kind`. `again`: a sentence on what to do if it is wrong.

    Raises:
        FileNotFoundError, ValueError: there is no such file; it is no JSON or not of this type.
    """
    return convert(read_values(path, again), kind, str(path), again)


def read_object(path: Path, again: str) -> dict[str, Any]:
    """The content of a file that is a JSON object, not yet checked against a type. Warns if it was changed
    since lst wrote it (see `write_sealed`)."""
    values = read_values(path, again)
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object, got {shown_json(values)}. {again}")
    return unsealed(values, str(path))


def read_values(path: Path, again: str) -> Any:
    """The content of a JSON file as plain data: bounded, finite, but of any type."""
    return decode(read_bytes(path), str(path), again)


def read_bytes(path: Path) -> bytes:
    """A whole file of a size that a file of ours may have."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ValueError(f"{path}: {size:,} bytes; expected at most {MAX_BYTES:,}. It is no file of lst.")
    return path.read_bytes()


def decode(content: bytes | str, where: str, again: str) -> Any:
    """JSON as plain data. A byte-order mark in front, which Windows editors write, is left out.

    Raises:
        ValueError: broken JSON (with line and column), text that is not UTF-8, NaN or infinity, brackets
            nested too deep, a whole number of more than 64 bits.
    """
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{where}: byte {error.start} is not UTF-8 text. {again}") from None
    try:
        values = msgspec.json.decode(content)
    except RecursionError:
        raise ValueError(f"{where}: brackets are nested more than {MAX_DEPTH} deep. {again}") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        values = _second_look(content, error, where, again)
    for place in _unbounded(values, "$", 0):
        raise ValueError(f"{where}: {place}. {again}")
    return values


def convert(values: Any, kind: type[_T], where: str, again: str, root: str = "$") -> _T:
    """Plain data -> a value of the type `kind`. `root` is their place in the file.

    Raises:
        ValueError: they are not of this type, or the type's own checks refuse them.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        text, _, found = str(error).partition(" - at `$")
        place = found.removesuffix("`")
        got = f", got {_value_at(values, place)}" if text.startswith("Expected") else ""
        expected = re.sub(r", got `\w+`$", "", text).replace("`", "")
        text = f"{expected[:1].lower()}{expected[1:]}"
        text = text.replace("object missing required field", "lacks")
        at = f"at {root}{place}: " if place or root != "$" else ""
        raise ValueError(f"{where}: {at}{text}{got}. {again}") from error


def write_sealed(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON with a checksum of its content, so that a reader can tell damage and edits by hand."""
    write_json(path, sealed(values))


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values and their checksum."""
    plain = {key: value for key, value in values.items() if key != _CRC}
    return {**plain, _CRC: _checksum(plain)}


def unsealed(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values without their checksum; warns if it is not theirs. Files of older versions have none."""
    plain = {key: value for key, value in values.items() if key != _CRC}
    if _CRC in values and not is_sealed(values) and (place := (where, values[_CRC].__repr__())) not in _TOLD:
        _TOLD.add(place)
        logger.warning(
            "%s: was changed after lst wrote it, or is damaged (its crc32 does not match). What it says is "
            "used as it stands.",
            where,
        )
    return plain


def is_sealed(values: Mapping[str, Any]) -> bool:
    """Whether the values carry a checksum, and it is theirs."""
    plain = {key: value for key, value in values.items() if key != _CRC}
    return values.get(_CRC) == _checksum(plain)


def _checksum(values: Mapping[str, Any]) -> str:
    """Of the content, so that white space and the order of keys make no difference."""
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    return f"{zlib.crc32(text.encode()):08x}"


def _second_look(content: str, error: Exception, where: str, again: str) -> Any:
    """The place and reason of an error; the standard library counts lines and columns.

    It also takes names that are not Unicode, as file names may be: half characters become question marks.
    """
    try:
        values = json.loads(content, parse_constant=_refuse)
        plain = json.dumps(values, ensure_ascii=False).encode(errors="replace")
        return msgspec.json.decode(plain)
    except json.JSONDecodeError as found:
        raise ValueError(
            f"{where}:{found.lineno}:{found.colno}: broken JSON ({found.msg}). {again}"
        ) from None
    except (ValueError, RecursionError, msgspec.MsgspecError) as found:
        told = found if isinstance(found, _NoNumber) else error
        reason = str(told).splitlines()[0].replace("`", "")
        raise ValueError(f"{where}: broken JSON ({reason}). {again}") from None


class _NoNumber(ValueError):
    pass


def _refuse(constant: str) -> Any:
    raise _NoNumber(f"{constant} is not a number in JSON")


def _unbounded(value: Any, place: str, depth: int) -> Iterator[str]:
    """What no file of ours holds."""
    if isinstance(value, int) and not -_MAX_WHOLE <= value <= _MAX_WHOLE:
        yield f"at {place}: a whole number of more than 64 bits"
    if not isinstance(value, dict | list) or not value:
        return
    if depth == MAX_DEPTH:
        yield f"at {place[:200]}: brackets are nested more than {MAX_DEPTH} deep"
        return
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in inside:
        if isinstance(entry, dict | list | int):
            here = f".{shown_key(key)}" if isinstance(key, str) else f"[{key}]"
            yield from _unbounded(entry, place + here, depth + 1)


def shown_key(key: str) -> str:
    """A key in a place such as $.config.optim."""
    return key if key.isidentifier() and len(key) <= 60 else shown_json(key)


def _value_at(values: Any, place: str) -> str:
    """The value at a place such as .config.steps[2].name, for a message."""
    for name, number in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", place):
        try:
            values = values[name] if name else values[int(number)]
        except (KeyError, IndexError, TypeError, ValueError):
            return "something else"
    return shown_json(values)
