"""Official checkpoints become ours: the same logits, and nothing foreign or half of a network gets in."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lst.cli.main import main
from lst.data.input.batches import prepare_arrays
from lst.data.input.steps.frames import CropResize
from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import one_line, read_results, results_table
from lst.evaluation.scores import load_scores
from lst.facts.choices import Modality
from lst.facts.skeleton import get_layout
from lst.nets.checkpoint import Checkpoint, load_checkpoint, read_card
from lst.nets.classifier import SkeletonClassifier, build_classifier
from lst.nets.official import classifier_pieces, view_of
from lst.workflows.import_official import import_official
from lst.workflows.measure import ensemble_runs, measure_run

State = dict[str, Tensor]
HEADS = ("linear_head.", "part_list.", "logit_scale")


@pytest.fixture(scope="module")
def official(shared: Path) -> Path:
    return shared / "golden" / "gap_ntu120_joint.pt"


@pytest.fixture(scope="module")
def state(official: Path) -> State:
    return torch.load(official, weights_only=True)


@pytest.fixture(scope="module")
def imported(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Through the command line, as a person does it."""
    out = tmp_path_factory.mktemp("imported") / "run"
    words = ["--benchmark", "ntu120-xsub", "--modality", "joint", "--out", str(out)]
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert main(["import-checkpoint", str(official), *words]) == 0
    assert "left out 11 tensors that only training uses" in printed.getvalue()
    assert f"wrote {out}" in printed.getvalue()
    return load_checkpoint(out)


def joint(source: Path, out: Path, *, benchmark: str = "ntu120-xsub", overwrite: bool = False) -> list[str]:
    return import_official(source, out, benchmark=benchmark, modality="joint", overwrite=overwrite)


def test_logits_equal_the_official_ones(imported: Checkpoint, shared: Path):
    with np.load(shared / "golden" / "gap_ntu120_joint_io.npz") as golden, torch.inference_mode():
        logits = imported.classifier(torch.from_numpy(golden["x"]))
        expected = golden["logits"]
    assert float(np.abs(logits.numpy() - expected).max() / np.abs(expected).max()) < 1e-5


def test_the_card_feeds_positions_to_the_joint_stream(imported: Checkpoint):
    """The official class multiplies by Id - B^8, which is the identity for NTU (quirk Q1)."""
    np.testing.assert_array_equal(imported.pipeline.joint_matrix(), np.eye(25, dtype=np.float32))
    assert imported.pipeline.modality == "joint"
    assert imported.pipeline.has(CropResize)
    assert (imported.pipeline.clip_length, imported.pipeline.num_persons) == (64, 2)


def test_the_card_says_what_it_is(imported: Checkpoint):
    assert imported.card["imported_from"] == "gap_ntu120_joint.pt"
    assert imported.card["benchmark"] == "ntu120-xsub"
    assert len(imported.class_names) == 120
    assert imported.class_names[0] == "drink water"
    assert not imported.classifier.training


