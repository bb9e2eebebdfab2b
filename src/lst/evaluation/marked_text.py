"""Tables that are made anew inside a Markdown file that people write. Standard library only."""

from pathlib import Path

from lst.files.whole import write_text


def replace_marked(path: Path, begin: str, end: str, body: str) -> None:
    """Replace what stands between the lines `begin` and `end` of a file; the rest is left as it is.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the two lines are not there once each, in this order.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; the table goes between two lines of a Markdown file")
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{path}: needs the lines {begin!r} and {end!r} once, in this order")
    before, after = text[: text.index(begin)], text[text.index(end) :]
    write_text(path, before + "\n".join([begin, "", body, "", after]))
