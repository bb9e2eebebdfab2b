"""For the tests of NTU RGB+D: write `.skeleton` files, and read them the plain way (no recording is used)."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Frame = Sequence[tuple[str, np.ndarray]]
"""The bodies of a frame: tracking id, joints (25, 3)."""


def make_skeleton_file(
    frames: Sequence[Frame], *, newline: str = "\n", digits: int = 7, promised: int | None = None
) -> bytes:
    """The text of a file with these bodies; fields that nobody uses get fixed numbers."""
    lines = [str(len(frames) if promised is None else promised)]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body_id, joints_VC in bodies:
            lines += [f"{body_id} 0 1 1 0 0 0 0.0391 -0.2461 2", str(len(joints_VC))]
            lines += [joint_line([f"{value:.{digits}g}" for value in joint]) for joint in joints_VC]
    return (newline.join(lines) + newline).encode()


def joint_line(position: Sequence[str]) -> str:
    return (
        f"{' '.join(position)} 262.789 141.0382 979.7177 333.9193 0.5523734 -0.1267521 -0.6686524 -0.48137 2"
    )


def pose(seed: int, *, width: float = 0.4, centre: Sequence[float] = (0.2, 0.1, 3.1)) -> np.ndarray:
    """float32 joints (25, 3) of a standing person; a width above 1.36 (0.8 of 1.7) is too wide for one."""
    rng = np.random.default_rng(seed)
    joints_VC = rng.uniform(-0.5, 0.5, size=(25, 3)) * [width, 1.7, 0.3]
    joints_VC[:2] = [[-width / 2, -0.85, 0.0], [width / 2, 0.85, 0.01]]  # its full size
    return (joints_VC + np.asarray(centre)).astype(np.float32)


def moving(
    seed: int, num_frames: int, *, amount: float = 0.05, width: float = 0.4, x: float = 0.2
) -> np.ndarray:
    """float32 joints (T, 25, 3); a larger `amount` moves more."""
    shift_TC = np.random.default_rng(seed).normal(0, amount, size=(num_frames, 1, 3))
    return pose(seed, width=width, centre=(x, 0.1, 3.1)) + shift_TC.astype(np.float32)


def frames_of(num_frames: int, bodies: Mapping[str, tuple[Sequence[int], np.ndarray]]) -> list[Frame]:
    """Frames from body id -> (the frames it is seen in, its joints there)."""
    frames: list[list[tuple[str, np.ndarray]]] = [[] for _ in range(num_frames)]
    for body_id, (seen, joints_TVC) in bodies.items():
        for frame, joints_VC in zip(seen, joints_TVC, strict=True):
            frames[frame].append((body_id, joints_VC))
    return list(frames)


@dataclass
class PlainBodies:
    """What `plain_read` finds."""

    bodies: list[int]
    ids: list[bytes]
    joints: list[list[list[np.float32]]]
    extra_lines: int


def plain_read(content: bytes) -> PlainBodies:
    """Line by line, one number at a time: the oracle of the reader in `lst`, and its rival in speed.

    Raises:
        ValueError: not a `.skeleton` file.
    """
    lines = iter(content.rstrip().splitlines())
    found = PlainBodies([], [], [], 0)
    for _ in range(_whole(lines)):
        found.bodies.append(_whole(lines))
        ids = []
        for _ in range(found.bodies[-1]):
            ids.append(_fields(lines, 10)[0])
            if not ids[-1].isdigit():
                raise ValueError("body id is no whole number")
            if _whole(lines) != 25:
                raise ValueError("not 25 joints")
            found.joints.append([_plain_joint(_fields(lines, 12)) for _ in range(25)])
        if len(set(ids)) < len(ids):
            raise ValueError("repeated body id")
        found.ids += ids
    found.extra_lines = sum(1 for _ in lines)
    return found


def _plain_joint(fields: list[bytes]) -> list[np.float32]:
    for field in fields[5:7]:
        if field.strip(b"0123456789.+-eE"):
            _number(field)
    with np.errstate(over="ignore"):
        return [np.float32(_number(field)) for field in fields[:3]]


def _number(field: bytes) -> float:
    if b"_" in field:
        raise ValueError("no number")
    return float(field)


def _fields(lines: Iterator[bytes], count: int) -> list[bytes]:
    fields = next(lines, b"").split()
    if len(fields) != count:
        raise ValueError(f"not {count} fields")
    return fields


def _whole(lines: Iterator[bytes]) -> int:
    text = next(lines, b"").strip()
    if not text.isdigit():
        raise ValueError("no whole number")
    return int(text)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The file with a few accidents: bytes changed, lines dropped, doubled or swapped, the end cut off."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(_ACCIDENTS)(content, rng)
    return content


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"0")
    for _ in range(rng.choice([1, 1, 10])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _put(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    words = [
        b" ",
        b"\n",
        b"\r\n",
        b"-",
        b".",
        b"nan",
        b"-1.#IND",
        b"e",
        b"1e39",
        b"\t",
        b"\0",
        b"_",
        b"9" * 40,
    ]
    return content[:at] + rng.choice(words) + content[at + rng.choice([0, 1, 5]) :]


def _line(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    size = rng.choice([1, 1, 27, 28])
    lines[at : at + size] = lines[at : at + size] * rng.choice([0, 0, 2])
    return b"\n".join(lines)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _header(content: bytes, rng: random.Random) -> bytes:
    """Another number in a line that has only one."""
    lines = content.split(b"\n")
    counts = [i for i, line in enumerate(lines) if line.isdigit()] or [0]
    lines[rng.choice(counts)] = rng.choice([b"0", b"1", b"2", b"24", b"26", b"99", b"-1", b"1.0", b""])
    return b"\n".join(lines)


def _digit(content: bytes, rng: random.Random) -> bytes:
    """Some digits become others, which may be anything from a new coordinate to a new structure."""
    changed = bytearray(content)
    for at in rng.sample(range(len(content)), min(len(content), rng.choice([3, 30]))):
        if changed[at : at + 1].isdigit():
            changed[at] = rng.choice(b"0123456789")
    return bytes(changed)


_ACCIDENTS = (_flip, _put, _line, _cut, _header, _digit, _digit, _digit)
