"""`.skeleton` files of NTU RGB+D as own data: all bodies with their ids, nothing cleaned."""

import numpy as np

from lst.data.ntu.raw import RawFileError, read_bodies
from lst.data.own.options import ReadOptions
from lst.data.own.persons import Detections, tracks_of
from lst.data.own.recording import ReadError, Recording
from lst.data.own.source import Source
from lst.facts.layouts.kinect_v2 import KINECT_V2_25


def read_ntu(source: Source, options: ReadOptions) -> list[Recording]:
    """One recording. Raises a ReadError as `lst.data.ntu.raw.read_bodies` finds it."""
    try:
        bodies = read_bodies(source.content)
    except RawFileError as error:
        raise ReadError(str(error), error.line) from None
    ids: dict[bytes, int] = {}
    persons_D = np.array([ids.setdefault(body, len(ids)) for body in bodies.ids], dtype=np.int64)
    frames_D = np.repeat(np.arange(len(bodies.bodies_T)), bodies.bodies_T)
    tracks = tracks_of(Detections(frames_D, persons_D, bodies.joints_BVC.astype(np.float64)))
    return [
        Recording(
            name=source.clip,
            joints_MTVC=tracks.joints_MTVC,
            layout=KINECT_V2_25.name,
            numbers_T=tracks.numbers_T,
            unit="m",
            up="y",
            fps=30.0,
            remarks=tracks.remarks,
        )
    ]
