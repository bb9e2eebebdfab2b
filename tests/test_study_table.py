"""The table of a study, from made-up results: every number by hand."""

from pathlib import Path
from typing import Any

import pytest

from lst.evaluation.marked_text import replace_marked
from lst.evaluation.study_table import Row, study_caption, study_table

COMMIT = "0123456789abcdef"


def result(name: str, seed: int, top1: float, unseen: float | None = None, **changes: Any) -> dict[str, Any]:
    values = {
        "name": f"{name}-seed{seed}",
        "seed": seed,
        "top1": top1,
        "benchmark": "toy",
        "modality": "joint",
        "epochs": 10,
        "planned_epochs": 110,
        "seconds": 100.0,
        "device": "CPU",
        "precision": "fp32",
        "complete_data": True,
        "config": {"repeat": 2, "encoder_width": 16},
        "sessions": [{"commit": COMMIT}],
        "inputs": {"source": "s", "clips": {"train": 5}, "text": {"descriptions_sha256": "d"}},
    }
    return {**values, **({} if unseen is None else {"top1_unseen": unseen}), **changes}


PLAIN = [
    result("plain", seed, top1, inputs={"source": "s", "clips": {"train": 5}, "text": {}})
    for seed, top1 in ((1, 0.80), (2, 0.84), (3, 0.82))
]


def lines(*rows: Row, baseline: list[dict[str, Any]] = PLAIN) -> list[str]:
    return study_table(rows, baseline).splitlines()


def test_differences_are_paired_by_seed():
    # Gains: +2, +2, -1 points. Mean 1.0, standard deviation sqrt(3) = 1.7; seconds 12.5 beside 10 per epoch.
    # The rows' own means: 82.0, deviation 2; 83.0, deviations -1, 3, -2 -> sqrt(14 / 2) = 2.6.
    ours = [result("ours", seed, top1, seconds=125.0) for seed, top1 in ((3, 0.81), (1, 0.82), (2, 0.86))]
    got = lines(Row("plain", "no text", tuple(PLAIN)), Row("ours", "texts", tuple(ours)))
    assert got == [
        "| variant | seeds | top-1 | difference | better in | time per epoch |",
        "|---|---|---|---|---|---|",
        "| plain: no text | 3 | 82.0 ± 2.0 | - | - | 1.00x |",
        "| ours: texts | 3 | 83.0 ± 2.6 | +1.0 ± 1.7 | 2 of 3 | 1.25x |",
    ]


def test_one_seed_has_no_deviation_and_a_tie_is_not_better():
    got = lines(Row("a", "x", (result("a", 1, 0.77),)), Row("b", "y", (result("b", 2, 0.84),)))
    assert got[2:] == [
        "| a: x | 1 | 77.0 | -3.0 | 0 of 1 | 1.00x |",
        "| b: y | 1 | 84.0 | +0.0 | 0 of 1 | 1.00x |",
    ]


def test_only_seeds_that_both_have_are_compared():
    # Seed 9 counts in the row's own mean only: (90 + 82) / 2, deviation 4 sqrt(2).
    got = lines(Row("a", "x", (result("a", 9, 0.90), result("a", 1, 0.82))))
    assert got[2] == "| a: x | 2 | 86.0 ± 5.7 | +2.0 | 1 of 1 | 1.00x |"
    assert lines(Row("a", "x", (result("a", 9, 0.9),)))[2] == "| a: x | 1 | 90.0 | - | - | - |"
    assert lines(Row("a", "x", (result("a", 1, 0.9),)), baseline=[])[2].endswith("| 90.0 | - | - | - |")


def test_clips_not_copied_have_columns_of_their_own():
    plain = [result("plain", 1, 0.80, 0.70), result("plain", 2, 0.80, 0.71)]
    ours = (result("ours", 1, 0.81, 0.68), result("ours", 2, 0.81, 0.74))
    got = lines(Row("ours", "x", ours), baseline=plain)
    assert got[0] == (
        "| variant | seeds | top-1 | on clips not copied | difference | better in "
        "| difference on clips not copied | better in | time per epoch |"
    )
    # Unseen: 68 and 74, mean 71, deviation 3 sqrt(2); gains -2 and +3: mean 0.5, deviation 5 / sqrt(2).
    assert got[2] == (
        "| ours: x | 2 | 81.0 ± 0.0 | 71.0 ± 4.2 | +1.0 ± 0.0 | 2 of 2 | +0.5 ± 3.5 | 1 of 2 | 1.00x |"
    )
    assert got[1].count("|") == got[0].count("|") == got[2].count("|")


def test_time_is_compared_on_one_device_only():
    ours = (result("ours", 1, 0.8, seconds=300.0), result("ours", 2, 0.8, seconds=1.0, device="GPU"))
    assert lines(Row("ours", "x", ours))[2].endswith("| 3.00x |")
    assert lines(Row("ours", "x", ours[1:]))[2].endswith("| - |")


def test_caption_says_what_was_run_and_where():
    assert study_caption([*PLAIN, result("ours", 1, 0.8)], "plain") == (
        "**toy, joint** (percent): 10 of 110 epochs, repeat 2, encoder width 16. CPU, fp32. "
        "Commit 0123456789. Last epoch; nothing selected on test. Differences to plain are in points, "
        "seed by seed; a ± is a standard deviation over seeds."
    )


def test_caption_names_what_is_not_alike():
    moved = [
        result("a", 1, 0.8, device="GPU", sessions=[{"commit": COMMIT}, {"commit": "f" * 40 + "+dirty"}]),
        result("b", 1, 0.8, sessions=[{"commit": None}], complete_data=False),
    ]
    caption = study_caption(moved, "plain")
    assert "GPU, fp32 and CPU, fp32." in caption
    assert "Commit 0123456789 and ffffffffff+dirty and unknown." in caption
    assert caption.endswith("over seeds. Incomplete data.")
    inputs = {"source": "s", "clips": {"train": 4}, "text": {"descriptions_sha256": "e"}}
    caption = study_caption([*moved, result("c", 1, 0.8, inputs=inputs)], "plain")
    assert caption.endswith("NOT COMPARABLE: these runs had different clips and texts.")


def test_text_between_markers_is_replaced_and_nothing_else(tmp_path: Path):
    path = tmp_path / "a.md"
    path.write_text("before\n<a>\nold\n<b>\nafter\n")
    replace_marked(path, "<a>", "<b>", "new")
    assert path.read_text() == "before\n<a>\n\nnew\n\n<b>\nafter\n"
    for text in ("<b>\n<a>\n", "<a>\n", "<a>\n<b>\n<a>\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"needs the lines '<a>' and '<b>' once"):
            replace_marked(path, "<a>", "<b>", "new")
        assert path.read_text() == text
    with pytest.raises(FileNotFoundError, match=r"no\.md: no such file"):
        replace_marked(tmp_path / "no.md", "<a>", "<b>", "new")
