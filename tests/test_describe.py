"""`lst describe` against a real server on this machine: all classes, faults, kills, and a secret key."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lst
from llm_server import MODEL, TEXTS, LlmServer, answer_of, running
from lst.cli.main import main
from lst.text.descriptions import check_descriptions, load_descriptions

KEY = "sk-test-4f9c1e7a2b"
NAMES = list(TEXTS)
LST = [sys.executable, "-c", "import sys; from lst.cli.main import main; sys.exit(main())"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlmServer]:
    with running() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(lst.__file__).parents[1])}


def listed(folder: Path, *names: str) -> Path:
    path = folder / "actions.txt"
    path.write_text("# to describe\n" + "".join(f"{name}\n" for name in names or NAMES))
    return path


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Status and everything printed. The key is never in it, nor in any file beside the given ones."""
    try:
        status = main(["describe", *map(str, words)])
    except SystemExit as stop:
        status = int(stop.code or 0)
    said = "".join(capsys.readouterr())
    assert KEY not in said
    for folder in {Path(word).parent for word in map(str, words) if word.startswith("/")}:
        assert_no_key(folder)
    return status, said


def assert_no_key(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert KEY not in path.name
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path


# --- all classes ------------------------------------------------------------------------------------------


def test_all_classes_with_one_in_twenty_at_fault(tmp_path: Path, server: LlmServer, capsys):
    """Six kinds of faults among 120 questions; the file is what a faultless server would have given."""
    server.seconds, server.too_long = 0.005, 1.5
    kinds = ["429", "500", "time-out", "cut", "nonsense", "wrong fields"]
    for place, kind in enumerate(kinds):
        server.faults[NAMES[7 + 20 * place]] = [kind]
    out = tmp_path / "my.json"
    options = ("--llm", f"openai:{MODEL}", "-o", out, "--parallel", "3", "--timeout", "1")
    status, said = call(capsys, listed(tmp_path), *options)
    assert status == 0, said
    assert "120 actions: 0 answered before, 120 answers now, 0 without" in said
    assert load_descriptions(out) == list(TEXTS.values())
    assert server.most_at_once <= 4  # three, and the one that was not waited for
    assert set(server.answered.values()) == {1}
    assert sum(server.asked.values()) == 120 + len(kinds)
    assert server.keys == {f"Bearer {KEY}"}

    before, asked = out.read_bytes(), server.asked.total()
    status, said = call(capsys, listed(tmp_path), *options)  # a second run asks nothing
    assert (status, server.asked.total()) == (0, asked)
    assert "120 answered before, 0 answers now" in said
    assert out.read_bytes() == before


def test_parallel_bounds_the_questions_under_way(tmp_path: Path, server: LlmServer, capsys):
    server.seconds = 0.05
    path, out = listed(tmp_path, *NAMES[:12]), tmp_path / "my.json"
    status, _ = call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out, "--parallel", "3")
    assert (status, server.most_at_once) == (0, 3)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_killed_in_the_middle_it_goes_on(tmp_path: Path, server: LlmServer, how: signal.Signals, capsys):
    server.pause_after = 50
    out, kept = tmp_path / "my.json", tmp_path / "my.json.answers"
    words = [str(listed(tmp_path)), "--llm", f"openai:{MODEL}", "-o", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*LST, "describe", *words], **pipes, text=True, env=environment())
    end = time.monotonic() + 60
    while len(list(kept.glob("*.json"))) < 46 and time.monotonic() < end:  # four may be on their way to disk
        time.sleep(0.005)
    process.send_signal(how)
    said = "".join(process.communicate(timeout=30))
    server.pause_after = None
    server.go_on.set()
    assert process.returncode == (130 if how == signal.SIGINT else -how), said
    assert KEY not in said
    assert not out.exists()
    answers = [json.loads(path.read_text()) for path in kept.glob("*.json")]
    names = {answer["name"] for answer in answers}
    assert 46 <= len(names) <= 50

    status, said = call(capsys, *words)
    assert status == 0, said
    assert f"{len(names)} answered before, {120 - len(names)} answers now" in said
    assert load_descriptions(out) == list(TEXTS.values())
    again = {name for name, count in server.answered.items() if count > 1}
    assert len(again) <= 4  # under way when the process died; it never saw them
    assert not again & names
    assert sorted(path.suffix for path in kept.iterdir()) == [".json"] * 120


# --- answers that cannot be used ---------------------------------------------------------------------------


