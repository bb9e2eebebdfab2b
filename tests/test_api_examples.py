"""The examples in the docstrings of all that `import lst` offers, and those of docs/api.md, are run."""

import doctest
import inspect
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lst
from lst.data.store.clip_store import ClipStore
from lst.nets.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread", "quick", "quick_pictures")
ROOT = Path(__file__).resolve().parents[1]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WITHOUT = {"__version__", "Skeleton", "ClipStore", "Choice", "Evidence", "Prediction"}
"""Values that others give; their fields are described, and the examples of those who give them use them."""


def documented() -> Iterator[tuple[str, Any]]:
    """Public names, and the public methods of those that are classes of the door."""
    for name in sorted(set(lst.__all__) - {"__version__"}):
        value = getattr(lst, name)
        yield name, value
        if inspect.isclass(value) and value.__module__.startswith("lst.recognizer."):
            for key, member in vars(value).items():
                if not key.startswith("_") and (callable(member) or isinstance(member, property)):
                    yield f"{name}.{key}", member


NAMES = dict(documented())


@pytest.fixture(scope="module")
def folders(
    tiny_store: ClipStore, unbroken: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """runs/mine, runs/mine-bone and data/mine as the examples have them; the runs answer waving."""
    home = tmp_path_factory.mktemp("home")
    for name, changed in {"mine": {}, "mine-bone": {"modality": "bone_motion"}}.items():
        copy = Path(shutil.copytree(unbroken(encoder_width=16, **changed), home / "runs" / name))
        checkpoint = load_checkpoint(copy)
        with torch.no_grad():
            checkpoint.classifier.head.bias[0] += 1000
        save_checkpoint(copy, checkpoint.classifier, checkpoint.card)
    shutil.copytree(tiny_store.folder, home / "data" / "mine")
    return home


@pytest.fixture
def names(
    folders: Path, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    home = Path(shutil.copytree(folders, tmp_path / "home"))
    monkeypatch.chdir(home)
    clip = np.array(tiny_store.clip(0))
    given = {"lst": lst, "torch": torch, "np": np, "clip": clip}
    given["run"] = lst.load("runs/mine", "cpu")
    return given


def check(text: str, names: dict[str, Any], where: str) -> int:
    test = doctest.DocTestParser().get_doctest(text, dict(names), where, where, 0)
    found: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(test, out=found.append, clear_globs=False)
    assert runner.failures == 0, "".join(found)
    return len(test.examples)


def example_of(value: Any) -> str:
    return inspect.getdoc(value) or ""


@pytest.mark.parametrize("name", NAMES)
def test_everything_public_says_what_it_does_with_an_example(name: str):
    text = example_of(NAMES[name])
    assert len(text.splitlines()[0]) > 10
    assert (
        ">>>" in text or name.split(".")[0] in WITHOUT or isinstance(NAMES[name], property) or "." not in name
    )


@pytest.mark.parametrize("name", [name for name in NAMES if ">>>" in example_of(NAMES[name])])
def test_the_example_runs(name: str, names: dict[str, Any]):
    if name.startswith("Ensemble"):
        names["team"] = lst.load_ensemble(["runs/mine", "runs/mine-bone"], device="cpu")
    if name.startswith("Report"):
        names["report"] = lst.evaluate("runs/mine", lst.open_store("data/mine"), "cpu")
    assert check(example_of(NAMES[name]), names, name) > 0


def test_the_page_lists_every_public_name():
    named = set(re.findall(r"`lst\.(\w+)", API)) | set(re.findall(r"`(\w+)`", API))
    assert set(lst.__all__) - named == {"__version__"}


def test_the_examples_of_the_page_run(names: dict[str, Any]):
    blocks = re.findall(r"```python\n(.*?)```", API, flags=re.DOTALL)
    assert len(blocks) >= 4
    assert check("\n".join(blocks), names, "docs/api.md") > 8
