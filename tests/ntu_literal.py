"""data.md 1.3 to 1.5 (steps A and B, centring of C) sentence by sentence: the oracle of `ntu_persons`.

Slow and literal on purpose; written from the text alone and without the code under test.
"""

from typing import Any

import numpy as np


def literal_clip(frames: list[list[tuple[str, np.ndarray]]]) -> np.ndarray | str:
    """Frames of (body id, joints (25, 3)) -> float32 (T, 75 or 150), or the kind of error."""
    valid = -1
    bodies: dict[str, dict[str, Any]] = {}
    for frame in frames:
        if not frame:
            continue  # dropped, time closes up
        valid += 1
        for body_id, joints in frame:
            row = np.asarray(joints, dtype=np.float32).reshape(1, 75)
            if body_id not in bodies:
                bodies[body_id] = {"interval": [valid], "data": row}
            else:
                bodies[body_id]["interval"].append(bodies[body_id]["interval"][-1] + 1)
                bodies[body_id]["data"] = np.concatenate([bodies[body_id]["data"], row])
    length = valid + 1
    if not bodies:
        return "no body"
    if len(bodies) == 1:
        return _centre(_single(*bodies.values(), length))
    for body in bodies.values():
        body["motion"] = np.var(body["data"].reshape(-1, 3), axis=0).sum()
    for body_id in list(bodies):
        if len(bodies[body_id]["interval"]) <= 11:
            del bodies[body_id]
    if not bodies:
        return "shorter than 12 frames"
    if len(bodies) > 1:
        _spread(bodies)
    ordered = sorted(bodies.values(), key=lambda body: -body["motion"])
    x = _single(ordered[0], length) if len(ordered) == 1 else _two(ordered, length)
    return _centre(np.asarray([row for row in x if row.sum() != 0], dtype=np.float32).reshape(-1, x.shape[1]))


def _spread(bodies: dict[str, dict[str, Any]]) -> None:
    for body_id in list(bodies):
        if len(bodies) == 1:
            break
        good = []
        for row in bodies[body_id]["data"]:
            x, y = row[0::3], row[1::3]
            good.append(x.max() - x.min() <= np.float32(0.8) * (y.max() - y.min()))
        bad = good.count(False)
        if bad == 0:
            continue
        if bad / len(good) >= 0.69754:
            del bodies[body_id]
        else:
            kept = bodies[body_id]["data"][np.flatnonzero(good)]
            motion = np.var(kept.reshape(-1, 3), axis=0).sum()
            bodies[body_id]["motion"] = min(bodies[body_id]["motion"], motion)


def _single(body: dict[str, Any], length: int) -> np.ndarray:
    x = np.zeros((length, 75), dtype=np.float32)
    for t, row in zip(body["interval"], body["data"], strict=True):
        x[t] = row
    return x


def _two(ordered: list[dict[str, Any]], length: int) -> np.ndarray:
    x = np.zeros((length, 150), dtype=np.float32)
    s1, e1 = ordered[0]["interval"][0], ordered[0]["interval"][-1]
    x[s1 : e1 + 1, :75] = ordered[0]["data"]
    s2, e2 = 0, 0
    for body in ordered[1:]:
        s, e = body["interval"][0], body["interval"][-1]
        if min(e1, e) - max(s1, s) <= 0:
            x[s : e + 1, :75] = body["data"]
            s1, e1 = min(s1, s), max(e1, e)
        elif min(e2, e) - max(s2, s) <= 0:
            x[s : e + 1, 75:] = body["data"]
            s2, e2 = min(s2, s), max(e2, e)
    return x


def _centre(x: np.ndarray) -> np.ndarray | str:
    present = [t for t, row in enumerate(x) if (row[:75] != 0).any()]
    if not present:
        return "first person"
    origin = x[present[0], 3:6].copy()
    out = x.copy()
    for t, row in enumerate(x):
        out[t] = row - np.tile(origin, len(row) // 3)
        for columns in (slice(0, 75), slice(75, 150)):
            if len(row) == 150 and row[columns].sum() == 0:
                out[t, columns] = 0
    return out
