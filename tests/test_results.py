"""Result files and the tables made from them, against tables written by hand."""

from pathlib import Path
from typing import Any

import pytest

from lst.evaluation.results import (
    BEGIN,
    END,
    ensemble_result,
    one_line,
    read_result,
    read_results,
    results_table,
    stream_result,
    write_table,
)
from lst.facts.published import PUBLISHED, published_for
from lst.files.whole import write_json

HEADER = (
    "| what | stream | top-1 last epoch | on clips not copied | best on test | epochs | seeds | device |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def card(**changes: Any) -> dict[str, Any]:
    config = {"seed": 1, "text": {"weight": 1.0}, "parity": "corrected", "optim": {"planned_epochs": 110}}
    config |= {key: changes.pop(key) for key in list(changes) if key in config}
    devices = changes.pop("devices", ["CPU"])
    return {
        "format": "lst-checkpoint",
        "recipe": "toy-joint",
        "overrides": {},
        "config": config,
        "benchmark": "toy",
        "modality": "joint",
        "epochs": 20,
        "selected_on": "nothing: the last epoch",
        "best_on_test": {"epoch": 7, "top1": 0.75, "epochs_tested": 20},
        "seconds": 12.5,
        "precision": "fp32",
        "sessions": [{"first_epoch": 1, "device": device, "commit": None} for device in devices],
        "inputs": {"source": {"sha256": "1f"}},
        "complete_data": True,
        **changes,
    }


def report(top1: float, **more: Any) -> dict[str, Any]:
    numbers = {"clips": 8, "top1": top1, "top5": 1.0, "mean_class_accuracy": top1}
    return {"benchmark": "toy", "per_class": [], "info": {}, **numbers, **more}


def stream(name: str, top1: float, unseen: float | None = None, **changes: Any) -> dict[str, Any]:
    more = {} if unseen is None else {"clips_unseen": 4, "top1_unseen": unseen}
    return stream_result(name, card(**changes), report(top1, **more))


def ensemble(
    members: list[dict[str, Any]], top1: float, how: str = "fixed, published by GAP"
) -> dict[str, Any]:
    weights = {member["name"]: 1.0 for member in members}
    return ensemble_result("e", members, weights, report(top1), how)


IMPORTED = {
    "format": "lst-checkpoint",
    "imported_from": "official.pt",
    "imported_kind": "GAP",
    "benchmark": "toy",
    "modality": "bone",
}


# --- one result --------------------------------------------------------------------------------------------


def test_stream_result_names_where_the_number_comes_from():
    result = stream("a", 0.5, 0.25, text={"weight": 0.0}, parity="gap", seed=3, overrides={"optim.lr": 0.2})
    assert result["format"] == "lst-result"
    assert (result["kind"], result["name"], result["recipe"]) == ("stream", "a", "toy-joint")
    assert (result["top1"], result["top1_unseen"], result["clips"], result["clips_unseen"]) == (
        *(0.5, 0.25),
        *(8, 4),
    )
    assert (result["seed"], result["language"], result["parity"]) == (3, False, "gap")
    assert (result["epochs"], result["planned_epochs"]) == (20, 110)
    assert result["best_on_test"] == {"epoch": 7, "top1": 0.75, "epochs_tested": 20}
    assert result["overrides"] == {"optim.lr": 0.2}
    assert result["inputs"] == {"source": {"sha256": "1f"}}
    assert (result["device"], result["sessions"][0]["commit"]) == ("CPU", None)
    assert "per_class" not in result


def test_a_run_that_moved_names_each_device_once():
    assert stream("a", 0.5, devices=["CPU", "NVIDIA H200", "CPU"])["device"] == "CPU + NVIDIA H200"


def test_of_an_imported_checkpoint_the_training_is_not_known():
    result = stream_result("a", IMPORTED, report(0.5))
    assert (result["parity"], result["imported_from"], result["modality"]) == (
        "imported",
        "official.pt",
        "bone",
    )
    for unknown in ("seed", "language", "epochs", "planned_epochs", "device", "recipe", "best_on_test"):
        assert result[unknown] is None, unknown
    assert one_line(result) == f"{'a':<40} top-1 50.0 %  imported weights"


def test_ensemble_result_keeps_what_its_members_agree_on():
    members = [stream("a", 0.5, seed=1), stream("b", 0.25, seed=2, modality="bone")]
    result = ensemble_result("e", members, {"a": 0.6, "b": 0.4}, report(0.75), "given by hand")
    assert (result["kind"], result["name"], result["top1"]) == ("ensemble", "e", 0.75)
    assert (result["weights"], result["weights_from"]) == ({"a": 0.6, "b": 0.4}, "given by hand")
    assert result["seed"] == "mixed"
    assert (result["benchmark"], result["device"], result["epochs"]) == ("toy", "CPU", 20)
    assert [(m["name"], m["seed"], m["modality"], m["top1"]) for m in result["members"]] == [
        ("a", 1, "joint", 0.5),
        ("b", 2, "bone", 0.25),
    ]
    assert "best_on_test" not in result  # an ensemble has one epoch


def test_round_trip(tmp_path: Path):
    for result in (stream("a", 1 / 3, 0.1), stream_result("b", IMPORTED, report(0.5))):
        write_json(tmp_path / f"{result['name']}.json", result)
        assert read_result(tmp_path / f"{result['name']}.json") == result
    assert [r["name"] for r in read_results([tmp_path])] == ["a", "b"]


# --- reading -----------------------------------------------------------------------------------------------


def test_results_are_found_in_both_kinds_of_folder_sorted_and_once(tmp_path: Path):
    kept, runs = tmp_path / "results", tmp_path / "runs"
    write_json(kept / "b.json", stream("b", 0.5))
    write_json(runs / "b" / "result.json", stream("b", 0.5))
    write_json(runs / "a" / "result.json", stream("a", 0.75))
    (runs / "a" / "card.json").write_text("{}")
    (kept / "other.json").write_text('{"format": "something else"}')
    (kept / "list.json").write_text("[1]")
    for folders in ([kept, runs], [runs, kept]):
        assert [(r["name"], r["top1"]) for r in read_results(folders)] == [("a", 0.75), ("b", 0.5)]
    assert [r["name"] for r in read_results([runs / "a"])] == ["a"]  # a run's own folder, too
    assert read_results([tmp_path / "nowhere"]) == []


def test_two_results_of_one_name_are_an_error_that_names_both(tmp_path: Path):
    write_json(tmp_path / "results" / "a.json", stream("a", 0.5))
    write_json(tmp_path / "runs" / "a" / "result.json", stream("a", 0.25))
    with pytest.raises(ValueError, match=r"results/a\.json and .*runs/a/result\.json: two different results"):
        read_results([tmp_path / "results", tmp_path / "runs"])


def test_what_cannot_be_read_is_named(tmp_path: Path):
    path = tmp_path / "result.json"
    with pytest.raises(FileNotFoundError, match=r"no result there; run `lst test "):
        read_result(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"result\.json: not a result of lst"):
        read_result(path)
    write_json(path, {**stream("a", 0.5), "version": 2})
    with pytest.raises(ValueError, match=r"result\.json: version 2, this lst reads up to 1; update lst"):
        read_result(path)
    path.write_text('{"format":\n "lst-')
    for read in (lambda: read_result(path), lambda: read_results([tmp_path])):
        with pytest.raises(ValueError, match=r"result\.json:2:2: broken JSON .*Delete the file or mend it"):
            read()


# --- for people --------------------------------------------------------------------------------------------


def test_one_line():
    line = one_line(stream("nw-ucla-joint-seed1", 0.9125, 0.8))
    assert line == (
        "nw-ucla-joint-seed1                      top-1 91.2 %  not copied 80.0 %"
        "  (best on test 75.0 %, epoch 7)"
        "  20 of 110 epochs  seed 1  CPU"
    )
    members = [stream("a", 0.5), stream("b", 0.5)]
    assert one_line(ensemble(members, 0.5)) == f"{'e':<40} top-1 50.0 %  20 of 110 epochs  seed 1  CPU"
    assert "  110 epochs  " in one_line(stream("a", 0.5, epochs=110))


def test_one_line_says_what_was_changed_of_the_recipe():
    narrow = stream("a", 0.5, overrides={"encoder_width": 16, "repeat": 1})
    assert one_line(narrow).endswith("  seed 1  CPU; encoder_width 16; repeat 1")


def test_one_line_without_an_unseen_clip():
    assert "unseen" not in one_line({**stream("a", 0.5), "clips_unseen": 0, "top1_unseen": None})


def test_table_by_hand():
    """Mean 60.0 and deviation 10.0 of 50, 60, 70; unseen 30.0 and sqrt(200) = 14.1 of 20, 40."""
    results = [
        stream("s1", 0.5, 0.2),
        stream("s2", 0.6, 0.4, seed=2),
        stream("s3", 0.7, seed=3),
        stream("plain", 0.4, text={"weight": 0.0}, overrides={"text.weight": 0.0}),
        stream("gap", 0.3, parity="gap", modality="bone"),
        stream("full", 0.9, epochs=110, best_on_test={"epoch": 99, "top1": 0.95, "epochs_tested": 110}),
        stream("blind", 0.1, epochs=5, best_on_test={"epoch": 5, "top1": 0.1, "epochs_tested": 1}),
        stream("elsewhere", 0.9, benchmark="other"),
        stream_result("theirs", IMPORTED, report(0.25)),
    ]
    results.append(ensemble(results[:2], 0.8))
    assert results_table(results, "toy") == HEADER + "\n".join(
        [
            "| gap parity, LST | bone | 30.0 | - | 75.0 | 20 of 110 | 1 | CPU fp32 |",
            "| imported weights | bone | 25.0 | - | - | - | 1 | - |",
            "| lst, LST | joint | 90.0 | - | 95.0 | 110 | 1 | CPU fp32 |",
            "| lst, LST | joint | 60.0 ± 10.0 | 30.0 ± 14.1 | 75.0 ± 0.0 | 20 of 110 | 3 | CPU fp32 |",
            "| lst, LST | joint | 10.0 | - | - | 5 of 110 | 1 | CPU fp32 |",
            "| lst, LST | ensemble of joint + joint | 80.0 | - | - | 20 of 110 | 1 | CPU fp32 |",
            "| lst, plain encoder (no text) | joint | 40.0 | - | 75.0 | 20 of 110 | 1 | CPU fp32 |",
        ]
    )


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"devices": ["NVIDIA H200"]}, "| NVIDIA H200 fp32 |"),
        ({"precision": "bf16 autocast"}, "| CPU bf16 autocast |"),
        ({"overrides": {"optim.lr": 0.05, "text.weight": 1.0}}, "| lst, LST; optim.lr 0.05 |"),
        ({"complete_data": False}, "| lst, LST; incomplete data |"),
        ({"parity": "gap"}, "| gap parity, LST |"),
        ({"modality": "bone"}, "| bone |"),
    ],
)
def test_what_differs_in_more_than_the_seed_has_its_own_row(change: dict[str, Any], shown: str):
    table = results_table([stream("a", 0.5), stream("b", 0.7, seed=2, **change)], "toy")
    assert len(table.splitlines()) == 4
    assert shown in table
    assert "60.0" not in table


