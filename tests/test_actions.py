"""Files of action names."""

from pathlib import Path

import pytest

from lst.text.actions import Action, read_actions


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "actions.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_hints_comments_and_blank_lines(tmp_path: Path):
    text = (
        "\ufeff# my actions\r\n\r\n  drink water \r\nwave | one raised arm | as a greeting\r\n"
        "  # another comment\nput on\ta jacket, not a shoe\nuse a|b\nkick #2\n"
    )
    assert read_actions(write(tmp_path, text)) == [
        Action("drink water"),
        Action("wave", "one raised arm | as a greeting"),
        Action("put on", "a jacket, not a shoe"),
        Action("use a|b"),
        Action("kick #2"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "actions.txt: no action in it; expected one name per line"),
        ("# only\n\n# comments\n", "actions.txt: no action in it"),
        ("wave\n\nbow\nWave  \n", "actions.txt:4: 'Wave' stands in line 1 already"),
        ("hop\n | on one leg\n", "actions.txt:2: a hint without an action"),
        ("go " * 21 + "\n", "actions.txt:1: a name of 21 words, at most 20"),
        (b"wave\nb\xfcgeln\n", "actions.txt: byte 6 is not UTF-8"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(ValueError, match="actions") as caught:
        read_actions(write(tmp_path, text))
    assert message in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    with pytest.raises(
        ValueError, match=r"(?s)actions.txt:2: 'a' .*actions.txt:3: 'a' .*actions.txt:4: a hint"
    ):
        read_actions(write(tmp_path, "a\na\na\n | b\n"))


def test_a_description_file_is_not_a_list(tmp_path: Path):
    path = tmp_path / "my.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"my\.json: expected a text file.*--check"):
        read_actions(path)
