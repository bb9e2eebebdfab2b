"""What the documents say exists: commands and their options, files, links, anchors, names in code."""

import ast
import doctest
import functools
import importlib
import inspect
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tyro

from lst.cli.data_verbs import DATASETS
from lst.cli.main import HELP, VERBS, main
from lst.evaluation.results import BEGIN, END
from lst.facts.benchmarks import get_benchmark
from lst.training.recipes import stream_names

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```[ \t]*$", flags=re.MULTILINE | re.DOTALL)
SHELLS = ("", "sh", "bash", "shell", "console")
PLACEHOLDERS = {"RECIPE": "demo-joint", "FAMILY": "demo", "DATASET": "synthetic", "BENCHMARK": "synthetic"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    path: Path
    line: int  # of its first line
    language: str
    text: str


def blocks(path: Path, text: str) -> Iterator[Block]:
    for match in FENCE.finditer(text):
        words = match[2].split()
        yield Block(
            path,
            text.count("\n", 0, match.start(3)) + 1,
            words[0] if words else "",
            textwrap.dedent(match[3]),
        )


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """(place, words) of every command in a shell block, without comments, prompts and redirections."""
    text = re.sub(r"\\\n\s*", " ", block.text)
    for line in text.splitlines():
        for part in re.split(r"&&|;|\|", re.sub(r"(^|\s)#.*", "", line.strip().removeprefix("$ "))):
            words = shlex.split(part)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):  # LST_DEBUG=1 lst ...
                words = words[1:]
            if ">" in words:
                words = words[: words.index(">")]
            if words:
                yield f"{block.path.name}:{block.line}: {line.strip()}", words


def in_documents(program: str) -> dict[str, list[str]]:
    """The words after `program` of all its calls in shell blocks, by place."""
    return {
        place: words[1:]
        for path in DOCUMENTS
        for block in blocks(path, path.read_text(encoding="utf-8"))
        if block.language in SHELLS
        for place, words in commands(block)
        if Path(words[0]).name == program
    }


def prose(path: Path) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


# --- commands ----------------------------------------------------------------------------------------------


class Parsed(Exception):
    """Raised in place of the work, with what the options became."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], dict[str, Any]]:
    """`lst WORDS` up to the point where the work would start; gives the options."""
    real = tyro.cli

    def parse_only(f: Any, **how: Any) -> None:
        if isinstance(f, type):
            raise Parsed(vars(real(f, **how)))

        @functools.wraps(f)
        def dry(*values: Any, **options: Any) -> None:
            raise Parsed(inspect.signature(f).bind(*values, **options).arguments)

        real(dry, **how)

    def parse(words: list[str]) -> dict[str, Any]:
        words = [PLACEHOLDERS.get(word, word) for word in words if word not in ("...", "[options]")]
        monkeypatch.setattr(tyro, "cli", parse_only)
        try:
            status = main(words)
        except Parsed as parsed:
            return parsed.options
        except SystemExit as stop:  # --help ends so, and wrong options with another status
            status = stop.code
        assert status == 0
        return {}

    return parse


def check_names(verb: str, options: dict[str, Any]) -> None:
    """Names that a verb looks up only when it starts to work."""
    if verb == "prepare":
        assert options["dataset"] in DATASETS
        assert options["dataset"] == "synthetic" or options["sources"]
    if verb == "reproduce":
        stream_names(options["family"])
    if verb == "import-checkpoint":
        get_benchmark(options["benchmark"])


LST = in_documents("lst")


@pytest.mark.parametrize("place", LST)
def test_every_documented_command_parses(place: str, parse: Callable[[list[str]], dict[str, Any]]):
    words = LST[place]
    options = parse(words)
    if options:
        check_names(words[0], options)


def test_the_readme_shows_the_usual_path():
    verbs = {words[0] for words in LST.values() if words}
    assert {"prepare", "info", "train", "test", "ensemble", "results"} <= verbs


IN_HELP = re.findall(r"^  lst (\S+(?: \S+)*)", HELP, flags=re.MULTILINE)  # up to two spaces


@pytest.mark.parametrize("command", IN_HELP)
def test_the_commands_of_the_help_parse(command: str, parse: Callable[[list[str]], dict[str, Any]]):
    words = shlex.split(command)
    options = parse(words)
    if options:
        check_names(words[0], options)


def test_the_help_has_a_command_for_nearly_every_verb():
    assert len({command.split()[0] for command in IN_HELP}) >= len(VERBS) - 2


@pytest.mark.parametrize(
    "words",
    [
        ["train", "demo-joint", "--optim.epoch", "3"],
        ["tset", "runs/x"],
        ["train", "demo-joints"],
        ["prepare"],
        ["ensemble", "a", "b", "--weights", "much"],
    ],
)
def test_a_wrong_command_would_be_noticed(words: list[str], parse: Callable[[list[str]], dict[str, Any]]):
    with pytest.raises(AssertionError):
        parse(words)


def test_nothing_runs_while_parsing(parse: Callable[[list[str]], dict[str, Any]], tmp_path: Path):
    assert parse(["prepare", "synthetic", "--out", str(tmp_path / "x")])["out"] == tmp_path / "x"
    assert parse(["train", "demo-bone", "--out", str(tmp_path / "x")])["config"].modality == "bone"
    assert parse(["ensemble", "RUN", "RUN", "..."])["runs"] == [Path("RUN"), Path("RUN")]
    assert list(tmp_path.iterdir()) == []


def inline_code(path: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_verbs_named_in_a_sentence_exist(path: Path):
    verbs = [match[1] for code in inline_code(path) if (match := re.match(r"lst ([a-z][\w-]*)", code))]
    assert set(verbs) <= {*VERBS, "help"}


def test_documented_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {word for words in in_documents("make").values() for word in words}
    for path in DOCUMENTS:
        named |= {match[1] for code in inline_code(path) if (match := re.fullmatch(r"make ([a-z]+)", code))}
    assert named <= targets
    assert {"demo", "test"} <= named


# --- code --------------------------------------------------------------------------------------------------


PYTHON = {
    f"{block.path.name}:{block.line}": block
    for path in DOCUMENTS
    for block in blocks(path, path.read_text(encoding="utf-8"))
    if block.language in ("python", "py")
}


@pytest.mark.parametrize("place", PYTHON)
def test_python_blocks_compile_and_import_what_exists(place: str):
    text = PYTHON[place].text
    tree = ast.parse(doctest.script_from_examples(text) if text.startswith(">>>") else text, place)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                importlib.import_module(name.name)
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            assert [n.name for n in node.names if not hasattr(module, n.name)] == []


def exists_in_code(name: str) -> bool:
    """Whether `lst.a.b.C.d` can be imported and looked up."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(lambda x, part: getattr(x, part, None), parts[cut:], found) is not None
    return False


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_dotted_names_exist(path: Path):
    names = [code for code in inline_code(path) if re.fullmatch(r"lst(\.\w+)+", code)]
    assert [name for name in names if not exists_in_code(name)] == []


# --- files and links ---------------------------------------------------------------------------------------

FILE = re.compile(r"[\w.-]+(/[\w.*-]+)*\.(py|md|toml|cff|yml|yaml)|(src|tests|docs|\.ci)/[\w./*-]*")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(path: Path):
    """From the root, the document, src/lst or tests; capital letters such as DATASET stand for something."""
    named = [
        code for code in inline_code(path) if FILE.fullmatch(code) and not re.search(r"/[A-Z]{3,}\.", code)
    ]
    bases = (ROOT, path.parent, ROOT / "src" / "lst", ROOT / "src" / "lst" / "nets", ROOT / "tests")
    assert [name for name in named if not any(any(base.glob(name.rstrip("/"))) for base in bases)] == []


def links(path: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    found = re.findall(r"\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)", text)
    found += re.findall(r"<(?:a|img)[^>]+(?:href|src)=\"([^\"]+)\"", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings: lower case, punctuation dropped, spaces to hyphens."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+?)\s*$", prose(path), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return {*found, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", prose(path))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_and_anchors_lead_somewhere(path: Path):
    for link in links(path):
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), link
        assert file.is_relative_to(ROOT), link
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), link


def test_the_readme_has_the_markers_of_the_results_table():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == 1
    assert text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


# --- the reader of documents itself ------------------------------------------------------------------------


def test_commands_of_a_block():
    text = (
        "# T\n\n```sh\n$ lst test a  # why\nlst info b && lst results > x.txt\n\n"
        "LST_DEBUG=1 lst train c \\\n    --seed 2\n# lst no\n```\n```text\nlst out\n```\n"
    )
    shell, output = blocks(Path("T.md"), text)
    assert (shell.line, shell.language, output.language) == (4, "sh", "text")
    assert [words for _, words in commands(shell)] == [
        ["lst", "test", "a"],
        ["lst", "info", "b"],
        ["lst", "results"],
        ["lst", "train", "c", "--seed", "2"],
    ]


def test_anchors_of_headings(tmp_path: Path):
    path = tmp_path / "a.md"
    path.write_text("# `lst`: what, why?\n## Two words\n## Two words\n```sh\n# no heading\n```\n")
    assert anchors(path) == {"lst-what-why", "two-words", "two-words-1"}
