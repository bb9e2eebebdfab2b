"""Description files: what each action class looks like, in words; read and checked. Standard library only.

Letters: K classes. The position of a class in the file is its label.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from lst.facts.body_parts import PARTS, PROMPT_PARTS, PartName
from lst.facts.choices import choose
from lst.files.typed_json import decode

FORMAT, VERSION = "lst-descriptions", 1
MAX_WORDS = 60
"""Rough limit of a text: CLIP reads 77 tokens, and 60 words with their commas are about 70 (quirk Q24)."""

FIRST_CLASSES: dict[str, tuple[str, int]] = {"ntu60": ("ntu120", 60)}
"""Data sets whose classes are the first ones of another: they use its shipped texts, up to this number."""

_TEXT_FIELDS = ("name", "sentence", *PARTS)
_FIELDS = {*_TEXT_FIELDS, "synonyms"}


@dataclass(frozen=True)
class ActionText:
    """One action class in words.

    Texts are kept exactly as read, leading spaces too: the official prompts depend on them (`prompts.py`).
    """

    name: str
    synonyms: tuple[str, ...]
    """All wordings of the action; the name comes first."""
    sentence: str
    head: str
    hand: str
    arm: str
    hip: str
    leg: str
    foot: str

    @property
    def words(self) -> str:
        """The name as it is put into texts: the first synonym, which is the name itself in every file."""
        return self.synonyms[0] if self.synonyms else self.name

    def part(self, name: PartName) -> str:
        """The phrase for one body part."""
        return getattr(self, name)


class SharedText(NamedTuple):
    """A text that several classes have for the same part: it cannot tell them apart."""

    labels: tuple[int, ...]
    part: str
    """A body part, or "synonyms"."""
    text: str
    """In lower case, with single spaces."""


def load_descriptions(path: str | Path | Traversable) -> list[ActionText]:
    """The K classes of a description file, in label order.

    The file is JSON: `{"format": "lst-descriptions", "version": 1, "dataset": ..., "written_by": ...,
    "classes": [{"name", "synonyms": [...], "sentence", "head", "hand", "arm", "hip", "leg", "foot"}, ...]}`.
    The class name is put in front of its synonyms unless it stands there already.
    What the texts say is judged by `check_descriptions`, not here.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not JSON (with line and column), not a description file, or a class lacks a field,
            has an unknown one or one that is not text.
    """
    file = Path(path) if isinstance(path, str) else path
    content = _read_json(file)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'{file}: not a description file: expected an object with "format": "{FORMAT}"')
    if content.get("version") != VERSION:
        raise ValueError(
            f"{file}: description format version {content.get('version')!r}; this lst reads {VERSION}. "
            "Install the release that wrote the file, or write the file anew."
        )
    classes = content.get("classes")
    if not isinstance(classes, list) or not classes:
        raise ValueError(f'{file}: expected "classes" to be a list with one entry per class, got {classes!r}')
    if problems := [problem for k, entry in enumerate(classes) for problem in wrong_fields(k, entry)]:
        raise ValueError(f"{file}: {len(problems)} wrong fields:\n  " + "\n  ".join(problems))
    return [action_text(entry) for entry in classes]


def check_descriptions(
    classes: Sequence[ActionText], expected_names: Sequence[str] | None = None
) -> list[str]:
    """What is wrong with the texts, one sentence each with class and part; an empty list = nothing found.

    Finds empty texts; names that differ from `expected_names` (label by label) or occur twice; synonyms that
    occur twice; synonyms, and phrases for the same part, that two classes share: such texts cannot tell the
    classes apart; texts of more than `MAX_WORDS` words. Comparisons of phrases and synonyms ignore case and
    white space.
    """
    problems = list(_name_problems([action.name for action in classes], expected_names))
    for k, action in enumerate(classes):
        problems += _empty_texts(k, action)
        problems += _repeated_synonyms(k, action)
        problems += _long_texts(k, action)
    for shared in shared_texts(classes):
        names = ", ".join(_class(k, classes[k].name) for k in shared.labels)
        problems.append(f"{names}, part {shared.part!r}: the same text {shared.text!r}")
    return problems


def shared_texts(classes: Sequence[ActionText]) -> Iterator[SharedText]:
    """Synonyms, and phrases for the same part, that two or more classes share; the name is a synonym too."""
    yield from _shared(classes, "synonyms", lambda action: action.synonyms)
    for part in PARTS:
        yield from _shared(classes, part, lambda action, part=part: (action.part(part),))


def same_text(text: str) -> str:
    """Texts with the same result read the same to a text encoder."""
    return " ".join(text.lower().split())


def wrong_fields(k: int, entry: Any) -> Iterator[str]:
    """What keeps an entry of "classes", at place k, from being a class: fields missing, unknown, not text."""
    if not isinstance(entry, dict):
        yield f"class {k}: expected an object with the fields {', '.join(sorted(_FIELDS))}, got {entry!r}"
        return
    where = _class(k, entry.get("name"))
    for field in sorted(_FIELDS - entry.keys()):
        yield f"{where}: {field!r} is missing"
    for field in sorted(entry.keys() - _FIELDS):
        yield f"{where}: {field!r} is not a field; known: {', '.join(sorted(_FIELDS))}"
    for field in _TEXT_FIELDS:
        if not isinstance(entry.get(field, ""), str):
            yield f"{where}: {field!r} must be a text, got {entry[field]!r}"
    synonyms = entry.get("synonyms", [])
    if not isinstance(synonyms, list) or not all(isinstance(synonym, str) for synonym in synonyms):
        yield f"{where}: 'synonyms' must be a list of texts, got {synonyms!r}"


def action_text(entry: Mapping[str, Any]) -> ActionText:
    """One entry of "classes" without wrong fields; the name is put in front of the synonyms."""
    synonyms = entry["synonyms"]
    if entry["name"] not in synonyms[:1]:
        synonyms = [entry["name"], *synonyms]
    return ActionText(synonyms=tuple(synonyms), **{field: entry[field] for field in _TEXT_FIELDS})


def descriptions_json(classes: Sequence[ActionText], *, dataset: str, written_by: str) -> str:
    """The text of a description file; `load_descriptions` gives the same classes back.

    A name that stands in front of its synonyms is left out there, as in the files that ship with `lst`.
    """
    entries = []
    for action in classes:
        synonyms = [*action.synonyms]
        if action.name in synonyms[:1]:
            del synonyms[0]
        texts = {field: getattr(action, field) for field in _TEXT_FIELDS}
        entries.append({"name": action.name, "synonyms": synonyms, **texts})
    head = {"format": FORMAT, "version": VERSION, "dataset": dataset, "written_by": written_by}
    return json.dumps({**head, "classes": entries}, indent=2, ensure_ascii=False) + "\n"


def shipped_text(dataset: str, suffix: str) -> Traversable:
    """A text file inside the package: `suffix` is ".json" (descriptions) or ".minilm.safetensors" (vectors).

    For a data set in `FIRST_CLASSES` it is the file of the larger one, with all of its classes.

    Raises:
        ValueError: nothing is shipped for this dataset.
    """
    folder = resources.files("lst") / "assets" / "text"
    files = {file.name.removesuffix(suffix): file for file in folder.iterdir() if file.name.endswith(suffix)}
    files |= {part: files[whole] for part, (whole, _) in FIRST_CLASSES.items() if whole in files}
    return choose("shipped text set", dataset, files)


def default_descriptions(dataset: str) -> list[ActionText]:
    """The descriptions that ship with `lst` for "nw-ucla", "ntu60", "ntu120" or "synthetic", in label order.

    Raises:
        ValueError: nothing is shipped for this dataset.
    """
    return load_descriptions(shipped_text(dataset, ".json"))[: shipped_count(dataset)]


def shipped_count(dataset: str) -> int | None:
    """How many classes of the shipped file belong to the dataset; None = all."""
    return FIRST_CLASSES[dataset][1] if dataset in FIRST_CLASSES else None


def file_sha256(path: str | Path | Traversable) -> str:
    """SHA-256 of a file's bytes: says which text set a vector file or a checkpoint belongs to."""
    file = Path(path) if isinstance(path, str) else path
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_json(file: Path | Traversable) -> Any:
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such description file")
    again = "Look at this line and the one above for a missing comma or quotation mark, and save it as UTF-8."
    return decode(file.read_bytes(), str(file), again)


