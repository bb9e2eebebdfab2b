"""What is written down about the code that computed a result."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import lst
import lst.training.provenance as provenance_module
from lst.training.provenance import code_facts


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout with one commit in which `lst` seems to lie."""
    package = tmp_path / "src" / "lst"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)
    monkeypatch.setattr(lst, "__file__", str(package / "__init__.py"))
    return tmp_path


def test_commit_and_local_changes_are_told(checkout: Path):
    facts = code_facts()
    assert facts["lst"] == lst.__version__
    assert facts["torch"] == str(torch.__version__)
    assert type(facts["torch"]) is str  # torch's own class would not be read back from a state file
    commit = facts["commit"]
    assert len(commit) == 40
    (checkout / "notes.txt").write_text("not code")
    assert code_facts()["commit"] == commit
    (checkout / "src" / "lst" / "__init__.py").write_text("changed = True")
    assert code_facts()["commit"] == commit + "+dirty"


def test_without_a_checkout_or_without_git_there_is_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    for error in (FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")):

        def fails(*args: Any, error: Exception = error, **kwargs: Any) -> SimpleNamespace:
            raise error

        monkeypatch.setattr(provenance_module.subprocess, "run", fails)
        assert code_facts()["commit"] is None
    monkeypatch.setattr(lst, "__file__", str(checkout / "a" / "b" / "c" / "lst" / "__init__.py"))
    assert code_facts()["commit"] is None


# --- memory ---