def test_an_ensemble_of_unlike_members_has_a_row():
    members = [
        stream("a", 0.5),
        stream("b", 0.5, devices=["NVIDIA H200"], epochs=30, parity="gap", text={"weight": 0.0}),
    ]
    row = results_table([ensemble(members, 0.75, "given by hand")], "toy").splitlines()[2]
    assert row == (
        "| mixed, with and without text | ensemble of joint + joint, weights given by hand | 75.0 | - | - "
        "| mixed | 1 | mixed fp32 |"
    )


def test_a_row_says_how_its_clips_were_prepared():
    for pipeline, said in (("reference", False), ("clean", True), ("pyskl", True)):
        result = stream("a", 0.5, inputs={"source": {"sha256": "1f", "pipeline": pipeline}})
        assert result["pipeline"] == pipeline
        assert (f"; pipeline {pipeline}" in results_table([result], "toy")) == said
    both = [stream(n, 0.5, inputs={"source": {"pipeline": n}}) for n in ("clean", "reference")]
    total = ensemble_result("e", both, {"clean": 1.0, "reference": 1.0}, report(0.5), "given by hand")
    assert "; pipeline mixed" in results_table([total], "toy")


def test_published_figures_stand_in_the_same_table_best_first():
    rows = results_table([stream("a", 0.95, benchmark="nw-ucla")], "nw-ucla").splitlines()[2:]
    assert rows[0].startswith("| lst, LST | joint | 95.0 |")
    assert rows[1] == (
        "| GAP (LST), 4 streams (second-hand: SkelMamba Table 2) | ensemble | - | - | 97.2 | - | - | - |"
    )
    assert len(rows) == 1 + sum(figure.benchmark == "nw-ucla" for figure in PUBLISHED)
    figures = [float(row.split("|")[5]) for row in rows[1:]]
    assert figures == sorted(figures, reverse=True)
    assert results_table([], "toy") == HEADER.rstrip("\n")


