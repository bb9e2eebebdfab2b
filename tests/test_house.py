"""House rules that no linter of ours checks: sizes, names, what may print, what may be imported."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SRC = TESTS.parent / "src" / "lst"
FILES = sorted(SRC.rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__init__.py"]
TREES = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in FILES}
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "stuff"}
RESTRICTED = {"data/exchange/safe_pickle.py": {"pickle"}, "nets/torch_file.py": {"pickle"}}
"""Read pickles by builders of their own; test_safe_pickle.py and test_torch_file.py prove that none runs."""
CODE_IN_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def name_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def nodes(path: Path, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(TREES[path]) if isinstance(node, kinds))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted text of what is called."""
    for node in nodes(path, ast.Call):
        assert isinstance(node, ast.Call)
        yield ast.unparse(node.func), node


def given(call: ast.Call, option: str) -> object:
    """The constant passed by name, or None."""
    values = [k.value for k in call.keywords if k.arg == option]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def test_there_is_something_to_check():
    assert len(MODULES) > 30


def test_files_are_short():
    every = [*FILES, *TESTS.rglob("*.py")]
    assert Path(__file__).resolve() in every
    assert {path.name: lines(path) for path in every if lines(path) > 400} == {}
    assert statistics.median(lines(path) for path in MODULES) <= 150


def test_functions_are_short():
    def length(node: ast.AST) -> int:
        return (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1

    long = {
        f"{name_of(path)}:{getattr(node, 'name', '')}": length(node)
        for path in FILES
        for node in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef)
        if length(node) > 80
    }
    assert long == {}


def test_names_say_what_is_inside():
    parts = {part for path in FILES for part in path.relative_to(SRC).with_suffix("").parts}
    assert parts & VAGUE == set()


def test_init_files_are_empty_but_for_the_package_root():
    inits = [path for path in FILES if path.name == "__init__.py"]
    assert [name_of(path) for path in inits if path.parent != SRC and path.read_text().strip()] == []
    folders = {path.parent for path in MODULES}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path):
    text = ast.get_docstring(TREES[path])
    assert text
    assert len(text.splitlines()[0]) > 15


def test_only_the_command_line_prints():
    printing = [
        f"{name_of(path)}:{call.lineno}"
        for path in FILES
        for name, call in calls(path)
        if path.parent.name != "cli" and name in ("print", "pprint", "sys.stdout.write", "sys.stderr.write")
    ]
    assert printing == []


def imported(path: Path) -> Iterator[str]:
    for node in nodes(path, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_nothing_that_runs_code_from_files_is_imported():
    found = {name_of(path): set(imported(path)) & CODE_IN_DATA for path in FILES}
    assert {name: modules for name, modules in found.items() if modules} == RESTRICTED


def test_files_of_numbers_are_read_without_running_code():
    """torch.load with weights_only, np.load without allow_pickle; no eval, exec or yaml.load."""
    for path in FILES:
        for name, call in calls(path):
            place = f"{name_of(path)}:{call.lineno}"
            if name == "torch.load":
                assert given(call, "weights_only") is True, place
            assert given(call, "allow_pickle") is not True, place
            assert name not in ("eval", "exec", "yaml.load", "input", "os.system"), place


def test_no_error_is_swallowed_unseen():
    """No bare except; and `except Exception` only to raise something readable."""
    for path in FILES:
        for node in nodes(path, ast.ExceptHandler):
            assert isinstance(node, ast.ExceptHandler)
            place = f"{name_of(path)}:{node.lineno}"
            assert node.type is not None, place
            if ast.unparse(node.type) in ("Exception", "BaseException"):
                assert any(isinstance(inner, ast.Raise) for inner in ast.walk(node)), place


def test_nothing_runs_at_import():
    """At the top of a module stand definitions, constants and docstrings, no loops and no bare calls."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for path in FILES:
        for node in TREES[path].body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            guard = isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
            command = guard and path.name == "__main__.py"
            for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            assert docstring or command or for_types or isinstance(node, allowed), (
                f"{name_of(path)}:{node.lineno}"
            )
