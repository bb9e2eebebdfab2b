"""Parts by texts: counted by hand, in the report of a run with text, absent without."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from command_line import lst_call
from lst.data.store.clip_store import ClipStore
from lst.evaluation.by_text import Actions
from lst.evaluation.part_texts import part_text_lines, part_text_table
from lst.training.text_config import TextConfig
from lst.workflows.measure import measure_run

E = np.eye(4, dtype=np.float32)
# Two heads, two classes, a direction of its own for each of the four texts: class 0 has the texts 0 and 1
# (whole, hand), class 1 the texts 2 and 3.
ACTIONS = Actions(("sit", "wave"), np.array([[E[0], E[2]], [E[1], E[3]]]))
# Three clips of classes 0, 0, 1. The whole body finds its text, the hand's text, its text; it is never
# nearer to a text of the other class. The hand finds the whole's text of class 1 for the clip of class 1.
WHOLE = [2 * E[0], E[1] + 0.1 * E[0], 5 * E[2]]
HAND = [E[1], E[1], 0.6 * E[2] + 0.8 * E[1]]


def test_counted_by_hand():
    table = part_text_table(np.array([WHOLE, HAND]), np.array([0, 0, 1]), ACTIONS, ["whole", "hand"])
    assert table is not None
    assert (table["heads"], table["clips"]) == (["whole", "hand"], 3)
    np.testing.assert_allclose(table["finds_text"], [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
    # whole by the whole's texts: all three right. By the hand's texts: clip 0 ties at 0 (the lower number
    # wins, right), clip 1 right, clip 2 ties (class 0, wrong). hand by the whole's texts: 0 and 1 tie
    # (right), 2 right; by the hand's texts: 0 and 1 right, 2 wrong.
    np.testing.assert_allclose(table["class_top1"], [[1, 2 / 3], [1, 2 / 3]])


def test_the_block_for_people_has_a_row_per_part():
    table = part_text_table(np.array([WHOLE, HAND]), np.array([0, 0, 1]), ACTIONS, ["whole", "hand"])
    assert table is not None
    lines = part_text_lines(table)
    assert len(lines) == 4
    assert lines[2].split() == ["whole", "67", "33", "|", "100", "67"]
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize(("heads", "clips"), [(1, 3), (2, 0)])
def test_nothing_to_confuse_is_no_table(heads: int, clips: int):
    actions = Actions(ACTIONS.names, ACTIONS.directions_PKD[:heads])
    embedded = np.array([WHOLE, HAND])[:heads, :clips]
    assert part_text_table(embedded, np.array([0, 0, 1])[:clips], actions, ["whole", "hand"][:heads]) is None


@pytest.mark.usefixtures("one_thread", "quick", "quick_pictures")
def test_every_test_of_a_run_with_text_reports_it(
    unbroken: Callable[..., Path], tiny_store: ClipStore, tmp_path: Path
):
    run = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    done = lst_call("test", run, "--data", tiny_store.folder, "--device", "cpu")
    assert done.status == 0
    table = json.loads((run / "test" / "report.json").read_text(encoding="utf-8"))["part_texts"]
    assert table["heads"] == ["whole", "head", "hand", "hip", "foot"]
    assert table["clips"] == 12
    np.testing.assert_allclose(np.sum(table["finds_text"], axis=1), 1)
    assert "\n".join(part_text_lines(table)) in done.out


@pytest.mark.usefixtures("one_thread", "quick", "quick_pictures")
def test_a_run_without_text_has_none(unbroken: Callable[..., Path], tiny_store: ClipStore, tmp_path: Path):
    run = Path(shutil.copytree(unbroken(text=TextConfig(weight=0.0)), tmp_path / "run"))
    assert "part_texts" not in measure_run(run, tiny_store, "cpu").report
