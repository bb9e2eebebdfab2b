"""Read NW-UCLA (Northwestern-UCLA Multiview Action 3D) as it is distributed: one JSON file per clip.

Format: data.md 2.1. A clip is {"file_name", "skeletons": T x 20 x 3, "label": 1..10} in a file called
aAA_sSS_eEE_vVV.json (action, subject, episode, view); metres, Kinect v1 camera, y up. The joints keep their
values; only the float64 of the JSON becomes float32. Letters: M persons (1), T frames, V joints, C channels.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from lst.data.store.clip_store import Problem, StoredClip
from lst.data.store.raw_files import RawFile, RawFiles
from lst.facts.benchmarks import Benchmark, get_benchmark
from lst.facts.clip_ids import parse_ucla_id
from lst.facts.shown import shown, shown_value

OFFICIAL_SHA256 = "ec3f34585796121579c7e5c02f6e4a2f6d74cbff4fdfa48888526dd0f0f07b6d"
"""`checksum` of the 1,484 files of the distributed archive (data.md 2.1)."""

_EXPECTED = (
    "expected the folder `all_sqe` or `all_sqe.zip` with 1,484 files such as a01_s01_e00_v01.json "
    "(folders inside are fine)"
)
_AGAIN = "extract or download the file again"


def read_nw_ucla(raw: RawFiles, problems: list[Problem]) -> Iterator[StoredClip]:
    """Clips in clip id order, one at a time. A file that cannot be used adds to `problems` instead.

    Raises:
        ValueError: there is no usable file at all.
    """
    benchmark = get_benchmark("nw-ucla")
    used: dict[str, str] = {}
    for file in raw.files:
        try:
            if file.stem in used:
                raise ValueError(
                    f"clip {file.stem} was already read from {shown(used[file.stem])}; keep one of the two"
                )
            clip = read_clip(file.stem, file.read(), benchmark)
        except json.JSONDecodeError as error:
            text = f"broken JSON: {error.msg} (column {error.colno}); {_AGAIN}"
            problems.append(Problem(file.name, error.lineno, text))
        except ValueError as error:
            problems.append(Problem(file.name, None, str(error)))
        else:
            used[file.stem] = file.name
            yield clip
    if not used:
        raise ValueError(_nothing_usable(raw, problems))


def is_clip_id(name: str) -> bool:
    """Whether it names a clip of the data set."""
    try:
        return get_benchmark("nw-ucla").rule(name) is not None
    except ValueError:
        return False


def read_clip(clip_id: str, content: bytes, benchmark: Benchmark) -> StoredClip:
    """One file -> one clip.

    Raises:
        json.JSONDecodeError: the file is not JSON.
        ValueError: it is JSON, but not a clip of NW-UCLA, or contradicts its name.
    """
    numbers = parse_ucla_id(clip_id)
    label = benchmark.label_of(clip_id)
    if benchmark.rule(clip_id) is None:
        raise ValueError(f"clip {clip_id!r}: view {numbers.view} is unknown; expected 1, 2 or 3")
    data = _load(content)
    _check_agrees(data, clip_id, label)
    joints_TVC = _joints(data["skeletons"], benchmark.skeleton.num_joints)
    return StoredClip(clip_id, label, joints_TVC[None], numbers._asdict())


def checksum(files: tuple[RawFile, ...]) -> str:
    """SHA-256 over the lines `<SHA-256 of the file>  all_sqe/<name>`, sorted by name (data.md 2.1).

    A file that cannot be read counts as empty; it turns up among the problems when it is read as a clip.
    """
    lines = sorted((file.base, hashlib.sha256(_content(file)).hexdigest()) for file in files)
    text = "".join(f"{digest}  all_sqe/{name}\n" for name, digest in lines)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _content(file: RawFile) -> bytes:
    try:
        return file.read()
    except ValueError:
        return b""


def _load(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not text ({error.reason} at byte {error.start}); {_AGAIN}") from error
    except RecursionError:
        raise ValueError("brackets are nested too deep for a clip") from None
    if not isinstance(data, dict):
        raise ValueError(f"expected a JSON object with skeletons and label, got a {type(data).__name__}")
    if missing := [key for key in ("skeletons", "label") if key not in data]:
        raise ValueError(
            f"lacks {' and '.join(missing)}; it has the keys {shown(', '.join(data)) or '(none)'}"
        )
    return data


def _check_agrees(data: dict[str, Any], clip_id: str, label: int) -> None:
    if data.get("file_name", clip_id) != clip_id:
        raise ValueError(f"the file says it is {shown_value(data['file_name'])}; rename it, or {_AGAIN}")
    # `True == 1` in Python, but it is no label.
    if isinstance(data["label"], bool) or data["label"] != label + 1:
        raise ValueError(
            f"label {shown_value(data['label'])} disagrees with the name: action {clip_id[1:3]} has label "
            f"{label + 1}; {_AGAIN}"
        )


def _joints(skeletons: Any, num_joints: int) -> np.ndarray:
    """JSON lists -> float32 (T, V, C)."""
    _check_lists(skeletons, num_joints)
    try:
        joints_TVC = np.asarray(skeletons)
    except ValueError:
        raise ValueError("a coordinate is a list; expected a number") from None
    if joints_TVC.ndim != 3 or joints_TVC.dtype.kind not in "fiu":
        raise ValueError("a coordinate is not a number (a text, true, null or too large)")
    with np.errstate(over="ignore"):  # what overflows is not finite and found by the next line
        joints_TVC = joints_TVC.astype(np.float32)
    if (bad := np.argwhere(~np.isfinite(joints_TVC))).size:
        frame, joint, axis = bad[0]
        raise ValueError(
            f"{len(bad)} coordinates are NaN or infinite, the first at frame {frame}, joint {joint}, "
            f"{'xyz'[axis]}"
        )
    return joints_TVC


def _check_lists(skeletons: Any, num_joints: int) -> None:
    if not isinstance(skeletons, list) or not skeletons:
        raise ValueError("no frame: expected `skeletons` to be a list of at least one frame")
    for t, frame in enumerate(skeletons):
        if not isinstance(frame, list) or len(frame) != num_joints:
            raise ValueError(f"frame {t}: expected {num_joints} joints, got {_size(frame)}")
        for v, joint in enumerate(frame):
            if not isinstance(joint, list) or len(joint) != 3:
                raise ValueError(f"frame {t}, joint {v}: expected 3 coordinates, got {_size(joint)}")
            if bool in map(type, joint):  # NumPy would take true for 1 and false for 0
                axis, value = next((a, x) for a, x in zip("xyz", joint, strict=True) if type(x) is bool)
                raise ValueError(f"frame {t}, joint {v}, {axis}: is {str(value).lower()}, no number")


def _size(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else shown_value(value)


def _nothing_usable(raw: RawFiles, problems: list[Problem]) -> str:
    found = f"{raw.path}: no usable NW-UCLA clip among {len(raw.files)} JSON files"
    others = f" ({len(raw.ignored)} other files)" if raw.ignored else ""
    first = f" The first problem: {shown(problems[0].file)}: {problems[0].problem}." if problems else ""
    zips = [name for name in raw.ignored if name.lower().endswith(".zip")]
    hint = f" Perhaps you meant {raw.path}/{shown(zips[0])}." if zips else ""
    return f"{found}{others}; {_EXPECTED}.{first}{hint}"
