"""Seeded accidents: of JSON values, of CSV cells, of bytes."""

import json
import random
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3.5, 1e308, 10**12, 2**70, -(10**30), "", "x", "nan", "\x1b[31mred\n"),
    *("9" * 5000, [], {}, [None], {"a": 1}, [[1]], "../../etc/passwd", float("inf"), float("nan"), "\ud800"),
)
CELLS = ("", "-1", "0", "1", "1.0", "nan", "9" * 30, "x", "\x00", '"', "1_0", " 1", "\u0663", "a,b")


def bytes_of(content: bytes, rng: random.Random) -> bytes:
    """A bit flipped, bytes put in, left out, doubled or overwritten, the end cut off, or nothing left."""
    changed = bytearray(content or b"0")
    at, size = rng.randrange(len(changed)), rng.choice([1, 1, 2, 8, 100])
    match rng.randrange(7):
        case 0 | 1:
            changed[at] ^= 1 << rng.randrange(8)
        case 2:
            changed[at:at] = rng.randbytes(size)
        case 3:
            del changed[at : at + size]
        case 4:
            changed[at : at + size] = bytes(len(changed[at : at + size]))
        case 5:
            changed = changed[:at]
        case _:
            changed[at:at] = changed[at : at + size]
    return bytes(changed)


def json_of(content: bytes, rng: random.Random) -> bytes:
    """One value of a JSON file replaced, left out, added or nested deep; or an accident of bytes."""
    if rng.random() < 0.3:
        return bytes_of(content, rng)
    values = json.loads(content)
    places = list(_places(values))
    parent, key = rng.choice(places)
    match rng.randrange(5):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[f"new_{rng.randrange(9)}"] = rng.choice(ODD)
        case 2 if rng.random() < 0.1:
            parent[key] = "DEEP"
            depth = rng.choice([40, 500, 100_000])
            return json.dumps(values).replace('"DEEP"', "[" * depth + "]" * depth).encode()
        case 3 if isinstance(parent[key], int | float) and not isinstance(parent[key], bool):
            parent[key] += rng.choice([1, -1, 0.5, 1000])
        case _:
            parent[key] = rng.choice(ODD)
    return json.dumps(values).encode()


def _places(values: Any) -> Any:
    inside = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(inside):
        yield values, key
        if isinstance(value, dict | list):
            yield from _places(value)


def lines_of(content: bytes, rng: random.Random) -> bytes:
    """One line of a file of JSON lines changed."""
    if rng.random() < 0.3:
        return bytes_of(content, rng)
    lines = content.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json_of(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def csv_of(content: bytes, rng: random.Random) -> bytes:
    """A cell changed, a row left out or doubled; or an accident of bytes."""
    if rng.random() < 0.4:
        return bytes_of(content, rng)
    rows = [line.split(",") for line in content.decode().splitlines()]
    row = rng.choice(rows)
    match rng.randrange(4):
        case 0:
            rows.remove(row)
        case 1:
            rows.append(row)
        case _:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
    return "\n".join(",".join(row) for row in rows).encode() + b"\n"


def safetensors_of(content: bytes, rng: random.Random) -> bytes:
    """The header changed as JSON, or bytes anywhere."""
    if rng.random() < 0.5:
        return bytes_of(content, rng)
    size = int.from_bytes(content[:8], "little")
    header = json_of(content[8 : 8 + size], rng)
    return len(header).to_bytes(8, "little") + header + content[8 + size :]