def test_published_figures_are_percent_and_say_where_they_were_read():
    assert published_for("nowhere") == []
    for figure in PUBLISHED:
        assert 50 < figure.top1 < 100
        assert figure.source
        assert figure.stream in ("joint", "bone", "joint_motion", "bone_motion", "ensemble")


# --- the table of a file -----------------------------------------------------------------------------------


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path):
    path = tmp_path / "README.md"
    path.write_text(f"before ±\n\n{BEGIN}\nold table\n{END}\n\nafter\n", encoding="utf-8")
    results = [stream("b", 0.5, benchmark="toy-b"), stream("a", 0.25, benchmark="toy-a")]
    write_table(path, results)
    expected = (
        f"before ±\n\n{BEGIN}\n"
        "\n**toy-a** (top-1, percent)\n\n"
        f"{results_table(results, 'toy-a')}\n"
        "\n**toy-b** (top-1, percent)\n\n"
        f"{results_table(results, 'toy-b')}\n"
        f"\n{END}\n\nafter\n"
    )
    assert path.read_text(encoding="utf-8") == expected
    write_table(path, results)  # again: nothing is added
    assert path.read_text(encoding="utf-8") == expected
    assert [entry.name for entry in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    "text",
    ["no markers", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}", f"{BEGIN}\n{END}\n{END}"],
)
def test_markers_must_stand_once_and_in_order(tmp_path: Path, text: str):
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"README\.md: needs the lines .*begin.*end.* once, in this order"):
        write_table(path, [stream("a", 0.5)])
    assert path.read_text() == text
