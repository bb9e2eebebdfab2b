"""The command `lst`, also as `python -m lst`.

Nothing is imported before it is called: worker processes import this module again to begin.
"""

import sys


def main() -> int:
    """Run `lst` with the words of the command line -> the exit status."""
    from lst.waiting import wait_politely

    wait_politely()
    try:
        from lst.cli.main import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