def test_info_of_an_imported_checkpoint(imported: Checkpoint, capsys: pytest.CaptureFixture[str]):
    assert main(["info", str(imported.folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{imported.folder}: imported, joint of ntu120-xsub\n")


def test_bone_streams_get_the_official_bones(official: Path, tmp_path: Path):
    """Quirk Q2: SpineMid (joint 1) stays absolute."""
    import_official(official, tmp_path / "run", benchmark="ntu120-xsub", modality="bone")
    matrix = load_checkpoint(tmp_path / "run").pipeline.joint_matrix()
    assert matrix is not None
    assert matrix[1].tolist() == np.eye(25)[1].tolist()
    assert matrix[0, 0] == 1
    assert matrix[0, 1] == -1


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_or_another_folder_is_never_replaced(official: Path, tmp_path: Path, overwrite: bool):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "recipe.json").write_text("{}")
    for out in (tmp_path / "training", tmp_path):
        with pytest.raises(ValueError, match="exists and is not an imported checkpoint"):
            joint(official, out, overwrite=overwrite)
    assert [path.name for path in tmp_path.rglob("*")] == ["training", "recipe.json"]


@pytest.mark.parametrize(
    ("benchmark", "expected"),
    [
        ("nw-ucla", r"data_bn\.weight has shape \(150,\), expected \(60,\).* check that the benchmark"),
        ("ntu60-xsub", r"fc\.weight has shape \(120, 256\), expected \(60, 256\).* check that the bench"),
        ("ntu120", r"unknown benchmark 'ntu120'\. Did you mean 'ntu120-xs"),
        ("synthetic", "GAP has no code|has shape"),
    ],
)
def test_a_wrong_benchmark_is_an_error(official: Path, tmp_path: Path, benchmark: str, expected: str):
    with pytest.raises(ValueError, match=expected):
        joint(official, tmp_path / "run", benchmark=benchmark)
    assert not (tmp_path / "run").exists()


def without_fc(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda s: {**s, "transformer.0.weight": torch.zeros(2)},
            r"1 tensors have no place in CTR-GCN, such as 'transformer\.0\.weight'",
        ),
        (
            without_fc,
            r"has no tensor 'fc\.weight'; it is not a CTR-GCN / GAP checkpoint, or cut\. It has [0-9]+: ",
        ),
        (lambda s: {**s, "fc.bias": torch.zeros(119)}, r"fc\.bias has shape \(119,\)"),
        (
            lambda s: {"epoch": 3, "weights": {}},
            r"no state dict of tensors under weights; its keys are \(none",
        ),
        (lambda s: list(s.values())[:3], "expected a state dict of tensors, got a list"),
    ],
)
def test_foreign_and_cut_files_are_refused(
    state: State, tmp_path: Path, change: Callable[[State], object], expected: str
):
    torch.save(change(state), tmp_path / "other.pt")
    with pytest.raises(ValueError, match=expected):
        joint(tmp_path / "other.pt", tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Unsafe:
    """What a checkpoint must never get to do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this line must not appear",)


def test_code_in_a_file_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch.save({"fc.weight": Unsafe()}, tmp_path / "unsafe.pt")
    with pytest.raises(
        ValueError, match=r"no state dict of tensors; its keys are fc\.weight\. Save `model\.state_dict\(\)`"
    ):
        joint(tmp_path / "unsafe.pt", tmp_path / "run")
    assert capsys.readouterr().out == ""


def test_files_that_are_no_checkpoints(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        joint(tmp_path / "nothing.pt", tmp_path / "run")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ValueError, match="not a torch file: it starts like text: 'hello'"):
        joint(tmp_path / "text.pt", tmp_path / "run")


def test_keys_of_data_parallel_runs_are_taken(state: State, imported: Checkpoint, tmp_path: Path):
    """Without the heads that only training uses, as CTR-GCN's own files are."""
    bare = {f"module.{key}": value for key, value in state.items() if not key.startswith(HEADS)}
    torch.save(bare, tmp_path / "ctrgcn.pt")
    assert joint(tmp_path / "ctrgcn.pt", tmp_path / "run") == []
    ours, theirs = (c.classifier.state_dict() for c in (load_checkpoint(tmp_path / "run"), imported))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_an_existing_checkpoint_is_replaced_only_when_asked(official: Path, state: State, tmp_path: Path):
    joint(official, tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    torch.save({**state, "fc.bias": state["fc.bias"] + 1}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"holds a checkpoint already\. Use --overwrite or another --out"):
        joint(tmp_path / "other.pt", tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    joint(tmp_path / "other.pt", tmp_path / "run", overwrite=True)
    assert read_card(tmp_path / "run")["imported_from"] == "other.pt"
    bias = load_checkpoint(tmp_path / "run").classifier.state_dict()["head.bias"]
    assert torch.equal(bias, state["fc.bias"] + 1)


def test_the_command_line_refuses_in_one_line(official: Path, tmp_path: Path):
    words = [
        str(official),
        "--benchmark",
        "ntu60-xsub",
        "--modality",
        "joint",
        "--out",
        str(tmp_path / "run"),
    ]
    error = io.StringIO()
    with redirect_stderr(error):
        assert main(["import-checkpoint", *words]) == 2
    assert error.getvalue().startswith(f"lst: {official}: fc.weight has shape")
    assert error.getvalue().count("\n") == 1


def official_form(classifier: SkeletonClassifier) -> State:
    """Our classifier under the official names, as their `torch.save(model.state_dict())` holds it."""
    ours = classifier.state_dict()
    return {piece.key: view_of(ours, piece).clone() for piece in classifier_pieces(classifier)}


def import_ucla(
    tmp_path: Path, name: str, modality: Modality, heads: State
) -> tuple[SkeletonClassifier, Path]:
    """A net of ours, written as theirs with these heads and imported; the net and the run."""
    torch.manual_seed(0)
    net = build_classifier(encoder="ctrgcn", layout="kinect_v1_20", num_persons=1, num_classes=10).eval()
    torch.save({**official_form(net), **heads}, tmp_path / f"{name}.pt")
    import_official(tmp_path / f"{name}.pt", tmp_path / name, benchmark="nw-ucla", modality=modality)
    return net, tmp_path / name


@pytest.mark.parametrize("heads", [{"logit_scale": torch.ones(1, 5)}, {}], ids=["GAP", "CTR-GCN"])
def test_it_can_be_tested_like_a_run(nw_ucla_store: ClipStore, tmp_path: Path, heads: State):
    """Oracle: the net itself on each clip. GAP subtracts children (quirk Q3), CTR-GCN's feeder parents."""
    net, run = import_ucla(tmp_path, "bone", "bone", heads)
    measured = measure_run(run, nw_ucla_store, "cpu")
    scores = load_scores(run / "test" / "scores.npz")
    assert list(scores.clip_ids) == [clip for clip in nw_ucla_store.clip_ids if clip.endswith("v03")]
    assert measured.report["clips"] == 10
    pipeline = load_checkpoint(run).pipeline
    layout = get_layout("kinect_v1_20")
    expected = layout.gap_joint_matrix(1) if heads else layout.bone_matrix()
    np.testing.assert_array_equal(pipeline.joint_matrix(), expected)
    clips = [np.array(nw_ucla_store.clip(nw_ucla_store.index_of(clip))) for clip in scores.clip_ids]
    with torch.inference_mode():
        logits = net(*prepare_arrays(clips, pipeline)).numpy()
    np.testing.assert_allclose(scores.logits_NK, logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())


def test_joint_streams_of_ctrgcn_see_positions(tmp_path: Path):
    """GAP's class for UCLA changes joint 2 (Q3), CTR-GCN's changes nothing."""
    _, ctrgcn = import_ucla(tmp_path, "ctrgcn", "joint", {})
    _, gap = import_ucla(tmp_path, "gap", "joint", {"part_list.0.weight": torch.ones(1)})
    assert load_checkpoint(ctrgcn).pipeline.joint_matrix() is None
    matrix = load_checkpoint(gap).pipeline.joint_matrix()
    assert matrix is not None
    assert np.flatnonzero((matrix != np.eye(20)).any(axis=1)).tolist() == [2]


def test_bones_of_ctrgcn_follow_its_own_tree(state: State, tmp_path: Path):
    """Its pairs for NTU, counted from 0, as far as they differ from GAP's or ours; the root is 20 (Q2)."""
    bare = {key: value for key, value in state.items() if not key.startswith(HEADS)}
    torch.save(bare, tmp_path / "ctrgcn.pt")
    import_official(tmp_path / "ctrgcn.pt", tmp_path / "run", benchmark="ntu120-xset", modality="bone")
    matrix = load_checkpoint(tmp_path / "run").pipeline.joint_matrix()
    assert matrix is not None
    for child, parent in ((1, 20), (21, 22), (22, 7), (23, 24), (24, 11)):
        assert (matrix[child, child], matrix[child, parent]) == (1, -1), child
        assert np.abs(matrix[child]).sum() == 2
    assert not matrix[20].any()


def test_imported_streams_can_be_added_up_and_listed(nw_ucla_store: ClipStore, tmp_path: Path):
    modalities: tuple[Modality, Modality] = ("joint", "bone")
    runs = [import_ucla(tmp_path, modality, modality, {})[1] for modality in modalities]
    for run in runs:
        measure_run(run, nw_ucla_store, "cpu")
    measured = ensemble_runs(runs, tmp_path / "both")
    assert {name: m["weight"] for name, m in measured.report["info"]["ensemble"].items()} == {
        "joint": 1.0,
        "bone": 1.0,
    }
    found = read_results([tmp_path])
    assert [result["name"] for result in found] == ["bone", "both", "joint"]
    table = results_table(found, "nw-ucla")
    assert table.count("| imported weights | ") == 3
    for result in found:
        assert result["name"] in one_line(result)
