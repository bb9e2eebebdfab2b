"""`lst describe`: descriptions by a language model, and what is wrong with a description file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from lst.cli.announce import Announced
from lst.cli.text_verbs import VECTORS_SUFFIX
from lst.facts.benchmarks import get_benchmark
from lst.facts.wording import command
from lst.text.actions import Action, read_actions
from lst.text.answers import AnswerCache
from lst.text.audit import audit_lines, audit_texts
from lst.text.describe import Described, describe_actions, save_described
from lst.text.descriptions import check_descriptions, load_descriptions
from lst.text.openai_chat import open_chat
from lst.text.vectors import load_vectors


def describe(args: Sequence[str]) -> None:
    """Write descriptions with a language model, or check a description file."""

    def run(
        actions: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="ACTIONS.txt")] = None,
        /,
        *,
        llm: str | None = None,
        benchmark: str | None = None,
        out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
        overwrite: bool = False,
        cache: Path | None = None,
        temperature: float | None = None,
        parallel: int = 4,
        attempts: int = 4,
        timeout: float = 120,
        retries: int = 6,
        check: Path | None = None,
        vectors: Path | None = None,
    ) -> None:
        """Let a language model describe a list of actions; or, with --check, judge a description file.

        The key is read from OPENAI_API_KEY and the server from OPENAI_BASE_URL, nothing else. Every answer
        is kept as it arrives: the same command goes on after a stop and asks nothing twice.

        Args:
            actions: One name per line; a hint for the model may follow after a tab or " | ".
            llm: The model, such as openai:gpt-4.1-mini; openai stands for any server with its protocol.
            benchmark: Describe the classes of this benchmark in place of a file's.
            out: File to write; ACTIONS.json or BENCHMARK.json if not given.
            overwrite: Replace a file that says something else.
            cache: Folder of the answers; OUT.answers beside the file if not given.
            temperature: The model's own if not given; some models refuse any other.
            parallel: Questions under way at a time.
            attempts: Answers to one question until it counts as failed.
            timeout: Seconds to wait for an answer.
            retries: How often a question is sent again after 429, 5xx, a time-out or a broken connection.
            check: Check this JSON file of descriptions; alone or with --vectors.
            vectors: Its vectors from `lst embed`; the file beside it is taken if there is one.
        """
        if sum(source is not None for source in (actions, benchmark, check)) != 1:
            raise ValueError(
                "lst describe needs one of these: a file of action names, --benchmark NAME, --check FILE.json"
            )
        if check is not None and llm is None:
            _check(check, vectors)
            return
        if check is not None or vectors is not None:
            raise ValueError("--check and --vectors judge a file that is there; they do not go with --llm")
        if llm is None:
            raise ValueError("lst describe needs the model that writes: --llm openai:MODEL")
        listed, dataset = _listed(actions, benchmark)
        target = out or Path(f"{benchmark}.json" if actions is None else actions.with_suffix(".json"))
        if target.exists() and not overwrite:
            print(f"note: {target} exists; other texts take its place with --overwrite only")
        chat = open_chat(llm, temperature=temperature, timeout=timeout, retries=retries)
        answers = AnswerCache(
            cache or target.with_name(f"{target.name}.answers"), model=chat.model, temperature=temperature
        )
        with _bar() as progress:
            described = describe_actions(
                listed, chat, answers, attempts=attempts, parallel=parallel, progress=progress
            )
        _print_described(len(listed), described, answers.folder)
        if described.failures:
            print(f"{target} is not written. The same command asks again for these only.")
            raise SystemExit(1)
        save_described(target, listed, described, chat, dataset=dataset, overwrite=overwrite)
        print(f"wrote {target}\nnext: {command('embed', target)}")

    tyro.cli(run, prog="lst describe", args=args)


def _listed(path: Path | None, benchmark: str | None) -> tuple[list[Action], str]:
    """The actions, and the name of their data set for the file."""
    if path is not None:
        return read_actions(path), path.stem
    assert benchmark is not None
    facts = get_benchmark(benchmark)
    return [Action(name) for name in facts.class_names], facts.dataset


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, on a terminal only, so that log files stay readable."""
    begun: list[Announced] = []
    with tqdm(total=0, disable=None, unit="action", leave=False) as bar:

        def show(done: int, total: int) -> None:
            if not begun:
                begun.append(Announced(total, done, "action"))
            begun[0].at(done)
            bar.total = total
            bar.update(done - bar.n)
            bar.refresh()

        yield show


def _print_described(count: int, described: Described, folder: Path) -> None:
    failures = described.failures
    print(
        f"{count} actions: {described.kept} answered before, {described.arrived} answers now, "
        f"{len(failures)} without; answers are kept in {folder}"
    )
    for name, reason in failures.items():
        print(f"  {name}: {reason}")


def _check(path: Path, vectors: Path | None) -> None:
    """What is wrong with a description file; with its vectors also which classes lie too near each other."""
    classes = load_descriptions(path)
    problems = check_descriptions(classes)
    for problem in problems:
        print(problem)
    found = len(problems)
    beside = vectors or path.with_suffix(VECTORS_SUFFIX)
    if beside.is_file() or vectors is not None:
        audit = audit_texts(classes, load_vectors(beside))
        found += audit.num_findings
        print("\n".join(audit_lines(audit)))
    else:
        print(f"no vectors at {beside}: run `{command('embed', path)}` to compare the classes too")
    print(f"{path}: {len(classes)} classes, {found} problems")
    if found:
        raise SystemExit(1)