def test_an_unusable_answer_is_asked_again_with_its_problem_named(tmp_path: Path, server: LlmServer, capsys):
    server.faults["sitting down"] = ["wrong fields", "nonsense"]
    path, out = listed(tmp_path, "sitting down", "jump up"), tmp_path / "my.json"
    status, _ = call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out, "--parallel", "1")
    assert status == 0
    first, second, third, other = [body["messages"] for body in server.bodies]
    assert [message["role"] for message in first] == ["system", "user"]
    assert "- jump up" in first[1]["content"]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert second[:2] == first
    assert "'colour' is not a field" in second[3]["content"]
    assert "'hand' must be a text" in second[3]["content"]
    assert "there is no JSON object in it" in third[3]["content"]
    assert other[1]["content"].startswith("Action: jump up")
    answer = json.loads(next((tmp_path / "my.json.answers").glob("sitting-down-*.json")).read_text())
    assert (answer["attempt"], answer["model"]) == (3, MODEL)
    assert answer["answered_by"] == f"{MODEL}-2026-11-01"


def test_what_fails_for_good_is_listed_and_asked_again_next_time(tmp_path: Path, server: LlmServer, capsys):
    server.faults |= {"sitting down": ["nonsense"] * 2, "falling": ["500"] * 2}
    path, out = listed(tmp_path, "sitting down", "jump up", "falling"), tmp_path / "my.json"
    words = (path, "--llm", f"openai:{MODEL}", "-o", out, "--attempts", "2", "--retries", "1")
    status, said = call(capsys, *words)
    assert status == 1
    assert "  sitting down: 2 answers, none usable; the last: there is no JSON object" in said
    assert "  falling: http://127.0.0.1" in said
    assert f"{out} is not written. The same command asks again for these only." in said
    assert not out.exists()

    status, said = call(capsys, *words)
    assert status == 0, said
    assert "1 answered before, 2 answers now, 0 without" in said
    assert [action.name for action in load_descriptions(out)] == ["sitting down", "jump up", "falling"]
    assert server.answered == {"sitting down": 1, "jump up": 1, "falling": 1}


def test_texts_that_two_actions_share_are_asked_again(tmp_path: Path, server: LlmServer, capsys):
    """The first of the two keeps its text; the answer replaces the kept one."""
    sit, stand = (answer_of(TEXTS[name]) for name in ("sitting down", "jump up"))
    server.texts["jump up"] = [json.dumps({**stand, "foot": sit["foot"].upper()}), json.dumps(stand)]
    path, out = listed(tmp_path, "sitting down", "jump up"), tmp_path / "my.json"
    status, said = call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out)
    assert status == 0, said
    assert server.answered == {"sitting down": 1, "jump up": 2}
    assert f"{sit['foot']!r} is also a text of 'sitting down'" in server.bodies[-1]["messages"][-1]["content"]
    classes = load_descriptions(out)
    assert classes == [TEXTS["sitting down"], TEXTS["jump up"]]
    assert check_descriptions(classes) == []
    call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out)
    assert server.answered.total() == 3


def test_a_model_that_always_repeats_itself_fails_for_good(tmp_path: Path, server: LlmServer, capsys):
    same = json.dumps(answer_of(TEXTS["sitting down"]))
    server.texts |= {"sitting down": [same], "jump up": [same]}
    path, out = listed(tmp_path, "sitting down", "jump up"), tmp_path / "my.json"
    status, said = call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out, "--attempts", "2")
    assert status == 1
    assert "  jump up: asked again 2 times, still part 'synonyms'" in said
    assert server.answered == {"sitting down": 1, "jump up": 3}
    assert not out.exists()


def test_a_server_that_only_fails_ends_the_run_early(tmp_path: Path, server: LlmServer, capsys):
    server.everywhere = "500"
    words = (listed(tmp_path), "--llm", f"openai:{MODEL}", "-o", tmp_path / "my.json", "--retries", "0")
    status, said = call(capsys, *words)
    assert status == 2
    assert "8 actions in a row got no usable answer" in said
    assert server.asked.total() < 20


# --- what is asked, and what is written -------------------------------------------------------------------


def test_a_benchmark_in_place_of_a_file(tmp_path: Path, server: LlmServer, capsys):
    out = tmp_path / "ntu60.json"
    status, _ = call(capsys, "--benchmark", "ntu60-xsub", "--llm", f"openai:{MODEL}", "-o", out)
    assert status == 0
    assert load_descriptions(out) == list(TEXTS.values())[:60]
    head = json.loads(out.read_text())
    assert head["dataset"] == "ntu60"
    assert f"The language model {MODEL} ({MODEL}-2026-11-01), asked by lst describe, 20" in head["written_by"]


