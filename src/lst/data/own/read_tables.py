"""Tables: long ones with a row per joint, wide ones with a row per frame and person.

Long: `clip,frame,person,joint,x,y[,z][,score]`; clip and person may be absent.
Wide: `x0,y0,c0,x1,...` in the order of a layout, or `<joint>_x,<joint>_y[,<joint>_z][,<joint>_score]`;
columns frame, person, clip, time and label may be there too. Letters as in `recording`.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from lst.data.own.numbers import LARGEST, check_joints, mean_step, whole_of
from lst.data.own.options import ReadOptions
from lst.data.own.persons import Detections, tracks_of
from lst.data.own.recording import Hints, ReadError, Recording
from lst.data.own.source import Source
from lst.data.own.tables import Table, read_csv_table
from lst.facts.layouts.mediapipe import MEDIAPIPE_33

_AXES = {"x": 0, "y": 1, "z": 2}
SCORE_WORDS = ("score", "c", "conf", "confidence", "visibility", "likelihood", "s", "v", "p")
_SCORE = 3
_KIND = "|".join([*_AXES, *SCORE_WORDS])
_NUMBERED = re.compile(rf"({_KIND})[_ .]?(\d+)", re.IGNORECASE)
_NAMED = re.compile(rf"(.+?)[_ .\-:]({_KIND})", re.IGNORECASE)
_ROLES = {
    "clip": ("clip", "clip_id", "video", "video_id", "file", "filename", "sequence", "recording"),
    "frame": ("frame", "frame_id", "frame_number", "frame_index", "frame_num", "image_id"),
    "person": ("person", "person_id", "track_id", "body_id", "body", "subject_id", "id"),
    "joint": ("joint", "landmark", "keypoint", "joint_name", "landmark_id", "joint_id"),
    "label": ("label", "class", "action", "activity"),
    "time": ("time", "time (s)", "time_s", "seconds", "timestamp_s"),
    "time_ms": ("time (ms)", "time_ms", "timestamp_ms", "milliseconds"),
}


def read_csv(source: Source, options: ReadOptions) -> list[Recording]:
    """A recording for every value of the column clip, else one.

    Raises:
        ReadError: the columns are not those of joints, or a cell is no number (with its line).
    """
    return recordings_of(read_csv_table(source), source, options)


def recordings_of(table: Table, source: Source, options: ReadOptions) -> list[Recording]:
    """As `read_csv`, from a table."""
    roles = _roles(table.header)
    lower = [name.lower() for name in table.header]
    if "joint" in roles and "x" in lower and "y" in lower:
        return _by_clip(table, roles, source, lambda rows: _long(table, roles, lower, rows))
    joints, columns = _wide_columns(table, options)
    values = table.floats([c for c in columns.ravel() if c >= 0])
    full = np.full((len(table.rows), columns.size), np.nan)
    full[:, columns.ravel() >= 0] = values
    cells_DVC = full.reshape(-1, *columns.shape)
    channels = 3 if (columns[:, 2] >= 0).any() else 2
    has_scores = bool((columns[:, _SCORE] >= 0).any())
    names, layout = _names_of(joints)
    unused = [name for c, name in enumerate(table.header) if c not in columns and c not in roles.values()]

    def make(rows: np.ndarray) -> _Part:
        scores_DV = cells_DVC[rows, :, _SCORE] if has_scores else None
        remarks = Counter({f"unused columns ({', '.join(unused[:3])})": len(unused)}) if unused else Counter()
        return _Part(rows, cells_DVC[rows, :, :channels], scores_DV, names, layout, remarks)

    return _by_clip(table, roles, source, make)


class _Part:
    """The detections of one clip: for each the first of its rows, joints, scores, names of the joints."""

    def __init__(
        self,
        rows: np.ndarray,
        joints_DVC: np.ndarray,
        scores_DV: np.ndarray | None,
        names: tuple[str, ...],
        layout: str,
        remarks: Counter[str],
    ) -> None:
        self.rows, self.joints_DVC, self.scores_DV = rows, joints_DVC, scores_DV
        self.names, self.layout, self.remarks = names, layout, remarks


def _by_clip(
    table: Table, roles: dict[str, int], source: Source, make: Callable[[np.ndarray], _Part]
) -> list[Recording]:
    clips = table.texts(roles["clip"]) if "clip" in roles else [""] * len(table.rows)
    rows_of: dict[str, list[int]] = {}
    for row, clip in enumerate(clips):
        rows_of.setdefault(clip, []).append(row)
    return [
        _recording(table, roles, clip or source.clip, make(np.array(rows))) for clip, rows in rows_of.items()
    ]


def _recording(table: Table, roles: dict[str, int], name: str, part: _Part) -> Recording:
    joints_DVC, scores_DV = part.joints_DVC, part.scores_DV
    if scores_DV is not None:
        joints_DVC[(joints_DVC == 0).all(axis=-1) & ~(scores_DV > 0)] = np.nan
    joints_DVC[np.isnan(joints_DVC).any(axis=-1)] = np.nan  # half a joint is no joint
    frames_D = np.array([_frame(table, roles, row, d) for d, row in enumerate(part.rows)], dtype=np.int64)
    if "person" in roles:
        ids: dict[str, int] = {}
        words = [table.rows[row][roles["person"]].strip() for row in part.rows]
        persons_D = np.array([ids.setdefault(word, len(ids)) for word in words], dtype=np.int64)
    else:
        persons_D = np.zeros(len(part.rows), dtype=np.int64)
    tracks = tracks_of(Detections(frames_D, persons_D, joints_DVC, scores_DV))
    labels = {table.rows[row][roles["label"]].strip() for row in part.rows} if "label" in roles else set()
    return Recording(
        name=name,
        joints_MTVC=tracks.joints_MTVC,
        joint_names=part.names,
        layout=part.layout,
        scores_MTV=tracks.scores_MTV,
        numbers_T=tracks.numbers_T,
        fps=_fps(table, roles, part.rows),
        hints=Hints(label=labels.pop() if len(labels) == 1 else ""),
        remarks=tracks.remarks + part.remarks,
    )


def _frame(table: Table, roles: dict[str, int], row: int, otherwise: int) -> int:
    if "frame" not in roles:
        return otherwise
    return whole_of(table.rows[row][roles["frame"]].strip(), "column 'frame'", table.lines[row])


def _fps(table: Table, roles: dict[str, int], rows: np.ndarray) -> float | None:
    for role, per_second in (("time", 1.0), ("time_ms", 1000.0)):
        if role in roles:
            try:
                times = [float(table.rows[row][roles[role]]) / per_second for row in rows]
            except ValueError:
                return None
            return mean_step(times)
    return None


def _roles(header: Sequence[str]) -> dict[str, int]:
    """Which columns are no coordinates: role -> its column."""
    lower = [name.lower() for name in header]
    found = {}
    for role, names in _ROLES.items():
        column = next((lower.index(name) for name in names if name in lower), None)
        if column is not None:
            found[role] = column
    return found


def _long(table: Table, roles: dict[str, int], lower: list[str], rows: np.ndarray) -> _Part:
    """One row per joint -> detections of (frame, person)."""
    axes = [lower.index(axis) for axis in _AXES if axis in lower]
    score = next((lower.index(word) for word in SCORE_WORDS if word in lower), None)
    part = Table(
        table.header, [table.rows[r] for r in rows], [table.lines[r] for r in rows], table.decimal_comma
    )
    values = part.floats([*axes, *([] if score is None else [score])])
    words = part.texts(roles["joint"])
    joints = {word: v for v, word in enumerate(_sorted(list(dict.fromkeys(words))))}
    check_joints(len(joints), "column 'joint'")
    keys: dict[tuple[str, str], int] = {}
    first: list[int] = []
    places = np.empty((len(rows), 2), dtype=np.int64)
    for r, (row, word) in enumerate(zip(part.rows, words, strict=True)):
        key = tuple(row[roles[role]].strip() if role in roles else "" for role in ("frame", "person"))
        d = keys.setdefault((key[0], key[1]), len(keys))
        if d == len(first):
            first.append(int(rows[r]))
        places[r] = d, joints[word]
    if "frame" not in roles:
        raise ReadError("has a row per joint, but no column 'frame'", 1)
    if len(keys) * len(joints) > LARGEST * 10:
        raise ReadError(f"has {len(keys)} poses of {len(joints)} joints: too many for one recording")
    full = np.full((len(keys), len(joints), len(axes) + (score is not None)), np.nan)
    repeated = len(places) - len(np.unique(places, axis=0))
    full[places[::-1, 0], places[::-1, 1]] = values[::-1]  # the first of repeated rows stays
    names, layout = _names_of(list(joints))
    remarks = Counter({"repeated rows of a joint dropped": repeated})
    scores_DV = None if score is None else full[..., -1]
    return _Part(np.array(first), full[..., : len(axes)], scores_DV, names, layout, +remarks)


def _names_of(joints: list[str]) -> tuple[tuple[str, ...], str]:
    """(names, layout); numbers 0 to V-1 or 1 to V are no names, some of those of MediaPipe are."""
    if not all(name.isdigit() and len(name) < 5 for name in joints):
        return tuple(joints), ""
    numbers = [int(name) for name in joints]
    if numbers in (list(range(len(joints))), list(range(1, len(joints) + 1))):
        return (), ""
    if max(numbers) < MEDIAPIPE_33.num_joints and 11 in numbers and 12 in numbers:
        return tuple(MEDIAPIPE_33.joints[v] for v in numbers), MEDIAPIPE_33.name
    return tuple(joints), ""


def _sorted(joints: list[str]) -> list[str]:
    """Numbers in their order, names in that of the file."""
    return sorted(joints, key=int) if all(x.isdigit() and len(x) < 5 for x in joints) else joints


def _wide_columns(table: Table, options: ReadOptions) -> tuple[list[str], np.ndarray]:
    """Names of the joints, and (V, 4) the columns of their x, y, z and score, -1 = there is none."""
    if not table.header:
        return _columns_without_header(table, options)
    found: dict[str, dict[int, int]] = {}
    for column, name in enumerate(table.header):
        joint, kind = _joint_and_kind(name)
        if kind:
            found.setdefault(joint, {}).setdefault(_AXES.get(kind, _SCORE), column)
    found = {joint: found[joint] for joint in _sorted(list(found)) if {0, 1} <= found[joint].keys()}
    if len(found) < 2:
        first = ", ".join(table.header[:5]) + (", ..." if len(table.header) > 5 else "")
        raise ReadError(
            f"its columns {first} are not those of joints; expected clip,frame,person,joint,x,y, "
            "or x0,y0,c0,x1,..., or <joint>_x,<joint>_y,...",
            1,
        )
    check_joints(len(found), "the header")
    columns = np.full((len(found), 4), -1)
    for v, places in enumerate(found.values()):
        for kind, column in places.items():
            columns[v, kind] = column
    if 0 < (columns[:, 2] >= 0).sum() < len(columns):
        lacking = list(found)[int(np.argmin(columns[:, 2] >= 0))]
        raise ReadError(f"some joints have z and some do not, such as {lacking!r}", 1)
    return list(found), columns


def _joint_and_kind(name: str) -> tuple[str, str]:
    if numbered := _NUMBERED.fullmatch(name):
        return numbered[2], numbered[1].lower()
    if named := _NAMED.fullmatch(name):
        return named[1], named[2].lower()
    return name, ""


def _columns_without_header(table: Table, options: ReadOptions) -> tuple[list[str], np.ndarray]:
    width, count = len(table.rows[0]), options.num_joints
    if count is None or width not in (2 * count, 3 * count):
        said = (
            f"{count} joints would need {2 * count} or {3 * count}" if count else "say --layout, which tells"
        )
        raise ReadError(f"has no header, and {width} numbers in a row; {said}", 1)
    size = width // count
    columns = np.full((count, 4), -1)
    columns[:, :size] = np.arange(width).reshape(count, size)
    if size == 3 and options.layout and options.layout.dims == 2:
        columns[:, [2, _SCORE]] = columns[:, [_SCORE, 2]]
    return [str(v) for v in range(count)], columns
