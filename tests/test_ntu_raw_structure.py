"""The fast reader takes a file only if every line is in its place: one line moved, doubled or dropped."""

import numpy as np
import pytest

from lst.data.ntu import raw_fast as ntu_raw_fast
from lst.data.ntu.raw import RawFileError, read_bodies
from lst.data.ntu.raw_fast import read_fast
from skeleton_files import frames_of, joint_line, make_skeleton_file, moving, plain_read

CONTENT = make_skeleton_file(frames_of(3, {"7": (range(3), moving(1, 3)), "8": ([1, 2], moving(2, 2))}))
LINES = CONTENT.splitlines()
JOINT = joint_line(["0.1", "0.2", "0.3"]).encode()


def agree(lines: list[bytes]) -> None:
    """Both ways give the same bodies, or both refuse."""
    content = b"\n".join(lines)
    try:
        plain = plain_read(content)
    except ValueError:
        assert read_fast(content) is None
        with pytest.raises(RawFileError):
            read_bodies(content)
    else:
        raw = read_bodies(content)
        found = (raw.bodies_T.tolist(), raw.ids, raw.extra_lines)
        assert found == (plain.bodies, plain.ids, plain.extra_lines)


def test_the_file_itself_takes_the_fast_way():
    raw = read_fast(CONTENT)
    assert raw is not None
    assert (raw.bodies_T.tolist(), raw.ids) == ([1, 2, 2], [b"7", b"7", b"8", b"7", b"8"])


@pytest.mark.parametrize("new", [JOINT, b"1", b"25", b"0", LINES[2]], ids=["joint", "1", "25", "0", "body"])
def test_a_line_too_many_at_any_place(new: bytes):
    for place in range(len(LINES) + 1):
        agree([*LINES[:place], new, *LINES[place:]])


def test_a_line_too_few_at_any_place():
    for place in range(len(LINES)):
        agree([*LINES[:place], *LINES[place + 1 :]])


@pytest.mark.parametrize("text", [b"0", b"1", b"2", b"3", b"9", b"10", b"-1", b"1.", b""])
def test_another_count_at_any_place(text: bytes):
    for place, line in enumerate(LINES):
        if line.isdigit():
            agree([*LINES[:place], text, *LINES[place + 1 :]])


def test_a_whole_body_more_or_less_and_bodies_behind_the_end():
    starts = [i for i, line in enumerate(LINES) if len(line.split()) == 10]
    for i in starts:
        agree([*LINES[:i], *LINES[i + 27 :]])
        agree([*LINES[: i + 27], *LINES[i:]])
        agree([*LINES, *LINES[i : i + 27]])
        agree([*LINES, *LINES[i : i + 20]])


def test_many_frames_with_changing_numbers_of_bodies(monkeypatch: pytest.MonkeyPatch):
    frames = frames_of(40, {"7": (range(40), moving(1, 40)), "8": ([5, 6, 7, 20, 39], moving(2, 5))})
    lines = make_skeleton_file(frames).splitlines()
    monkeypatch.setattr(ntu_raw_fast, "_LOOK_AHEAD", 3)
    assert read_fast(b"\n".join(lines)) is not None
    agree(lines)
    agree([b"999999999", *lines[1:]])


@pytest.mark.parametrize("bodies", [9, 10])
def test_nine_bodies_in_a_frame_take_the_fast_way(bodies: int):
    content = make_skeleton_file(frames_of(2, {str(i): (range(2), moving(i, 2)) for i in range(bodies)}))
    assert (read_fast(content) is not None) == (bodies == 9)
    agree(content.splitlines())


def test_small_files():
    for content in (b"", b"\n", b"1", b"0\n", b"1\n0\n", b"1\n1\n", JOINT, b"1\n" + JOINT, b"2\n0\n" + JOINT):
        agree(content.splitlines())


NUMBERS = (
    "0.5 -0.25 1.00000001 0.000000001 9.99999999 0.123456789 -0.0 -0 12.5 .5 5. 1e-3 -1.5E-05 +2.5 7 0.0 "
)
NUMBERS += "00.5 0.00000000 -9.12345678 3.141593 123456789.123456789 1e400 -1e-400 0.1e1"


def test_numbers_of_all_lengths_and_forms_are_those_of_python():
    texts = (NUMBERS.split() * 4)[:75]
    joints = [joint_line(texts[3 * i : 3 * i + 3]) for i in range(25)]
    content = "\n".join(["1", "1", "7 0 1 1 0 0 0 0.1 -0.2 2", "25", *joints, ""]).encode()
    raw = read_fast(content)
    assert raw is not None
    with np.errstate(over="ignore"):
        expected = np.array([float(text) for text in texts]).astype(np.float32)
    assert raw.joints_BVC.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "text", ["-", ".", "-.", "1.2.3", "0.1-2", "0..5", "0.12e", "e5", "--0.5", "0.5-", "1.+2"]
)
def test_what_only_looks_like_a_number(text: str):
    joints = [joint_line(["0.1", text, "0.3"])] * 25
    agree("\n".join(["1", "1", "7 0 1 1 0 0 0 0.1 -0.2 2", "25", *joints]).encode().splitlines())


@pytest.mark.parametrize("body_id", [b"7\xff", b"-7", b"7.5", b"id7", b"7e3"])
def test_a_body_id_that_is_no_whole_number(body_id: bytes):
    broken = CONTENT.replace(b"\n7 ", b"\n" + body_id + b" ", 1)
    agree(broken.splitlines())
    with pytest.raises(RawFileError, match=r"in frame 1 of 3, body 1: the body id .* is no whole number"):
        read_bodies(broken)
