"""The reader of `.skeleton` text: against a plain reader, Python's numbers, and file by broken file."""

import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lst.data.ntu import raw as ntu_raw
from lst.data.ntu.raw import RawBodies, RawFileError, read_bodies
from lst.data.ntu.raw_fast import read_fast
from skeleton_files import damaged, frames_of, joint_line, make_skeleton_file, moving, plain_read, pose

TWO = make_skeleton_file(
    frames_of(
        5,
        {
            "72057594037931101": (range(5), moving(1, 5)),
            "72057594037931368": ([1, 2, 4], moving(2, 3, x=-0.6)),
        },
    )
)


def assert_same(raw: RawBodies, content: bytes) -> None:
    plain = plain_read(content)
    assert raw.bodies_T.tolist() == plain.bodies
    assert raw.ids == plain.ids
    assert raw.extra_lines == plain.extra_lines
    expected = np.asarray(plain.joints, dtype=np.float32).reshape(-1, 25, 3)
    assert raw.joints_BVC.dtype == np.float32
    assert raw.joints_BVC.shape == expected.shape
    assert raw.joints_BVC.tobytes() == expected.tobytes()  # the bits, so that -0.0 is not 0.0


def test_a_file_by_hand():
    joints = ["0.07241221 -0.04556701 3.509003", "-0 5.1E-05 -.5", "1. 12 nan", *["0.1 0.2 0.3"] * 22]
    lines = [
        "2",
        "0",
        "1",
        "72057594037931101 0 1 1 0 0 0 0.1 -0.2 2",
        "25",
        *(joint_line([j]) for j in joints),
    ]
    raw = read_bodies("\n".join(lines).encode())
    assert raw.bodies_T.tolist() == [0, 1]
    assert raw.ids == [b"72057594037931101"]
    assert raw.extra_lines == 0
    assert raw.joints_BVC.shape == (1, 25, 3)
    expected = [[0.07241221, -0.04556701, 3.509003], [-0.0, 5.1e-05, -0.5], [1, 12, np.nan]]
    assert raw.joints_BVC[0, :3].tobytes() == np.asarray(expected, dtype=np.float32).tobytes()
    assert raw.joints_BVC[0, 24].tolist() == np.float32([0.1, 0.2, 0.3]).tolist()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n \n"])
def test_line_ends_do_not_matter(newline: str, end: str):
    content = (TWO.decode().rstrip() + end).replace("\n", newline).encode()
    assert_same(read_bodies(content), TWO)


def test_any_blanks_between_fields():
    assert_same(read_bodies(TWO.replace(b" ", b" \t ").replace(b"\n", b" \n")), TWO)


def test_usual_files_take_the_fast_way(shared: Path):
    assert read_fast(TWO) is not None
    assert read_fast(TWO.replace(b"\n", b"\r\n")) is not None
    assert read_fast(TWO.replace(b"\n", b" \n")) is None
    with zipfile.ZipFile(shared / "golden" / "ntu_prep.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".skeleton")]
        assert len(names) == 26
        for name in names:
            content = archive.read(name)
            raw = read_fast(content)
            assert raw is not None, name
            assert_same(raw, content)
            assert_same(ntu_raw._read_carefully(content), content)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=5), st.data())
def test_writing_and_reading_is_the_identity(counts: list[int], data: st.DataObject):
    num_bodies = sum(counts)
    floats = st.floats(width=32, allow_nan=False)
    joints_BVC = data.draw(arrays(np.float32, (num_bodies, 25, 3), elements=floats, fill=st.just(1.25)))
    rows = iter(joints_BVC)
    frames = [[(f"7{body}", next(rows)) for body in range(count)] for count in counts]
    raw = read_bodies(
        make_skeleton_file(frames, digits=9)
    )  # nine digits tell every float32 from its neighbours
    assert raw.bodies_T.tolist() == counts
    assert raw.ids == [f"7{body}".encode() for count in counts for body in range(count)]
    assert raw.joints_BVC.tobytes() == joints_BVC.tobytes()


