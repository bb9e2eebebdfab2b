"""Names for classes that a data set only numbers: lines such as `a1,swipe left`, or names alone in order."""

from collections.abc import Sequence
from pathlib import Path

from lst.data.own.recording import ReadError
from lst.data.own.source import read_bytes, text_of


def renamed(classes: Sequence[str], path: Path) -> list[str]:
    """The name of each class, in the same order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a class has no line, a line no class, or two classes get one name; names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Give lines such as `a1,swipe left`.")
    try:
        text = text_of(read_bytes(path))
    except ReadError as error:
        raise ValueError(f"{path}: {error}") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    pairs = {label.strip(): name.strip() for _, line in lines for label, _, name in [line.partition(",")]}
    if set(classes) <= pairs.keys():
        names = [pairs[label] for label in classes]
    elif len(lines) == len(classes) and not any("," in line for _, line in lines):
        names = [line for _, line in lines]
    else:
        missing = [label for label in classes if label not in pairs]
        raise ValueError(
            f"{path}: has {len(lines)} lines and none for class {missing[0]!r}; expected `label,name` for "
            f"each of the {len(classes)} classes, or their names in order"
        )
    if empty := [label for label, name in zip(classes, names, strict=True) if not name]:
        raise ValueError(f"{path}: class {empty[0]!r} has no name")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{path}: {twice[0]!r} is the name of two classes")
    return names
