"""The command `lst`, also as `python -m lst`.

Nothing is imported before it is called: worker processes import this module again to begin.
"""

import os
import sys

SPIN = {"GOMP_SPINCOUNT": "20000", "KMP_BLOCKTIME": "1"}
"""How long a thread that waits for others keeps its core: about 0.1 ms in libgomp (turns of a loop), 1 ms in
libiomp. By default both wait so long that on a busy machine the waiting takes the cores from the working."""
OWN_CHOICE = ("OMP_WAIT_POLICY", *SPIN)


def wait_politely() -> None:
    """Set that in the environment, unless the user chose something; only before torch is imported."""
    if not any(name in os.environ for name in OWN_CHOICE):
        os.environ.update(SPIN)


def main() -> int:
    """Run `lst` with the words of the command line -> the exit status."""
    wait_politely()
    try:
        from lst.cli.main import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
