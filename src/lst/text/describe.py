"""A list of actions -> descriptions by a language model: several questions at a time, none of them twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lst.files.whole import write_text
from lst.text.actions import Action
from lst.text.answers import Answer, AnswerCache, now, read_answer, written_by
from lst.text.descriptions import descriptions_json, same_text, shared_texts
from lst.text.instruction import Question, messages, messages_again, questions
from lst.text.llm import Chat, LlmUnusable, NotAnswered
from lst.text.parallel import in_parallel

GIVE_UP_AFTER = 8
"""So many questions without an answer, one after the other, are the server's fault and end the run."""

Progress = Callable[[int, int], None]
"""Called with the questions done and all that are to be asked; the second number may grow."""


_Outcome = Answer | LlmUnusable | NotAnswered | OSError


@dataclass
class Described:
    """What came of a list of actions."""

    answers: dict[str, Answer] = field(default_factory=dict)
    """By name. An action with a failure may have an answer, too, whose texts equal another action's."""
    failures: dict[str, str] = field(default_factory=dict)
    """Why there is no usable answer, by name."""
    kept: int = 0
    """Actions that an earlier run had an answer to."""
    arrived: int = 0
    """Usable answers of this run, those to questions asked again included."""


@dataclass(frozen=True)
class _Task:
    """A question to ask, perhaps because of problems of an earlier answer to it."""

    question: Question
    earlier: Answer | None = None
    problems: tuple[str, ...] = ()


def describe_actions(
    actions: Sequence[Action],
    chat: Chat,
    cache: AnswerCache,
    *,
    attempts: int = 4,
    parallel: int = 4,
    progress: Progress = lambda done, total: None,
) -> Described:
    """Ask for every action that `cache` has no answer to; keep each answer there the moment it arrives.

    An answer with problems is asked for again with the problems named, up to `attempts` answers. When all
    actions have one, those with a text that another action has, too, are asked again in rounds, at most
    `attempts` of them. Interrupted at any moment, the next call goes on from what was kept.

    Raises:
        LlmUnusable: to ask on is of no use. What was answered is kept.
        OSError, ValueError: the cache cannot be written, or is damaged.
    """
    if attempts < 1 or parallel < 1:
        raise ValueError(f"attempts and parallel must be at least 1, got {attempts} and {parallel}")
    described = Described()
    asked = {question.name: question for question in questions([(a.name, a.hint) for a in actions])}
    for name, question in asked.items():
        if (answer := cache.load(question)) is not None:
            described.answers[name] = answer
    if not asked or len(asked) != len(actions):
        raise ValueError(f"expected actions with different names, got {[a.name for a in actions]}")
    described.kept = len(described.answers)
    tasks = [_Task(question) for name, question in asked.items() if name not in described.answers]
    done = total = rounds = 0
    if not tasks:
        tasks = _too_alike(asked, described.answers)
    if tasks:
        chat.reach()
    while tasks and rounds <= attempts:
        total, rounds = total + len(tasks), rounds + 1
        progress(done, total)
        for task, outcome in _outcomes(tasks, chat, cache, attempts, parallel):
            _take(task, outcome, described)
            done += 1
            progress(done, total)
        tasks = [] if described.failures else _too_alike(asked, described.answers)
    for task in tasks:
        reason = f"asked again {attempts} times, still {'; '.join(task.problems)}"
        described.failures[task.question.name] = reason
    return described


def save_described(
    path: Path,
    actions: Sequence[Action],
    described: Described,
    chat: Chat,
    *,
    dataset: str,
    overwrite: bool = False,
) -> None:
    """Write the description file; the classes stand in the order of the list, so the place is the label.

    Raises:
        ValueError: the file is there and says something else: perhaps somebody has mended texts by hand.
    """
    assert not described.failures
    answers = [described.answers[action.name] for action in actions]
    author = written_by(answers, model=chat.model, temperature=chat.temperature)
    text = descriptions_json([answer.texts for answer in answers], dataset=dataset, written_by=author)
    if path.exists() and not overwrite and path.read_bytes() != text.encode():
        raise ValueError(
            f"{path}: exists already, with other texts, so it is not replaced. Choose another file (-o) or "
            "--overwrite it; the answers are kept, and nothing is asked again."
        )
    write_text(path, text)


def _take(task: _Task, outcome: _Outcome, described: Described) -> None:
    name = task.question.name
    if isinstance(outcome, LlmUnusable | OSError):
        raise outcome
    if isinstance(outcome, NotAnswered):
        described.failures[name] = str(outcome)
        return
    described.answers[name] = outcome
    described.arrived += 1


def _outcomes(
    tasks: Sequence[_Task], chat: Chat, cache: AnswerCache, attempts: int, parallel: int
) -> Iterator[tuple[_Task, _Outcome]]:
    """Outcomes as they come in, until too many in a row are no answers."""

    def ask(task: _Task) -> _Outcome:
        try:
            answer = _ask(task, chat, attempts)
            cache.store(task.question, answer)  # here and at once, so that Ctrl-C loses nothing that arrived
        except (LlmUnusable, NotAnswered, OSError) as error:
            return error
        return answer

    without = 0
    for done, (task, outcome) in enumerate(in_parallel(ask, tasks, parallel), start=1):
        yield task, outcome
        without = 0 if isinstance(outcome, Answer) else without + 1
        if without == GIVE_UP_AFTER and done < len(tasks):
            name = task.question.name
            raise LlmUnusable(f"{without} actions in a row got no usable answer, {name!r} last: {outcome}")


def _ask(task: _Task, chat: Chat, attempts: int) -> Answer:
    """Ask until an answer is usable."""
    question, problems, raw = task.question, list(task.problems), ""
    asked, before = messages(question), 0
    if task.earlier is not None:
        asked, before = messages_again(question, task.earlier.raw, problems), task.earlier.attempt
    for attempt in range(1, attempts + 1):
        reply = chat(asked)
        raw = reply.text
        texts, problems = read_answer(question, raw)
        if texts is not None:
            return Answer(texts, raw, reply.model, before + attempt, now())
        asked = messages_again(question, raw, problems)
    began = f" (it began {raw.strip()[:60]!r})" if raw.strip() else " (it was empty)"
    raise NotAnswered(f"{attempts} answers, none usable; the last: {'; '.join(problems)}{began}")


def _too_alike(asked: Mapping[str, Question], answers: Mapping[str, Answer]) -> list[_Task]:
    """What to ask again: of the actions that share a text, all but one."""
    names = list(asked)
    problems: dict[str, list[str]] = {}
    for shared in shared_texts([answers[name].texts for name in names]):
        users = [names[k] for k in shared.labels]
        owner = next((name for name in users if same_text(name) == shared.text), users[0])  # names stay
        for name in users:
            if name != owner:
                problems.setdefault(name, []).append(
                    f"part {shared.part!r}: {shared.text!r} is also a text of {owner!r}; put it in other "
                    "words, that fit this action only"
                )
    return [_Task(asked[name], answers[name], tuple(problems[name])) for name in names if name in problems]
