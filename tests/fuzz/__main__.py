"""python -m fuzz [TRIES] [SEED]: try damaged files of every kind, print a line for each kind.

Run in tests/ (`make fuzz` does). Ends with status 1 if anything crashed, hung, was unclear or went unnoticed.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(tries: int = 10_000, seed: int = 1) -> int:
    from fuzz.samples import KINDS, make_samples
    from fuzz.tries import ENDINGS, peak_mb, shares, try_kind

    bad, started, total = 0, time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # tracebacks of faults go there, too
        sound = Path(folder) / "sound"
        make_samples(sound)
        print(f"{'kind':<22}{'tried':>7}" + "".join(f"{e:>9}" for e in ENDINGS) + "  seconds", flush=True)
        for kind in KINDS:
            begun, count = time.perf_counter(), shares(tries)[kind.name]
            tally = try_kind(kind, count, seed, sound, Path(folder))
            total += count
            cells = "".join(f"{tally.counts[ending]:>9}" for ending in ENDINGS)
            print(f"{kind.name:<22}{count:>7}{cells}{time.perf_counter() - begun:>9.0f}", flush=True)
            for ending in ENDINGS[4:]:
                bad += tally.counts[ending]
                for example in tally.examples.get(ending, [])[:3]:
                    print(f"    {ending}: {example!r}"[:700], flush=True)
    print(f"{total} tried, {bad} bad, {time.perf_counter() - started:.0f} s, peak memory {peak_mb():.0f} MB")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
