"""Which code computed a result: version, torch, commit."""

import subprocess
from pathlib import Path
from typing import Any

import torch

import lst


def code_facts() -> dict[str, Any]:
    """Version, torch and, in a git checkout of this project, the commit ("+dirty" with local changes)."""
    facts: dict[str, Any] = {"lst": lst.__version__, "torch": str(torch.__version__), "commit": None}
    root = Path(lst.__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return facts
    try:
        head = _git(root, "rev-parse", "HEAD")
        facts["commit"] = head + ("+dirty" if _git(root, "status", "--porcelain", "--", "src") else "")
    except (OSError, subprocess.SubprocessError):
        pass  # no git on this machine: the version has to do
    return facts


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
