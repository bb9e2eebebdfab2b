"""Several tasks at a time, and what `describe_actions` does with the outcomes, without any server."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest

from lst.text.actions import Action
from lst.text.answers import AnswerCache
from lst.text.describe import describe_actions
from lst.text.descriptions import PARTS
from lst.text.instruction import Message
from lst.text.llm import Reply
from lst.text.parallel import in_parallel


@pytest.mark.parametrize("threads", [1, 3, 100])
def test_every_task_is_done_once(threads: int):
    assert dict(in_parallel(lambda n: n * n, range(50), threads)) == {n: n * n for n in range(50)}


def test_no_tasks_no_threads():
    before = threading.active_count()
    assert list(in_parallel(str, [], 4)) == []
    assert threading.active_count() == before


def test_a_caller_that_stops_begins_nothing_new():
    begun: list[int] = []

    def work(n: int) -> int:
        begun.append(n)
        time.sleep(0.01)
        return n

    outcomes = in_parallel(work, range(1000), 2)
    next(outcomes)
    outcomes.close()
    time.sleep(0.05)
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count < 20


def test_a_mistake_in_a_thread_is_shown_and_ends_the_iteration(monkeypatch: pytest.MonkeyPatch):
    shown: SimpleQueue[type[BaseException]] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.put(args.exc_type))
    with pytest.raises(AssertionError, match="the thread for 0 died"):
        list(in_parallel(lambda n: 1 / n, [0], 1))
    assert shown.get(timeout=5) is ZeroDivisionError


# --- with describe_actions ---------------------------------------------------------------------------------


@dataclass
class Echo:
    """A language model whose texts hold the name of the action."""

    model: str = "echo"
    temperature: float | None = None
    reached: int = 0
    asked: list[str] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)
    """By action: a synonym of its first answer."""

    def reach(self) -> None:
        self.reached += 1

    def __call__(self, messages: Sequence[Message]) -> Reply:
        name = messages[1]["content"].splitlines()[0].removeprefix("Action: ")
        self.asked.append(name)
        parts = {part: f"{part} of {name}" for part in PARTS}
        synonyms = [self.first.pop(name, f"{name} 0"), *(f"{name} {n}" for n in range(1, 10))]
        return Reply(json.dumps({"synonyms": synonyms, "sentence": f"They {name}.", **parts}), "echo-1")


ACTIONS = [Action("hop"), Action("skip"), Action("jump")]


def test_progress_counts_what_is_asked_in_this_run(tmp_path: Path):
    chat, seen = Echo(), []
    cache = AnswerCache(tmp_path / "answers", model="echo", temperature=None)
    described = describe_actions(ACTIONS, chat, cache, progress=lambda *now: seen.append(now))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert (described.kept, described.arrived, chat.reached) == (0, 3, 1)


def test_with_every_answer_kept_nobody_is_reached(tmp_path: Path):
    cache = AnswerCache(tmp_path / "answers", model="echo", temperature=None)
    describe_actions(ACTIONS, Echo(), cache)
    chat, seen = Echo(), []
    described = describe_actions(ACTIONS, chat, cache, progress=lambda *now: seen.append(now))
    assert (described.kept, described.arrived, chat.reached, chat.asked, seen) == (3, 0, 0, [], [])
    next((tmp_path / "answers").glob("skip-*.json")).unlink()  # described anew on demand
    describe_actions(ACTIONS, chat, cache)
    assert chat.asked == ["skip"]


def test_the_name_of_an_action_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In a long list not all names are told. Who took one is asked again, not who has it."""
    monkeypatch.setattr("lst.text.instruction.MAX_OTHERS", 0)
    cache = AnswerCache(tmp_path / "answers", model="echo", temperature=None)
    chat = Echo(first={"hop": "Jump"})
    described = describe_actions(ACTIONS, chat, cache)
    assert sorted(chat.asked) == ["hop", "hop", "jump", "skip"]
    assert described.failures == {}
    assert described.answers["hop"].texts.synonyms[1] == "hop 0"
    assert described.answers["hop"].attempt == 2


@pytest.mark.parametrize("actions", [[], [Action("hop"), Action("hop", "on one leg")]])
def test_actions_must_differ(tmp_path: Path, actions: list[Action]):
    cache = AnswerCache(tmp_path / "answers", model="echo", temperature=None)
    with pytest.raises(ValueError, match="expected actions with different names"):
        describe_actions(actions, Echo(), cache)


def test_a_folder_that_cannot_be_written_is_an_error_of_the_run(tmp_path: Path):
    (tmp_path / "answers").write_text("a file")
    cache = AnswerCache(tmp_path / "answers", model="echo", temperature=None)
    with pytest.raises(OSError, match="answers"):
        describe_actions(ACTIONS, Echo(), cache)