def test_hint_and_temperature_are_sent_and_other_ones_are_other_questions(
    tmp_path: Path, server: LlmServer, capsys
):
    path, out = tmp_path / "actions.txt", tmp_path / "my.json"
    words = (path, "--llm", f"openai:{MODEL}", "-o", out)
    path.write_text("sitting down | onto a chair\njump up\n")
    assert call(capsys, *words)[0] == 0
    hinted = [body for body in server.bodies if "onto a chair" in body["messages"][1]["content"]]
    assert len(hinted) == 1
    assert all("temperature" not in body for body in server.bodies)
    path.write_text("jump up\nsitting down | onto a chair\n")  # another order asks nothing
    assert call(capsys, *words, "--overwrite")[0] == 0
    assert [action.name for action in load_descriptions(out)] == ["jump up", "sitting down"]
    assert server.asked.total() == 2
    path.write_text("jump up\nsitting down | onto the floor\n")
    assert call(capsys, *words)[0] == 0
    assert server.asked == {"sitting down": 2, "jump up": 1}
    assert call(capsys, *words, "--temperature", "0.1", "--overwrite")[0] == 0
    assert server.asked == {"sitting down": 3, "jump up": 2}
    assert server.bodies[-1]["temperature"] == 0.1
    assert "temperature 0.1" in out.read_text()


def test_texts_mended_by_hand_are_not_replaced(tmp_path: Path, server: LlmServer, capsys):
    path, out = listed(tmp_path, "sitting down", "jump up"), tmp_path / "my.json"
    words = (path, "--llm", f"openai:{MODEL}", "-o", out)
    assert call(capsys, *words)[0] == 0
    mended = out.read_text().replace("sitting down", "sit down slowly")
    out.write_text(mended)
    status, said = call(capsys, *words)
    assert status == 2
    assert "exists already, with other texts" in said
    assert out.read_text() == mended


def test_a_key_in_an_answer_is_taken_out(tmp_path: Path, server: LlmServer, capsys):
    texts = {**answer_of(TEXTS["sitting down"]), "sentence": f"The body sinks {KEY}."}
    server.texts["sitting down"] = [json.dumps(texts)]
    path, out = listed(tmp_path, "sitting down"), tmp_path / "my.json"
    assert call(capsys, path, "--llm", f"openai:{MODEL}", "-o", out)[0] == 0
    assert load_descriptions(out)[0].sentence == "The body sinks [key]."


# --- what cannot work -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs one of these: a file of action names"),
        (["actions.txt", "--check", "x.json"], "needs one of these: a file of action names"),
        (["--check", "x.json", "--llm", "openai:x"], "--check and --vectors judge a file that is there"),
        (["actions.txt", "--llm", "openai:x", "--timeout", "0"], "expected a time-out above 0"),
        (["actions.txt"], "needs the model that writes: --llm openai:MODEL"),
        (["actions.txt", "--llm", "gpt-4.1-mini"], "expected KIND:MODEL, such as openai:gpt-4.1-mini"),
        (["actions.txt", "--llm", "opnai:x"], "Did you mean 'openai'?"),
        (["actions.txt", "--llm", f"openai:{MODEL}", "--parallel", "0"], "must be at least 1, got 4 and 0"),
        (["none.txt", "--llm", f"openai:{MODEL}"], "none.txt: no such file of action names"),
        (["actions.txt", "--llm", "openai:best-model"], "model name 'best-model' right? It has: test-model."),
    ],
)
def test_mistakes_get_one_clear_line(
    tmp_path: Path, server: LlmServer, monkeypatch: pytest.MonkeyPatch, capsys, words: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    listed(tmp_path, "sitting down")
    status, said = call(capsys, *words)
    assert status == 2
    assert message in said
    assert said.count("\n") == 1


def test_without_the_extra(tmp_path: Path, server: LlmServer, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setitem(sys.modules, "openai", None)
    status, said = call(capsys, listed(tmp_path), "--llm", f"openai:{MODEL}", "-o", tmp_path / "my.json")
    assert status == 2
    assert 'pip install "lst-action[describe]"' in said


def test_nothing_of_lst_imports_the_extra_before_it_is_needed():
    code = "import sys, lst.cli.main; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0
