"""How threads wait for each other: briefly, so that on a busy machine the working ones get the cores.

Counts only before torch is imported. `lst` on the command line does it; in a script of your own, call
`wait_politely()` first, or set GOMP_SPINCOUNT=20000 in the environment.
"""

import os

SPIN = {"GOMP_SPINCOUNT": "20000", "KMP_BLOCKTIME": "1"}
"""Turns of a loop (libgomp) and milliseconds (libiomp, libomp) for which a waiting thread keeps its core.
Their own choice is so long that beside other work a step takes many times its share of the machine."""
OWN_CHOICE = ("OMP_WAIT_POLICY", *SPIN)


def wait_politely() -> None:
    """Set that in the environment, unless the user chose something."""
    if not any(name in os.environ for name in OWN_CHOICE):
        os.environ.update(SPIN)
