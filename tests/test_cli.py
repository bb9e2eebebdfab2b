"""The command line as a person meets it: help, names, and the status it ends with."""

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import lst
from command_line import Done, lst_call, refused
from lst.cli import main as main_module
from lst.cli.main import VERBS, main
from lst.training.encoder_recipes import encoder_families
from lst.training.recipes import RECIPES

# --- help, versions, names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_help_names_every_verb(words: list[str]):
    done = lst_call(*words)
    assert done.status == 0
    assert done.err == ""
    assert lst.__version__ in done.out
    for verb in VERBS:
        assert re.search(rf"(?<![\w-]){verb}(?![\w-])", done.out), verb


def test_python_m_lst_is_the_command_and_begins_with_nothing():
    """Worker processes import the module of the command again: what it imports, each of them waits for."""
    run = subprocess.run(
        [sys.executable, "-m", "lst", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"lst {lst.__version__}\n"
    code = "import sys, lst; old = {*sys.modules}; import lst.__main__; print({*sys.modules} - old)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "{'lst.__main__'}\n"


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_version(word: str):
    assert lst_call(word) == Done(0, f"lst {lst.__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str):
    done = lst_call(verb, "--help")
    assert done.status == 0
    assert f"usage: lst {verb} " in done.out
    assert done.err == ""


def test_help_of_a_recipe_shows_its_own_values_and_what_fields_mean():
    done = lst_call("train", "demo-bone", "--help")
    assert done.status == 0
    assert "(default: bone)" in done.out
    assert f"(default: {RECIPES['demo-bone'].encoder_width})" in done.out
    assert "0 trains the plain encoder" in " ".join(done.out.replace("│", " ").split())


def test_train_without_a_recipe_lists_all():
    done = lst_call("train")
    assert done.status == 0
    words, lines = set(done.out.split()), done.out.splitlines()
    families = {name.removesuffix("-joint") for name in RECIPES if name.endswith("-joint")}
    assert families - set(encoder_families()) <= words  # those of other encoders: test_encoder_recipes.py
    assert {"joint,", "bone,", "joint-motion,", "bone-motion"} <= words
    assert len(lines) <= 32  # one screen
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("words", "kind", "meant"),
    [
        (["tarin"], "verb", "train"),
        (["prepare", "nwucla"], "data set", "nw-ucla"),
        (["train", "nw-ucla-jiont"], "recipe", "nw-ucla-joint"),
        (["train", "demo-joint", "--benchmark", "syntetic"], "benchmark", "synthetic"),
        (["reproduce", "gap-nw-ulca"], "family of recipes", "gap-nw-ucla"),
        (
            ["import-checkpoint", "x.pt", "--benchmark", "ntu60xsub", "--modality", "joint"],
            "benchmark",
            "ntu60-xsub",
        ),
    ],
)
def test_a_misspelt_name_gets_the_nearest_one(words: list[str], kind: str, meant: str):
    message = refused(*words)
    assert message.startswith(f"lst: unknown {kind} '")
    assert f"Did you mean {meant!r}? Known: " in message


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["train", "demo-joint", "--optim.epoch", "3"], "--optim.epochs"),
        (["train", "demo-joint", "--modality", "bones"], "joint_motion"),
        (["train", "demo-joint", "--seed", "one"], "one"),
        (["test", "runs/x", "--dvice", "cpu"], "--device"),
        (["test"], "required"),
        (["info"], "required"),
        (["import-checkpoint", "x.pt"], "--benchmark"),
    ],
)
def test_options_that_do_not_parse_end_with_2_and_a_hint(words: list[str], hint: str):
    done = lst_call(*words)
    assert done.status == 2
    assert hint in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--optim.lr", "-1"], "optim.lr must be positive, got -1.0"),
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--hold-out", "1"], "hold_out is a share in [0, 1), got 1.0"),
        (["--optim.decay-at", "110"], "lies at or after planned_epochs"),
    ],
)
def test_values_of_a_recipe_are_checked(words: list[str], expected: str):
    done = lst_call("train", "demo-joint", *words)
    assert done.status == 2
    assert done.out == ""
    assert expected in " ".join(done.err.replace("│", " ").split())


# --- status ------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[Sequence[str]], None]:
    def verb(args: Sequence[str]) -> None:
        raise error

    return verb


@pytest.mark.parametrize("error", [ValueError("no"), FileNotFoundError("no"), FloatingPointError("no")])
def test_what_users_cause_is_a_message_and_status_2(error: Exception, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LST_DEBUG", raising=False)
    monkeypatch.setitem(main_module.VERBS, "demo", raising(error))
    assert lst_call("demo") == Done(2, "", "lst: no\n")
    monkeypatch.setenv("LST_DEBUG", "1")
    with pytest.raises(type(error)):
        main(["demo"])


def test_mistakes_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(main_module.VERBS, "demo", raising(AssertionError("a bug")))
    done = lst_call("demo")
    assert done.status == 70
    (line,) = done.err.splitlines()
    saved = Path(re.findall(r"saved in (\S+);", line)[0])
    assert "AssertionError: a bug" in line
    assert "Traceback" in saved.read_text()
    saved.unlink()
    monkeypatch.setenv("LST_DEBUG", "1")
    with pytest.raises(AssertionError):
        main(["demo"])


def test_ctrl_c_ends_with_130_and_says_that_work_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(main_module.VERBS, "demo", raising(KeyboardInterrupt()))
    done = lst_call("demo")
    assert done.status == 130
    assert done.err.endswith("continue with the same command: lst demo\n")
    assert "Traceback" not in done.err


def test_words_come_from_the_command_line(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []
    monkeypatch.setitem(main_module.VERBS, "demo", seen.append)
    monkeypatch.setattr(sys, "argv", ["lst", "demo", "--out", "x"])
    assert main() == 0
    assert seen == [["--out", "x"]]


def test_progress_goes_to_stderr_as_it_happens(monkeypatch: pytest.MonkeyPatch):
    """In a terminal nothing has set up logging before; results on stdout stay apart from it."""

    def verb(args: Sequence[str]) -> None:
        logging.getLogger("lst.training.train").info("epoch 1/2")
        sys.stdout.write("done\n")

    monkeypatch.setitem(main_module.VERBS, "demo", verb)
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.level
    try:
        assert lst_call("demo") == Done(0, "done\n", "epoch 1/2\n")
    finally:
        logging.root.setLevel(level)