def _class(k: int, name: Any) -> str:
    return f"class {k} ({name!r})"


def _name_problems(names: Sequence[str], expected: Sequence[str] | None) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{_class(names.index(name), name)}, part 'name': {count} classes have this name"
    if expected is None:
        return
    if len(names) != len(expected):
        yield f"all classes, part 'name': {len(names)} classes are described, {len(expected)} are expected"
    for k, (name, right) in enumerate(zip(names, expected, strict=False)):
        if name != right:
            yield f"{_class(k, name)}, part 'name': expected {right!r} at this place"


def _empty_texts(k: int, action: ActionText) -> Iterator[str]:
    where = _class(k, action.name)
    for field in _TEXT_FIELDS:
        if not getattr(action, field).strip():
            yield f"{where}, part {field!r}: the text is empty"
    if len(action.synonyms) < 2:
        yield f"{where}, part 'synonyms': there is none besides the name"
    if not all(synonym.strip() for synonym in action.synonyms[1:]):
        yield f"{where}, part 'synonyms': one of them is empty"


def _repeated_synonyms(k: int, action: ActionText) -> Iterator[str]:
    for synonym, count in Counter(same_text(synonym) for synonym in action.synonyms).items():
        if count > 1:
            yield f"{_class(k, action.name)}, part 'synonyms': {synonym!r} occurs {count} times"


def _long_texts(k: int, action: ActionText) -> Iterator[str]:
    texts = [("sentence", action.sentence), *(("synonyms", synonym) for synonym in action.synonyms)]
    for prompt, parts in PROMPT_PARTS.items():
        texts.append((prompt, " ".join([action.name, *(action.part(part) for part in parts)])))
    for part, text in texts:
        if (words := len(text.split())) > MAX_WORDS:
            counted = f" (name + {' + '.join(PROMPT_PARTS[part])})" if part in PROMPT_PARTS else ""
            yield f"{_class(k, action.name)}, part {part!r}: {words} words{counted}, at most {MAX_WORDS} fit"


def _shared(
    classes: Sequence[ActionText], part: str, texts: Callable[[ActionText], Iterable[str]]
) -> Iterator[SharedText]:
    users: dict[str, set[int]] = defaultdict(set)
    for k, action in enumerate(classes):
        for text in texts(action):
            users[same_text(text)].add(k)
    for text, labels in users.items():
        if text and len(labels) > 1:
            yield SharedText(tuple(sorted(labels)), part, text)
