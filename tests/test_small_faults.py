"""What a new user met: every row of small faults, each of which failed before."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from command_line import TINY, lst_call, refused
from lst.cli.main import VERBS
from lst.cli.threads import use_threads
from lst.data.store.clip_store import ClipStore
from lst.evaluation.report import weakest_classes
from lst.evaluation.results_list import WIDTH, list_results
from lst.facts.duration import Pace, in_words
from lst.facts.wording import plural
from lst.files.locks import FolderBusy
from lst.training.device import choose_device, describe_device
from lst.training.run_folder import read_recipe
from lst.waiting import OWN_CHOICE, SPIN, wait_politely
from lst.workflows.new_texts import encode_like
from lst.workflows.sharing import shared
from short_runs import run, stop_after, tiny
from test_locks import holder

# --- waiting threads, number of threads ---


def test_the_command_sets_a_short_wait_before_torch_comes(monkeypatch: pytest.MonkeyPatch):
    for name in OWN_CHOICE:
        monkeypatch.delenv(name, raising=False)
    wait_politely()
    assert {name: os.environ[name] for name in SPIN} == {"GOMP_SPINCOUNT": "20000", "KMP_BLOCKTIME": "1"}
    for name in SPIN:
        monkeypatch.delenv(name)
    code = (
        "import os, sys; import lst.__main__ as m; sys.argv = ['lst', '--version']; m.main();"
        "print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "20000 False"


@pytest.mark.parametrize("name", OWN_CHOICE)
def test_the_users_own_choice_is_kept(name: str, monkeypatch: pytest.MonkeyPatch):
    for other in OWN_CHOICE:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "passive")
    wait_politely()
    assert {key: os.environ[key] for key in OWN_CHOICE if key in os.environ} == {name: "passive"}


COMPUTING = ("train demo-joint", "test", "reproduce", "demo", "study text", "study zero-shot",
             "classify-by-text", "embed", "bench", "bench input", "bench texts", "bench busy",
             "train --resume")  # fmt: skip


@pytest.mark.parametrize("verb", COMPUTING)
def test_every_command_that_computes_has_threads(verb: str):
    assert "--threads N" in lst_call(*verb.split(), "--help").out


def test_threads_are_used_and_checked(one_thread: None, monkeypatch: pytest.MonkeyPatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)
    use_threads(None)
    assert torch.get_num_threads() == 1
    use_threads(2)
    assert torch.get_num_threads() == 2
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert describe_device(torch.device("cpu")).endswith(", 2 threads")  # and so does the card
    with pytest.raises(ValueError, match="--threads must be at least 1, got 0"):
        use_threads(0)


@pytest.mark.usefixtures("one_thread", "quick")
def test_going_on_with_other_threads_is_told(
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    with monkeypatch.context() as patch:
        patch.setattr("lst.training.train.epoch_line", stop_after(1))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, tmp_path / "a", tiny(2))
    monkeypatch.setattr("lst.training.training_run.describe_device", lambda device: "CPU, 2 threads")
    run(tiny_store, tmp_path / "a", tiny(2), resume=True)
    (said,) = [text for text in caplog.messages if "last bits differ" in text]
    assert "2 threads, before" in said
    assert "1 thread" in said


# --- time ---


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (40, "about 40 s"), (720, "about 12 min"), (7800, "about 2 h 10 min"),
     (7200, "about 2 h"), (273600, "about 3 days 4 h"), (3599, "about 1 h"), (172800, "about 2 days")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str):
    assert in_words(seconds) == words


def test_the_pace_is_said_once_and_without_the_first_step():
    """A first step of 100 s, then steps of 4 s: said at the first moment 10 s after the first step."""
    now, heard, settled = [0.0], list[tuple[int, float]](), [0]
    pace = Pace(
        lambda seconds: heard.append((steps, seconds)),
        settle=lambda: settled.__setitem__(0, settled[0] + 1),
        after=10,
        clock=lambda: now[0],
    )
    for steps in range(1, 20):
        now[0] += 100 if steps == 1 else 4
        pace.step()
    assert heard == [(4, 4.0)]
    assert settled == [2]  # a GPU is waited for twice in a whole run


@pytest.mark.usefixtures("one_thread", "quick")
def test_training_says_how_long_it_will_take(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("lst.training.train.worth_saying", lambda seconds: True)
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", {**Pace.__init__.__kwdefaults__, "after": 0.0})
    from lst.training.recipes import TrainOptions
    from lst.training.train import train

    with caplog.at_level("INFO"):
        options = TrainOptions(device="cpu", progress=False)
        train("tiny", tiny(1), tiny_store, tmp_path / "a", options, later=7)
    (said,) = [text for text in caplog.messages if "on this machine" in text]
    assert said.startswith("about ")
    assert "for 1 epoch of training" in said
    assert "with the 7 runs after it about " in said


# --- resume ---


def test_resume_needs_no_other_option(tiny_store: ClipStore, tmp_path: Path):
    out = tmp_path / "a"
    words = (
        "train",
        "demo-bone",
        "--out",
        out,
        "--data",
        tiny_store.folder,
        *TINY,
        "--seed",
        "5",
        "--test-every",
        "0",
    )
    assert lst_call(*words).status == 0
    started = read_recipe(out)
    assert (started.name, started.config.seed, started.config.clip_length) == ("demo-bone", 5, 8)
    assert started.data == tiny_store.folder.resolve()
    options = started.options(device=None, progress=False)
    assert (options.device, options.test_every, options.resume) == ("cpu", 0, True)
    done = lst_call("train", "--resume", out)
    assert done.status == 0
    assert done.out.startswith("note: synthetic")
    assert f"{out}: 1 epoch, last top-1" in done.out
    assert "best epoch on test" not in done.out  # one test is no choice


def test_nothing_to_resume_is_said(tiny_store: ClipStore, tmp_path: Path):
    (tmp_path / "nw-ucla-joint").mkdir()
    message = refused("train", "--resume", tmp_path / "nw-ucla-jiont")
    assert f"no such folder, expected that of a run. Did you mean {tmp_path}/nw-ucla-joint?" in message
    assert "nothing to resume there" in refused("train", "--resume", tmp_path / "nw-ucla-joint")
    words = ("train", "demo-joint", "--out", tmp_path / "a", "--data", tiny_store.folder, *TINY, "--resume")
    assert f"note: {tmp_path / 'a'}: nothing to resume there, a new run starts" in lst_call(*words).out


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "x"}', '{"name": "x", "config": {"benchmark": 3}}'])
def test_a_damaged_recipe_is_one_line(damage: str, tmp_path: Path):
    (tmp_path / "recipe.json").write_text(damage)
    assert str(tmp_path) in refused("train", "--resume", tmp_path)


# --- folders at work ---


@pytest.mark.parametrize("how", [(), ("--overwrite",), ("--resume",)])
def test_a_second_training_is_told_who_works_there(
    how: tuple[str, ...], tiny_store: ClipStore, tmp_path: Path
):
    with holder(tmp_path / "a") as process:
        done = lst_call(
            "train", "demo-joint", "--out", tmp_path / "a", "--data", tiny_store.folder, *TINY, *how
        )
        assert done.status == 2
        assert f"process {process.pid}" in done.err.splitlines()[-1]
        assert not (tmp_path / "a").exists()


def test_work_that_others_hold_is_left_for_later(monkeypatch: Any, tmp_path: Path):
    """The second item is free after two looks; the others are done before it."""
    monkeypatch.setattr("lst.workflows.sharing.WAIT", 0.0)
    looks = [0]

    def work(item: str) -> str:
        if item == "b" and looks[0] < 2:
            looks[0] += 1
            raise FolderBusy("held")
        return item.upper()

    assert list(shared(["a", "b", "c"], work)) == [("a", "A"), ("c", "C"), ("b", "B")]


# --- what is printed ---


def test_weakest_classes_come_with_a_heading():
    rows = [
        {"name": name, "accuracy": accuracy, "correct": 1, "clips": 4, "confused_with": None}
        for name, accuracy in (("a", 0.5), ("b", None), ("c", 0.25), ("d", 1.0))
    ]
    assert weakest_classes({"per_class": rows}) == ["weakest classes:", "  c: 1 of 4", "  a: 1 of 4"]
    assert weakest_classes({"per_class": rows[3:]}) == ["every test clip is right"]


def a_result(name: str, modality: str, **changed: Any) -> dict[str, Any]:
    best = {"epoch": 3, "top1": 0.9, "epochs_tested": 15}
    return {
        "kind": "stream", "name": name, "benchmark": "toy", "modality": modality, "epochs": 15,
        "planned_epochs": 110, "top1": 0.5, "best_on_test": best, "seed": 1, "parity": "corrected",
        "language": True, "overrides": {}, "device": "CPU AMD EPYC, 2 threads", **changed,
    }  # fmt: skip


def test_the_list_of_results_fits_a_terminal_and_is_in_the_usual_order():
    streams = ("bone_motion", "joint_motion", "bone", "joint")
    results = [a_result(f"run-{m}", m) for m in streams]
    long = "nw-ucla-clean-joint-parts4-random-20epochs-repeat1-width16-encoder-x-seed1"
    results.append(a_result(long, "joint", seed=2, overrides={f"option_{n}": "value" * 3 for n in range(9)}))
    total = {
        **a_result("all", "", epochs="mixed"),
        "kind": "ensemble",
        "members": results[:4],
        "best_on_test": None,
    }
    lines = list_results([total, *results])
    assert max(map(len, lines)) <= WIDTH == 100
    assert lines[0].split() == ["run", "top-1", "not", "copied", "best", "epochs", "seed", "on"]
    names = [line.split()[0] for line in lines[1:6]]
    assert names[:4] == ["run-joint", "run-bone", "run-joint_motion", "run-bone_motion"]
    assert lines[1].split()[1:] == ["50.0", "-", "90.0", "15", "of", "110", "1", "CPU"]
    mixed = next(line for line in lines if line.startswith("all "))
    assert "mixed" in mixed
    assert "mixed of" not in mixed
    assert any(line == long for line in lines)
    assert list_results([]) == []


def test_write_refuses_when_there_is_nothing(tmp_path: Path):
    readme = tmp_path / "README.md"
    text = "<!-- results: begin (lst results --write) -->\nold\n<!-- results: end -->\n"
    readme.write_text(text)
    message = refused("results", "--runs", tmp_path / "r", "--results", tmp_path / "k", "--write", readme)
    assert f"there is no result in {tmp_path / 'k'}" in message
    assert readme.read_text() == text


def test_singular_and_plural():
    assert [plural(n, "clip") for n in (0, 1, 2, 1020)] == ["0 clips", "1 clip", "2 clips", "1,020 clips"]


def test_names_of_devices(monkeypatch: Any):
    with pytest.raises(
        ValueError, match=r"'gpu': there is no such device.*Use --device auto or cpu\."
    ) as error:
        choose_device("gpu")
    assert len(str(error.value)) < 120
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"Use --device auto, cpu, cuda, cuda:0 or cuda:1\."):
        choose_device("gpu")


@pytest.mark.usefixtures("one_thread", "quick")
def test_a_batch_larger_than_an_epoch_is_told(
    tiny_store: ClipStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    run(tiny_store, tmp_path / "a", tiny(1, batch_size=100_000))
    assert any("batch_size 100000 is more than the 24 clips of an epoch" in text for text in caplog.messages)


def test_info_of_something_else_says_what_it_is(tmp_path: Path):
    (tmp_path / "my.json").write_text("{}")
    message = refused("info", tmp_path / "my.json")
    assert "is a file, expected the folder of a store or a run" in message
    assert "lst describe --check" in message
    (tmp_path / "nw-ucla").mkdir()
    for verb in ("info", "test", "classify-by-text"):
        assert f"Did you mean {tmp_path}/nw-ucla?" in refused(verb, tmp_path / "nw-ulca")


ALL_HELP = [*VERBS, "train nw-ucla-short-joint", "train --resume", "bench busy", "bench input",
            "bench prepare", "bench texts", "study text", "study zero-shot"]  # fmt: skip


@pytest.mark.parametrize("verb", ALL_HELP)
def test_help_is_plain_and_every_option_has_a_sentence(verb: str):
    text = lst_call(*verb.split(), "--help").out
    for riddle in ("{None}", "(default: None)", "[[", "(Q"):
        assert riddle not in text
    lines = [line.strip("│ ") for line in text.splitlines() if line.startswith("│")]
    options = "\n".join(lines).split("\n--")[1:]
    for option in options:
        said = option.split("(default:")[0].split("(required)")[0]
        assert len(said.replace("\n", " ").split()) >= 4, option


def test_texts_that_a_run_has_need_no_encoder():
    vectors = np.eye(3, dtype=np.float32)
    texts: Any = SimpleNamespace(
        texts=("sit down", "stand up", "throw"), vectors_TD=vectors, meta={"encoder": "/gone"}
    )
    encode = encode_like(texts)
    assert encode(["throw", "sit down"]).tolist() == vectors[[2, 0]].tolist()
    with pytest.raises((ValueError, FileNotFoundError), match="gone"):
        encode(["throw", "fly"])


# --- a run that cannot be written to ---


def test_a_read_only_run_is_measured_and_the_result_printed(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: Any, unbroken_cli: Callable[[], Path]
):
    out = unbroken_cli()

    def refuse(*args: Any) -> None:
        raise OSError(30, "Read-only file system", str(out / "test" / "scores.npz"))

    monkeypatch.setattr("lst.workflows.measure.save_scores", refuse)
    done = lst_call("test", out, "--data", tiny_store.folder, "--device", "cpu")
    assert done.status == 2
    headline = next(line for line in done.out.splitlines() if line.startswith("top-1 "))
    assert "on 12 synthetic clips" in headline
    assert "wrote" not in done.out
    assert "Read-only file system; the result above is not saved" in done.err


@pytest.fixture
def unbroken_cli(tiny_store: ClipStore, tmp_path: Path) -> Callable[[], Path]:
    def made() -> Path:
        out = tmp_path / "done"
        words = ("train", "demo-joint", "--out", out, "--data", tiny_store.folder, *TINY)
        assert lst_call(*words).status == 0
        return out

    return made


def test_the_answer_comes_first_and_the_notice_last(tiny_store: ClipStore, unbroken_cli: Callable[[], Path]):
    out = unbroken_cli()
    lines = lst_call("test", out, "--data", tiny_store.folder, "--device", "cpu").out.splitlines()
    place = {
        text: next(i for i, line in enumerate(lines) if line.startswith(text)) for text in ("top-1", "wrote")
    }
    assert place["top-1"] < lines.index("weakest classes:") < place["wrote"]
    said = lst_call("info", out).out
    assert "nothing:" not in said
    assert "after the last epoch, which is the result of the run" in said
