"""One file (or the frames of one folder) as the readers get it: name, bytes, text and JSON, with limits.

A file that is no text, or no JSON, or too large is refused here, with the line where that shows.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lst.data.own.recording import ReadError

MAX_BYTES = 1 << 30
"""A larger file is not read: one recording has a few megabytes."""


@dataclass(frozen=True, eq=False)
class Source:
    """What becomes one or several recordings.

    Attributes:
        name: as it is called in messages: the path inside the folder that was given.
        clip: the name of its clip, without suffix.
        files: one, or the files of the frames in order.
    """

    name: str
    clip: str
    files: tuple[Path, ...] = field(repr=False)

    @property
    def path(self) -> Path:
        return self.files[0]

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @cached_property
    def head(self) -> bytes:
        """The first bytes.

        Raises:
            ReadError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return file.read(4096)
        except OSError as error:
            raise ReadError(f"cannot be read ({error.strerror or error})") from error

    @cached_property
    def content(self) -> bytes:
        """All bytes. Raises as `read_bytes`."""
        return read_bytes(self.path)

    @cached_property
    def text(self) -> str:
        """With LF line ends and without the mark at the start (BOM). Raises as `text_of`."""
        return text_of(self.content)

    @cached_property
    def json(self) -> Any:
        """Raises as `json_of`."""
        return json_of(self.text)


def read_bytes(path: Path) -> bytes:
    """The whole file.

    Raises:
        ReadError: it is empty, larger than MAX_BYTES, or cannot be read.
    """
    try:
        if not path.is_file():
            raise ReadError("is no file, or a link to a file that is not there")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ReadError(
                f"has {size / 1e9:.1f} GB; a file of recordings may have {MAX_BYTES / 1e9:.1f} GB"
            )
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror or error})") from error
    if not content.strip():
        raise ReadError("is empty")
    return content


def text_of(content: bytes) -> str:
    """Text with LF line ends.

    Raises:
        ReadError: it is not UTF-8 (or UTF-16 with its mark); names the line.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1].hex()
        raise ReadError(f"is not text in UTF-8 (byte {byte}); save it as UTF-8", line) from None
    if "\x00" in text:
        raise ReadError("is not text: it holds zero bytes", text.count("\n", 0, text.index("\x00")) + 1)
    return re.sub("\r\n?", "\n", text)


def json_of(text: str) -> Any:
    """Parsed JSON; NaN and Infinity are numbers, as in the files that Python writes.

    Raises:
        ReadError: it is no JSON; names the line.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"broken JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except RecursionError:
        raise ReadError("brackets are nested too deep for recordings") from None
    except ValueError:  # a whole number of thousands of digits
        raise ReadError("broken JSON: a number has too many digits") from None
