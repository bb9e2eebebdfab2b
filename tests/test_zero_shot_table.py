"""The tables of the zero-shot study: numbers by hand, groups, and the command that prints and writes them."""

import json
from pathlib import Path
from typing import Any

from command_line import lst_call, refused
from lst.evaluation.zero_shot import harmonic_mean
from lst.evaluation.zero_shot_table import BEGIN, END, zero_shot_tables


def result(split: int, seed: int, closed: float, s: float, u: float, **changed: Any) -> dict[str, Any]:
    generalised = {"seen_top1": s, "unseen_top1": u, "harmonic_mean": harmonic_mean(s, u)}
    return {
        **{"format": "lst-zero-shot", "version": 1, "name": f"{split}-{seed}", "split": split, "seed": seed},
        **{"benchmark": "nw-ucla-clean", "recipe": "nw-ucla-clean-joint", "complete_data": True},
        **{"overrides": {"unseen": [split, 9], "optim.epochs": 8}, "epochs": 8, "planned_epochs": 110},
        **{
            "device": "CPU",
            "precision": "fp32",
            "class_seed": 0,
            "unseen": ["walk around", f"class {split}"],
        },
        "inputs": {"text": {"encoder": "MiniLM"}, "source": {}},
        "info": {},
        "sessions": [{"device": "CPU", "commit": "0123456789" * 4 + "+dirty"}],
        "zero_shot": {"top1": closed, "chance": 0.5},
        "generalised": generalised,
        **changed,
    }


def test_table_by_hand():
    """Split 1 has two seeds, 0.4 and 0.6: 0.5. With 0.8 of split 2: mean 0.65, deviation 0.15 * sqrt(2)."""
    rows = [result(1, 1, 0.4, 0.9, 0.1), result(1, 2, 0.6, 0.9, 0.1), result(2, 1, 0.8, 0.5, 0.5)]
    caption, _, head, _, first, second, mean = zero_shot_tables(rows).splitlines()
    assert head == "| split | unseen classes | seeds | zero-shot | chance | S | U | H |"
    assert first == "| 1 | walk around, class 1 | 2 | 50.0 | 50.0 | 90.0 | 10.0 | 18.0 |"
    assert second == "| 2 | walk around, class 2 | 1 | 80.0 | 50.0 | 50.0 | 50.0 | 50.0 |"
    assert mean.startswith(
        "| mean of 2 |  |  | 65.0 ± 21.2 | 50.0 | 70.0 ± 28.3 | 30.0 ± 28.3 | 34.0 ± 22.6 |"
    )
    for part in (
        "trained end to end",
        "8 of 110 epochs",
        "Last epoch",
        "CPU, fp32",
        "012345678+dirty",
        "MiniLM",
    ):
        assert part in caption
    assert "copies" not in caption


def test_what_was_trained_in_another_way_has_a_table_of_its_own():
    changed = [
        {"benchmark": "nw-ucla", "recipe": "nw-ucla-joint"},
        *({"epochs": 110}, {"device": "GPU"}, {"overrides": {"repeat": 1}}, {"class_seed": 1}),
        {"info": {"synthetic_clips": True}},
        {"inputs": {"text": {"encoder": "MiniLM"}, "source": {"pipeline": "clean"}}},
        *({"complete_data": False}, {"unseen": ["a", "b", "c"]}),
    ]
    rows = [result(1, 1, 0.4, 0.9, 0.1, **change) for change in ({}, *changed)]
    text = zero_shot_tables(rows)
    assert text.count("**Zero-shot, ") == len(rows)
    assert text.count("95 test clips are copies of training clips") == 1
    assert "; repeat 1; " in text
    assert "; incomplete data; " in text
    assert "; synthetic clips, no recordings; " in text
    assert "; prepared by the pipeline 'clean'; " in text


def test_table_only_and_write(tmp_path: Path):
    results, page = tmp_path / "results", tmp_path / "page.md"
    options = ("study", "zero-shot", "nw-ucla-clean", "--table-only", "--results", results)
    assert "no finished zero-shot runs of nw-ucla-clean" in lst_call(*options).out
    results.mkdir()
    (results / "1.json").write_text(json.dumps(result(1, 1, 0.4, 0.9, 0.1)))
    (results / "other.json").write_text("{}")
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    done = lst_call(*options, "--write", page)
    assert done.status == 0, done.err
    assert "| 1 | walk around, class 1 | 1 | 40.0 | 50.0 | 90.0 | 10.0 | 18.0 |" in done.out
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n**Zero-shot")
    assert text.endswith(f"|\n\n{END}\nafter\n")
    assert "old" not in text
    (results / "1.json").write_text('{"format": "lst-zero-shot", "version": 2}')
    assert "version 2, this lst reads up to 1; update lst" in refused(*options)