NUMBER = st.one_of(
    st.from_regex(r"-?[0-9]{1,3}\.[0-9]{1,9}", fullmatch=True),
    st.from_regex(r"[-+]?([0-9]{1,6}\.?[0-9]{0,12}|\.[0-9]{1,8})([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["nan", "NaN", "-inf", "1e400", "0", "-0", "-0.000", "1.", "000.10"]),
)
NO_NUMBERS = [
    "-",
    ".",
    "-.",
    "--1",
    "1-",
    "1.2.3",
    "1..2",
    ".1.",
    "e5",
    "1e",
    "1_0",
    "0x1",
    "-1.#IND",
    "1,5",
    "+-1",
]


def one_body(texts: list[str]) -> bytes:
    joints = [joint_line(texts[i : i + 3]) for i in range(0, 75, 3)]
    return "\n".join(["1", "1", "7 0 1 1 0 0 0 0.1 -0.2 2", "25", *joints]).encode()


@settings(max_examples=100, deadline=None)
@given(st.lists(NUMBER, min_size=25, max_size=25))
def test_numbers_are_those_of_python(texts: list[str]):
    with np.errstate(over="ignore"):
        expected = np.float32([float(text) for text in texts])
    raw = read_bodies(one_body([*texts, *["1.5"] * 50]))
    assert raw.joints_BVC.ravel()[:25].tobytes() == expected.tobytes()


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("place", [0, 37, 74])
def test_what_is_no_number(text: str, place: int):
    texts = ["-0.25"] * 75
    texts[place] = text
    with pytest.raises(
        RawFileError, match=f"joint {place // 3 + 1}, {'xyz'[place % 3]}: .* is no number"
    ) as caught:
        read_bodies(one_body(texts))
    assert caught.value.line == 5 + place // 3


def test_damaged_files_are_read_as_plainly_or_refused():
    rng = random.Random(20240711)  # noqa: S311
    outcomes = {True: 0, False: 0}
    for _ in range(600):
        content = damaged(TWO, rng)
        try:
            plain_read(content)
        except ValueError:
            with pytest.raises(RawFileError) as caught:
                read_bodies(content)
            assert caught.value.line is None or 1 <= caught.value.line <= len(content.splitlines())
            outcomes[False] += 1
        else:
            assert_same(read_bodies(content), content)
            outcomes[True] += 1
    assert min(outcomes.values()) > 200  # both happen often


def broken(line: int, new: str | None, content: bytes = TWO) -> bytes:
    """The file with line number `line` (from 1) replaced, or dropped for None."""
    lines = content.decode().splitlines()
    lines[line - 1 : line] = [] if new is None else [new]
    return "\n".join(lines).encode()


LINES = TWO.decode().splitlines()
# Line 1: 5 frames. Frame 1: line 2 (1 body), line 3 (the body), line 4 (25), lines 5 to 29. Frame 2: line 30.
BAD = {
    "empty": (b"", None, "is empty"),
    "blank": (b" \n\n", None, "is empty"),
    "no text": (bytes(range(128, 256)), 1, "expected the number of frames (a whole number), got"),
    "negative": (broken(1, "-5"), 1, "expected the number of frames (a whole number), got '-5'"),
    "huge": (broken(1, "9" * 5000), 1, "expected the number of frames (a whole number), got '999"),
    "more frames promised": (broken(1, "7"), 222, "cut short before frame 6 of 7"),
    "cut in a frame": ("\n".join(LINES[:40]).encode(), 40, "cut short in frame 2 of 5, body 1, joint 9"),
    "cut before a body": ("\n".join(LINES[:30]).encode(), 30, "cut short in frame 2 of 5, body 1"),
    "24 joints": (broken(4, "24"), 4, "in frame 1 of 5, body 1: expected 25 joints, got 24"),
    "26 joints": (broken(4, "26"), 4, "in frame 1 of 5, body 1: expected 25 joints, got 26"),
    "3 values": (
        broken(5, "0.1 0.2 0.3"),
        5,
        "body 1, joint 1: expected the line about the joint (12 fields), got 3",
    ),
    "body line": (broken(3, "72057594037931101"), 3, "expected the line about the body (10 fields), got 1"),
    "line lost": (
        broken(10, None),
        29,
        "body 1, joint 25: expected the line about the joint (12 fields), got 1",
    ),
    "line twice": (
        broken(10, LINES[9] + "\n" + LINES[9]),
        30,
        "before frame 2 of 5: expected the number of bodies",
    ),
    "word": (broken(7, joint_line(["0.1", "-1.#IND", "3"])), 7, "body 1, joint 3, y: '-1.#IND' is no number"),
    "word in colour": (
        broken(7, LINES[6].replace("979.7177", "-1.#IND")),
        7,
        "joint 3, colour x: '-1.#IND' is no",
    ),
    "two points": (broken(7, joint_line(["0.1.2", "1", "3"])), 7, "joint 3, x: '0.1.2' is no number"),
    "long": (broken(7, joint_line(["x" * 5000, "1", "3"])), 7, f"joint 3, x: '{'x' * 27}...' is no number"),
    "same body twice": (
        broken(58, LINES[30]),
        58,
        "body 2: the body id '72057594037931101' comes twice in this frame",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_said_about_a_broken_file(case: str):
    content, line, message = BAD[case]
    with pytest.raises(RawFileError) as caught:
        read_bodies(content)
    assert message in str(caught.value)
    assert caught.value.line == line
    assert len(str(caught.value)) < 200


def test_words_in_fields_that_nobody_reads_do_no_harm():
    content = TWO.replace(b"0.5523734", b"-1.#IND")
    assert content != TWO
    assert_same(read_bodies(content), TWO)


def test_extra_lines_are_counted_without_the_blank_ones():
    assert read_bodies(TWO + b"1\nrubbish \xff\n\n\n").extra_lines == 2
    assert read_bodies(broken(1, "4")).extra_lines == 55  # the last frame: 1 + 2 * 27


def test_no_frames_and_no_bodies_are_for_the_next_step():
    assert read_bodies(b"0\n").bodies_T.tolist() == []
    raw = read_bodies(b"3\n0\n0\n0\n")
    assert raw.bodies_T.tolist() == [0, 0, 0]
    assert raw.joints_BVC.shape == (0, 25, 3)


def test_more_bodies_than_a_digit():
    content = make_skeleton_file([[(str(body), pose(body)) for body in range(12)]])
    assert_same(read_bodies(content), content)
