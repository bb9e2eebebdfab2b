"""Names of folders that do not exist, or are something else: what is there, and what is near."""

import difflib
from pathlib import Path


def existing_folder(path: Path, what: str) -> Path:
    """`path`, if it is a folder.

    Raises:
        FileNotFoundError: nothing is there; names the nearest folders.
        ValueError: it is a file.
    """
    if path.is_dir():
        return path
    if path.is_file():
        raise ValueError(f"{path}: is a file, expected the folder of {what}{_hint(path)}")
    raise FileNotFoundError(f"{path}: no such folder, expected that of {what}{_near(path)}")


def _hint(path: Path) -> str:
    """What a file is for, by its ending."""
    hints = {
        ".json": "lst describe --check FILE.json reads a file of descriptions",
        ".pt": "lst import-checkpoint FILE.pt reads a checkpoint",
        ".pth": "lst import-checkpoint FILE.pth reads a checkpoint",
        ".pkl": "lst import-data FILE.pkl FOLDER makes a store of it",
        ".npz": "lst import-data FILE.npz FOLDER makes a store of it",
        ".zip": "lst prepare DATASET FILE.zip makes a store of it",
    }
    if path.parent != Path() and any((path.parent / name).is_file() for name in ("card.json", "recipe.json")):
        return f". It belongs to the run {path.parent}"
    if (path.parent / "manifest.json").is_file():
        return f". It belongs to the store {path.parent}"
    return f". {hints[path.suffix.lower()]}" if path.suffix.lower() in hints else ""


def _near(path: Path) -> str:
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        return ""
    found = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and entry.name[0] != ".")
    near = difflib.get_close_matches(path.name, found, n=3)
    if near:
        return ". Did you mean " + " or ".join(str(parent / name) for name in near) + "?"
    if not found:
        return f". There is no folder in {parent}"
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f". In {parent} there are: {', '.join(found[:5])}{more}"
