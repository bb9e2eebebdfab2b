"""The clips of NTU RGB+D whose skeletons are missing or incomplete, as its authors publish them.

302 of NTU RGB+D and 233 more of NTU RGB+D 120 (data.md 1.2). All results leave them out, also where a file of
that name exists: without them the counts of the benchmarks are what they should be.
"""

from functools import cache
from importlib.resources import files


@cache
def ntu_missing_skeletons() -> frozenset[str]:
    """The 535 clip ids of both data sets."""
    text = files("lst").joinpath("assets", "ntu_missing_skeletons.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
