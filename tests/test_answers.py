"""Answers of language models: what is read from them, what is refused, and under which key they are kept."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.text.answers import Answer, AnswerCache, read_answer, written_by
from lst.text.descriptions import (
    PARTS,
    action_text,
    default_descriptions,
    descriptions_json,
    load_descriptions,
)
from lst.text.instruction import (
    ANSWER_SCHEMA,
    INSTRUCTION,
    MAX_OTHERS,
    Question,
    instruction_sha256,
    messages,
    messages_again,
    questions,
)

HOP = Question("hop", others=("jump up", "sit down"))
FIELDS = {
    "synonyms": ["leap", "skip", "spring", "bounce", "bob", "bound"],
    "sentence": "Both feet leave the floor and come down again.",
    **{part: f"{part} goes up and down" for part in PARTS},
}
TEXTS = action_text({"name": "hop", **FIELDS})
WHOLE = json.dumps(FIELDS)


@pytest.mark.parametrize(
    "raw",
    [
        WHOLE,
        json.dumps(FIELDS, indent=2),
        f"```json\n{WHOLE}\n```",
        f"Here you are:\n```\n{WHOLE}\n```\nAnything else? {{}}",
        f'<think>An object like {{"sentence": ...}} or {{"head": "x"}} is wanted.</think>{WHOLE}',
        json.dumps({**FIELDS, "name": "to hop"}),  # the list gives the name
        json.dumps({**FIELDS, "synonyms": ["Hop ", *FIELDS["synonyms"]]}),
        json.dumps({**FIELDS, "sentence": f"  {FIELDS['sentence']}\n"}),
    ],
    ids=["plain", "indented", "fence", "talk", "thoughts", "name", "name as synonym", "spaces"],
)
def test_the_texts_are_found_in_what_models_write_around_them(raw: str):
    assert read_answer(HOP, raw) == (TEXTS, [])


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "there is no JSON object in it"),
        ("Leaping is fun.", "there is no JSON object in it"),
        (WHOLE[:90], "there is no JSON object in it that is complete; it may have been cut off"),
        ("[1, 2]", "there is no JSON object in it"),
        (json.dumps({k: v for k, v in FIELDS.items() if k != "hand"}), "'hand' is missing"),
        (json.dumps({**FIELDS, "hand": ["up"]}), "'hand' must be a text, got ['up']"),
        (json.dumps({**FIELDS, "synonyms": "leap, skip"}), "'synonyms' must be a list of texts"),
        (json.dumps({**FIELDS, "wrist": "turns"}), "'wrist' is not a field"),
        (json.dumps({**FIELDS, "foot": " "}), "part 'foot': the text is empty"),
        (json.dumps({**FIELDS, "foot": "up " * 80}), "part 'foot': 86 words (name + leg + foot)"),
        (json.dumps({**FIELDS, "synonyms": ["leap", "Leap"] * 3}), "part 'synonyms': 'leap' occurs 6 times"),
        (json.dumps({**FIELDS, "synonyms": ["leap"]}), "part 'synonyms': 1 besides the name; ten are wanted"),
        (
            json.dumps({**FIELDS, "synonyms": [*FIELDS["synonyms"], "Jump  up"]}),
            "part 'synonyms': 'Jump  up' is the name of another action of the list",
        ),
        (WHOLE.replace("leave", "\\ud83d"), "it holds half of a character, '\\ud83d'"),
    ],
)
def test_an_answer_with_a_problem_gives_no_texts(raw: str, problem: str):
    texts, problems = read_answer(HOP, raw)
    assert texts is None
    assert problem in "\n".join(problems)


@given(st.text())
def test_any_text_at_all_is_either_read_or_has_a_problem(raw: str):
    texts, problems = read_answer(HOP, raw)
    assert (texts is None) == bool(problems)


@given(st.integers(0, len(WHOLE) - 1))
def test_no_part_of_an_answer_passes_for_a_whole_one(length: int):
    assert read_answer(HOP, WHOLE[:length])[0] is None


@pytest.mark.parametrize("dataset", ["nw-ucla", "ntu120", "synthetic"])
def test_the_shipped_texts_would_be_accepted_and_come_back_from_a_file(dataset: str, tmp_path: Path):
    classes = default_descriptions(dataset)
    for action, question in zip(classes, questions([(a.name, "") for a in classes]), strict=True):
        parts = {part: action.part(part) for part in PARTS}
        raw = json.dumps({"synonyms": action.synonyms[1:], "sentence": action.sentence, **parts})
        assert read_answer(question, raw) == (action, [])
    path = tmp_path / "again.json"
    path.write_text(descriptions_json(classes, dataset=dataset, written_by="a test"))
    assert load_descriptions(path) == classes


# --- kept answers ------------------------------------------------------------------------------------------


def cache(folder: Path, *, model: str = "m", temperature: float | None = None) -> AnswerCache:
    return AnswerCache(folder, model=model, temperature=temperature)


ANSWER = Answer(TEXTS, WHOLE, "m-2026", 2, "2026-11-24T22:00:00+00:00")


def test_a_kept_answer_comes_back_and_has_a_readable_name(tmp_path: Path):
    cache(tmp_path).store(HOP, ANSWER)
    assert cache(tmp_path).load(HOP) == ANSWER
    (path,) = tmp_path.iterdir()
    assert path.name == f"hop-{cache(tmp_path).key(HOP)[:16]}.json"
    kept = json.loads(path.read_text())
    assert {name: kept[name] for name in ("model", "date", "attempt", "raw")} == {
        "model": "m",
        "date": ANSWER.date,
        "attempt": 2,
        "raw": WHOLE,
    }


def test_whatever_an_answer_depends_on_is_in_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = cache(tmp_path)
    kept.store(HOP, ANSWER)
    other = [replace(HOP, name="skip"), replace(HOP, hint="on one leg"), replace(HOP, others=("jump up",))]
    assert [kept.load(question) for question in other] == [None] * 3
    assert kept.load(replace(HOP, others=HOP.others[::-1])) == ANSWER  # the order of a list is no matter
    assert cache(tmp_path, model="n").load(HOP) is None
    assert cache(tmp_path, temperature=0.0).load(HOP) is None
    monkeypatch.setattr("lst.text.instruction.INSTRUCTION", INSTRUCTION + "!")
    assert cache(tmp_path).load(HOP) is None


def test_names_without_latin_letters_have_files_too(tmp_path: Path):
    question = Question("跳跃 / 🤸")
    cache(tmp_path).store(question, ANSWER)
    assert cache(tmp_path).load(question) is not None
    assert [path.name for path in tmp_path.iterdir()] == [f"{cache(tmp_path).key(question)[:16]}.json"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[]", b'{"raw": 3}', b'{"key": "other"}'])
def test_a_damaged_answer_is_named(tmp_path: Path, content: bytes):
    path = cache(tmp_path).path(HOP)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"hop-.*Delete this file") as caught:
        cache(tmp_path).load(HOP)
    assert str(path) in str(caught.value)


def test_an_answer_under_the_name_of_another_question_is_not_taken(tmp_path: Path):
    skip = replace(HOP, name="skip")
    cache(tmp_path).store(HOP, ANSWER)
    cache(tmp_path).path(HOP).rename(cache(tmp_path).path(skip))
    with pytest.raises(ValueError, match="belongs to another question"):
        cache(tmp_path).load(skip)


def test_an_answer_that_the_rules_refuse_is_asked_anew(tmp_path: Path):
    cache(tmp_path).store(HOP, replace(ANSWER, raw=WHOLE.replace('"leap"', '"sit down"')))
    assert cache(tmp_path).load(HOP) is None


def test_who_wrote_a_file():
    later = replace(ANSWER, date="2026-12-01T00:00:00+00:00", answered_by="m")
    text = written_by([later, ANSWER], model="m", temperature=0.5)
    assert text.startswith("The language model m (m-2026), temperature 0.5, asked by lst describe, ")
    assert f"2026-11-24 to 2026-12-01. Instruction {instruction_sha256()[:12]}." in text


# --- questions ---------------------------------------------------------------------------------------------


def test_a_question_names_action_hint_and_the_others():
    first, _ = questions([("wave", "one raised arm"), ("bow", "")])
    system, user = messages(first)
    assert system == {"role": "system", "content": INSTRUCTION}
    assert user["content"].startswith("Action: wave\n\nWhat is meant: one raised arm\n\n")
    assert user["content"].endswith("\n- bow")
    assert messages(Question("bow"))[1]["content"] == "Action: bow"


def test_of_a_long_list_the_names_most_alike_are_told():
    names = [f"turn the wheel {n:03d}" for n in range(MAX_OTHERS)] + [f"XYZ {n}" for n in range(50)]
    first = questions([(name, "") for name in names])[0]
    assert len(first.others) == MAX_OTHERS
    assert set(names[1:MAX_OTHERS]) < set(first.others)


def test_an_empty_answer_is_not_shown_to_the_model_again():
    assert messages_again(HOP, " \n", ["p"]) == messages(HOP)
    assert [message["role"] for message in messages_again(HOP, "x", ["p"])][2:] == ["assistant", "user"]


def test_the_instruction_names_every_field():
    assert all(f'"{field}"' in INSTRUCTION for field in ANSWER_SCHEMA["required"])
    assert len(instruction_sha256()) == 64
