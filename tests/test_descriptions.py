"""Description files: reading, and every kind of problem with its class and part."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lst.facts.benchmarks import BENCHMARKS
from lst.text.descriptions import (
    MAX_WORDS,
    PARTS,
    ActionText,
    check_descriptions,
    default_descriptions,
    file_sha256,
    load_descriptions,
    shipped_text,
)

SHIPPED = ("nw-ucla", "ntu60", "ntu120", "synthetic")


def action(name: str, **texts) -> ActionText:
    """A class whose texts differ from those of any other name."""
    fields = {field: f"{field} while {name}" for field in ("sentence", *PARTS)}
    return ActionText(**{"name": name, "synonyms": (name, f"to {name}"), **fields, **texts})


HOP, SPIN = action("hop"), action("spin")


def write(path: Path, classes: object, **head: object) -> Path:
    path.write_text(json.dumps({"format": "lst-descriptions", "version": 1, "classes": classes, **head}))
    return path


def entry(**changes: object) -> dict[str, object]:
    fields = {field: f"a {field}" for field in ("sentence", *PARTS)}
    return {"name": "hop", "synonyms": ["leap", "skip"], **fields, **changes}


def test_reads_a_file_and_puts_the_name_first(tmp_path: Path):
    (hop,) = load_descriptions(write(tmp_path / "d.json", [entry(hand=" raw field")]))
    assert hop.synonyms == ("hop", "leap", "skip")
    assert hop.part("hand") == hop.hand == " raw field"  # spaces stay: the official prompts depend on them
    assert [hop.part(part) for part in PARTS if part != "hand"] == [
        "a head",
        "a arm",
        "a hip",
        "a leg",
        "a foot",
    ]


def test_name_that_stands_first_already_is_not_doubled(tmp_path: Path):
    (hop,) = load_descriptions(str(write(tmp_path / "d.json", [entry(synonyms=["hop", "leap"])])))
    assert hop.synonyms == ("hop", "leap")


def test_reads_a_file_with_a_byte_order_mark(tmp_path: Path):
    path = write(tmp_path / "d.json", [entry()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_descriptions(path)[0].name == "hop"


def test_broken_json_is_reported_with_its_position(tmp_path: Path):
    path = tmp_path / "broken.json"
    path.write_text('{\n  "format": "lst-descriptions"\n  "version": 1\n}')
    with pytest.raises(ValueError, match=r"broken\.json:3:3: broken JSON"):
        load_descriptions(path)


def test_missing_and_unreadable_files(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        load_descriptions(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(ValueError, match=r"latin\.json: byte 7 is not UTF-8"):
        load_descriptions(tmp_path / "latin.json")


@pytest.mark.parametrize(
    ("head", "classes", "message"),
    [
        ({"format": "other"}, [entry()], "not a description file"),
        ({"version": 2}, [entry()], "version 2; this lst reads 1"),
        ({}, [], '"classes" to be a list'),
        ({}, {"hop": entry()}, '"classes" to be a list'),
        ({}, ["hop"], "class 0: expected an object"),
        ({}, [entry(), entry(hand=3)], r"class 1 \('hop'\): 'hand' must be a text, got 3"),
        ({}, [entry(hands="x")], r"class 0 \('hop'\): 'hands' is not a field"),
        ({}, [entry(synonyms="leap")], r"class 0 \('hop'\): 'synonyms' must be a list of texts"),
        ({}, [entry(synonyms=["leap", 1])], "'synonyms' must be a list of texts"),
    ],
)
def test_wrong_content_is_refused(tmp_path: Path, head, classes, message: str):
    with pytest.raises(ValueError, match=message):
        load_descriptions(write(tmp_path / "d.json", classes, **head))


def test_all_missing_fields_are_named_at_once(tmp_path: Path):
    first, second = entry(), entry(name="spin")
    del first["arm"], second["leg"], second["synonyms"]
    with pytest.raises(ValueError, match="3 wrong fields") as caught:
        load_descriptions(write(tmp_path / "d.json", [first, second]))
    assert "class 0 ('hop'): 'arm' is missing" in str(caught.value)
    assert "class 1 ('spin'): 'leg' is missing" in str(caught.value)
    assert "class 1 ('spin'): 'synonyms' is missing" in str(caught.value)


def test_good_texts_have_no_problems():
    assert check_descriptions([HOP, SPIN]) == []
    assert check_descriptions([HOP, SPIN], ["hop", "spin"]) == []


@pytest.mark.parametrize(
    ("classes", "expected", "problem"),
    [
        ([HOP, replace(SPIN, hip=" ")], None, "class 1 ('spin'), part 'hip': the text is empty"),
        ([replace(HOP, sentence="")], None, "class 0 ('hop'), part 'sentence': the text is empty"),
        ([action("hop", synonyms=("hop",))], None, "class 0 ('hop'), part 'synonyms': there is none"),
        (
            [action("hop", synonyms=("hop", ""))],
            None,
            "class 0 ('hop'), part 'synonyms': one of them is empty",
        ),
        (
            [HOP, action("spin", synonyms=("spin", "turn", "Turn "))],
            None,
            "class 1 ('spin'), part 'synonyms': 'turn' occurs 2 times",
        ),
        (
            [HOP, action("spin", synonyms=("spin", "to hop"))],
            None,
            "class 0 ('hop'), class 1 ('spin'), part 'synonyms': the same text 'to hop'",
        ),
        (
            [HOP, replace(SPIN, leg="Leg  while HOP")],
            None,
            "class 0 ('hop'), class 1 ('spin'), part 'leg': the same text 'leg while hop'",
        ),
        (
            [HOP, action("hop", synonyms=("hop", "b"))],
            None,
            "class 0 ('hop'), part 'name': 2 classes have this",
        ),
        ([HOP, SPIN], ["hop", "turn"], "class 1 ('spin'), part 'name': expected 'turn' at this place"),
        ([HOP], ["hop", "spin"], "all classes, part 'name': 1 classes are described, 2 are expected"),
    ],
)
def test_each_problem_names_class_and_part(classes, expected, problem: str):
    found = check_descriptions(classes, expected)
    assert any(sentence.startswith(problem) for sentence in found), found


def test_the_same_phrase_for_two_parts_is_no_problem():
    assert check_descriptions([HOP, replace(SPIN, leg=HOP.foot)]) == []


def test_length_is_counted_over_the_whole_prompt():
    # name 1 + hand + arm words: 60 fit, 61 do not, whichever of the two phrases is the long one.
    fits = replace(HOP, hand="word " * 29, arm="word " * (MAX_WORDS - 30))
    assert check_descriptions([fits]) == []
    (problem,) = check_descriptions([replace(fits, arm=fits.arm + "more")])
    assert problem == "class 0 ('hop'), part 'hand': 61 words (name + hand + arm), at most 60 fit"
    (problem,) = check_descriptions([replace(HOP, sentence="word " * 61)])
    assert problem.startswith("class 0 ('hop'), part 'sentence': 61 words")


@pytest.mark.parametrize("dataset", SHIPPED)
def test_shipped_descriptions_fit_their_benchmark(dataset: str):
    classes = default_descriptions(dataset)
    (class_names,) = {b.class_names for b in BENCHMARKS.values() if b.dataset == dataset}
    assert check_descriptions(classes, class_names) == []
    assert all(9 <= len(action.synonyms) <= 11 for action in classes)


@pytest.mark.parametrize("dataset", SHIPPED)
def test_shipped_phrases_are_short_and_tell_of_their_part(dataset: str):
    also = {"hand": ("fist", "palm"), "arm": ("elbow",), "leg": ("knee",), "foot": ("feet", "sole")}
    for described in default_descriptions(dataset):
        for part in PARTS:
            phrase = described.part(part)
            assert phrase == phrase.strip()
            assert len(phrase.split()) <= 12, (described.name, part)
            assert any(word in phrase for word in (part, *also.get(part, ()))), (described.name, part)


def test_ntu60_has_the_first_60_texts_of_ntu120():
    ntu60, ntu120 = default_descriptions("ntu60"), default_descriptions("ntu120")
    assert (len(ntu60), len(ntu120)) == (60, 120)
    assert ntu60 == ntu120[:60]
    assert (ntu120[0].name, ntu120[59].name) == ("drink water", "walking apart from each other")
    assert ntu120[119].name == "finger-guessing game (playing rock-paper-scissors)"
    assert shipped_text("ntu60", ".json") == shipped_text("ntu120", ".json")


def test_each_ntu_class_has_ten_synonyms_and_its_name():
    for described in default_descriptions("ntu120"):
        assert len(set(described.synonyms)) == 11, described.name
        assert described.synonyms[0] == described.name


def test_two_person_classes_of_ntu_tell_of_both_persons():
    for number, described in enumerate(default_descriptions("ntu120"), start=1):
        words = set(re.findall(r"[a-z]+", described.sentence.lower()))
        if 50 <= number <= 60 or number >= 106:
            assert words & {"persons", "other", "both"}, described.name
        else:
            assert "persons" not in words, described.name
            assert not described.sentence.startswith("One person"), described.name


def test_unknown_shipped_set_is_explained():
    with pytest.raises(ValueError, match=r"unknown shipped text set 'nw_ucla'\. Did you mean 'nw-ucla'"):
        default_descriptions("nw_ucla")


def test_sha256_is_that_of_the_bytes(tmp_path: Path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")  # the test vector of FIPS 180-2
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(file_sha256(shipped_text("nw-ucla", ".json"))) == 64
