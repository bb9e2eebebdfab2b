"""What an OpenAI-compatible server may do, and what becomes of it; keys come from the environment only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lst
from llm_server import MODEL, TEXTS, LlmServer, running
from lst.text.answers import read_answer
from lst.text.instruction import Question, messages
from lst.text.llm import LlmUnusable, NotAnswered
from lst.text.openai_chat import open_chat

KEY = "sk-test-4f9c1e7a2b"
SOURCE = str(Path(lst.__file__).parents[1])
FALLING = Question("falling")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    with running() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def ask(llm: str = f"openai:{MODEL}", *, timeout: float = 5, retries: int = 1) -> str:
    return open_chat(llm, timeout=timeout, retries=retries)(messages(FALLING)).text


@pytest.mark.parametrize("fault", ["429", "500", "503", "408", "dropped connection", "time-out"])
def test_passing_faults_are_retried(server: LlmServer, fault: str):
    server.faults["falling"] = [fault]
    answer = ask(timeout=0.5 if fault == "time-out" else 5)
    assert read_answer(FALLING, answer)[0] == TEXTS["falling"]
    assert server.asked["falling"] == 2


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("429", "answered 429: fault on order for Bearer [key]"),
        ("500", "answered 500: fault on order for Bearer [key]"),
        ("400", "answered 400: fault on order for Bearer [key]"),
        ("403", "answered 403: fault on order for Bearer [key]"),
        ("dropped connection", "/v1 broke 2 times: "),
        ("time-out", "/v1 did not answer in 0.2 s, 2 times"),
    ],
)
def test_lasting_faults_say_what_the_server_said_without_the_key(server: LlmServer, fault: str, message: str):
    server.everywhere = fault
    with pytest.raises(NotAnswered) as caught:
        ask(timeout=0.2 if fault == "time-out" else 5)
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("401", "answered 401: fault on order for Bearer [key]. Set OPENAI_API_KEY in the environment"),
        ("404", "It has: test-model. Does OPENAI_BASE_URL lead to the protocol (most end in /v1)?"),
        ("quota", "answered 429: no money left on Bearer [key]. What was answered is kept."),
    ],
)
def test_faults_of_every_question_end_the_run(server: LlmServer, fault: str, message: str):
    server.everywhere = fault
    with pytest.raises(LlmUnusable) as caught:
        ask()
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["broken body", "page", "no choices"])
def test_what_is_no_completion_is_an_empty_answer(server: LlmServer, fault: str):
    server.everywhere = fault
    assert ask() == ""


def test_a_server_that_knows_no_schema_is_asked_in_words(server: LlmServer):
    server.schemas = False
    chat = open_chat(f"openai:{MODEL}", timeout=5, retries=0)
    for _ in range(2):
        assert read_answer(FALLING, chat(messages(FALLING)).text)[0] == TEXTS["falling"]
    assert ["response_format" in body for body in server.bodies] == [True, False, False]


def test_the_schema_asks_for_the_eight_texts(server: LlmServer):
    ask()
    schema = server.bodies[0]["response_format"]["json_schema"]
    assert schema["strict"] is True
    parts = {"head", "hand", "arm", "hip", "leg", "foot"}
    assert set(schema["schema"]["properties"]) == set(schema["schema"]["required"])
    assert set(schema["schema"]["required"]) == {"synonyms", "sentence", *parts}


def test_a_local_server_without_a_key(server: LlmServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    assert ask()
    assert server.keys == {"Bearer none"}


def test_a_stand_in_for_a_key_does_not_eat_letters_of_answers(server: LlmServer, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert read_answer(FALLING, ask())[0] == TEXTS["falling"]


def test_names_of_models_may_hold_a_colon(server: LlmServer):
    server.everywhere = "500"
    chat = open_chat("openai:llama3.1:8b", retries=0)
    assert chat.model == "llama3.1:8b"


def test_without_key_and_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(LlmUnusable, match=r"OPENAI_API_KEY is not set.*http://localhost:11434/v1 for Ollama"):
        open_chat("openai:gpt-4.1-mini")


@pytest.mark.parametrize("key", ["two words", "“quoted-by-a-web-page”", "line\nend"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(LlmUnusable, match="OPENAI_API_KEY holds characters that no key has") as caught:
        open_chat("openai:gpt-4.1-mini")
    assert key not in str(caught.value)


@pytest.mark.parametrize("address", ["http://me:pass-word@127.0.0.1:9/v1", "127.0.0.1:9/v1"])
def test_no_server_there(monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    there = r"no connection to .*127\.0\.0\.1:9/v1: .*Is the network up"
    with pytest.raises(LlmUnusable, match=there) as caught:
        open_chat(f"openai:{MODEL}").reach()
    assert "pass-word" not in str(caught.value)


def test_the_traceback_for_programmers_has_no_key_either(server: LlmServer, tmp_path: Path):
    server.everywhere = "401"
    (tmp_path / "actions.txt").write_text("falling\n")
    code = "import sys; from lst.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "describe", "actions.txt", "--llm", f"openai:{MODEL}"]
    loud = {**os.environ, "LST_DEBUG": "1", "OPENAI_LOG": "debug", "PYTHONPATH": SOURCE}
    done = subprocess.run(words, cwd=tmp_path, env=loud, capture_output=True, text=True)
    assert "Traceback" in done.stderr
    assert "LlmUnusable" in done.stderr
    assert KEY not in done.stderr + done.stdout
    assert os.listdir(tmp_path) == ["actions.txt"]
