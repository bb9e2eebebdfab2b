"""`lst study text`: what it plans, that nothing is trained twice, and what it prints."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import lst_call, refused
from lst.cli.study_verbs import markers
from lst.data.input.batches import Batch, ClipBatches
from lst.data.store.clip_store import ClipStore
from lst.evaluation.results import read_results
from lst.training.recipes import TrainOptions, get_recipe
from lst.training.text_config import TextConfig
from lst.workflows.study import TextStudy, run_study, study_text
from lst.workflows.study_variants import BASELINE, VARIANTS, get_variant

pytestmark = pytest.mark.usefixtures("tiny_recipes", "quick_pictures", "quick", "one_thread")

OPTIONS = TrainOptions(device="cpu", progress=False)
TWO = ("no-text", "parts4-shuffled")
NAMES = [f"demo-joint-{variant}-2epochs-seed{seed}" for seed in (1, 2) for variant in TWO]


def study() -> TextStudy:
    return TextStudy(family="demo", seeds=2, epochs=2, variants=TWO)


def go(store: ClipStore, folder: Path) -> list[str]:
    done = run_study(study(), store, folder / "runs", folder / "results", OPTIONS)
    return [result["name"] for result in done]


# --- the plan ----------------------------------------------------------------------------------------------


def test_every_variant_is_a_change_of_the_text_side_only():
    plan = TextStudy(family="nw-ucla")
    configs = [config for _, _, config in plan.runs()]
    assert len(configs) == len(VARIANTS) == 17
    assert len({str(config.text) for config in configs}) == 17  # no two are the same run
    base = get_recipe("nw-ucla-joint")
    for variant, config in zip(VARIANTS, configs, strict=True):
        assert config == base.with_text(**variant.text)
        assert len(variant.text) == (2 if "tune" in variant.text else 1)  # that goes with an encoder
    assert [v.name for v in VARIANTS if TextConfig(**v.text) == TextConfig()] == ["parts4"]
    assert configs[0].text.weight == 0


def test_all_variants_of_a_seed_come_before_the_next_seed():
    plan = TextStudy(family="demo", seeds=2, streams=("bone", "joint"), variants=("parts1", "no-text"))
    assert [name for name, _, _ in plan.runs()] == [
        f"demo-{stream}-{variant}-seed{seed}"
        for seed in (1, 2)
        for variant in ("no-text", "parts1")
        for stream in ("joint", "bone")
    ]


def test_what_was_asked_is_in_the_config_and_in_the_name():
    plan = TextStudy(family="demo", epochs=3, repeat=2, encoder_width=16, variants=("label",))
    ((name, recipe, config),) = plan.runs()
    assert name == "demo-joint-label-3epochs-repeat2-width16-seed1"
    assert recipe == "demo-joint"
    assert (config.optim.epochs, config.optim.planned_epochs) == (3, 16)
    assert (config.repeat, config.encoder_width, config.text.prompts) == (2, 16, "label")


def test_wrong_values_are_named_before_anything_is_trained(tiny_store: ClipStore, tmp_path: Path):
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        TextStudy(family="demo", seeds=0)
    with pytest.raises(ValueError, match=r"unknown variant 'part4'\. Did you mean 'parts4'"):
        TextStudy(family="demo", variants=("part4",))
    with pytest.raises(ValueError, match="unknown family of recipes"):
        TextStudy(family="dmeo")
    plan = TextStudy(family="gap-nw-ucla", variants=("no-text", "label"))
    with pytest.raises(ValueError, match=r"parity gap has the prompts of the official code, parts4"):
        next(run_study(plan, tiny_store, tmp_path / "runs", tmp_path, OPTIONS))
    assert list(tmp_path.iterdir()) == []


# --- running it --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture
def whole(tiny_store: ClipStore, whole_folder: Path) -> Path:
    """Folder of a study that nothing disturbed; trained by the first test that asks for it."""
    go(tiny_store, whole_folder)
    return whole_folder


def test_stopped_and_resumed_trains_nothing_twice(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path
):
    """Stopped between two runs, then inside one; ends as an unbroken study does."""
    original, trained, most = ClipBatches.train, list[tuple[int, int]](), [99]

    def train(self: ClipBatches, seed: int, epoch: int) -> Iterator[Batch]:
        if len(trained) == most[0]:
            raise KeyboardInterrupt
        trained.append((seed, epoch))
        return original(self, seed, epoch)

    monkeypatch.setattr(ClipBatches, "train", train)
    for most[0] in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            go(tiny_store, tmp_path)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    assert sorted(kept) == sorted(f"{name}.json" for name in NAMES[:2])
    most[0] = 99
    assert go(tiny_store, tmp_path) == NAMES
    assert trained == [(1, 0), (1, 1), (1, 0), (1, 1), (2, 0), (2, 1), (2, 0), (2, 1)]
    assert {name: (tmp_path / "results" / name).read_bytes() for name in kept} == kept

    most[0] = 8
    assert go(tiny_store, tmp_path) == NAMES  # nothing is left to do
    shutil.rmtree(tmp_path / "runs")
    assert go(tiny_store, tmp_path) == NAMES  # results alone are enough
    assert not (tmp_path / "runs").exists()

    found = [read_results([folder / "results"]) for folder in (tmp_path, whole)]
    assert [r["top1"] for r in found[0]] == [r["top1"] for r in found[1]]
    assert [r["control"] is None for r in found[0]] == [True, True, False, False]
    assert {r["best_on_test"]["epochs_tested"] for r in found[0]} == {1}


def test_a_kept_result_of_other_settings_is_refused(tiny_store: ClipStore, tmp_path: Path, whole: Path):
    shutil.copytree(whole / "results", tmp_path / "results")
    path = tmp_path / "results" / f"{NAMES[0]}.json"
    result = json.loads(path.read_text())
    del result["config"]["text"]["control"]  # an older lst had no such field: no difference
    path.write_text(json.dumps(result))
    assert go(tiny_store, tmp_path) == NAMES
    result["config"]["optim"]["lr"] = 0.3
    path.write_text(json.dumps(result))
    expected = r"seed1\.json: has other settings than this study \(optim\.lr: 0\.3 -> 0\.1\)"
    with pytest.raises(ValueError, match=expected):
        go(tiny_store, tmp_path)
    with pytest.raises(ValueError, match=expected):
        study_text(study(), tmp_path / "results")


def test_the_table_has_all_variants_and_seeds_that_are_kept(whole: Path):
    table = study_text(TextStudy(family="demo", epochs=2, variants=("label",)), whole / "results")
    lines = table.splitlines()
    assert lines[0].startswith("**synthetic, joint** (percent): 2 of 16 epochs, repeat 1, encoder width 8.")
    assert [line.split(" |")[0] for line in lines[4:]] == [
        f"| {get_variant(name).name}: {get_variant(name).description}" for name in TWO
    ]
    assert [line.split(" | ")[1] for line in lines[4:]] == ["2", "2"]
    assert study_text(TextStudy(family="demo", epochs=3), whole / "results") == ""


# --- the command -------------------------------------------------------------------------------------------


def test_the_command_runs_prints_and_writes(tiny_store: ClipStore, tmp_path: Path, whole: Path):
    page = tmp_path / "page.md"
    begin, end = markers("demo")
    page.write_text(f"# Title\n{begin}\n{end}\nend\n")
    words = ["study", "text", "demo", "--epochs", "2", "--variants", *TWO, "--results", whole / "results"]
    folders = ["--data", tiny_store.folder, "--runs", tmp_path / "runs"]
    done = lst_call(*words, "--seeds", "2", *folders, "--write", page, "--device", "cpu")
    assert done.status == 0, done.err
    printed = [line.split()[0] for line in done.out.splitlines() if line.startswith("demo-")]
    assert printed == NAMES
    table = study_text(study(), whole / "results")
    assert f"\n\n{table}\nwrote the study's table of {page}\n" in done.out
    assert page.read_text() == f"# Title\n{begin}\n\n{table}\n\n{end}\nend\n"

    only = lst_call(*words, "--table-only")  # needs neither data nor the number of seeds
    assert (only.status, only.out) == (0, f"\n{table}\n")


def test_without_results_it_says_so(tmp_path: Path):
    done = lst_call("study", "text", "demo", "--table-only", "--results", tmp_path)
    assert done.status == 0
    assert done.out.startswith(f"no results of this study under {tmp_path}")


def test_lst_results_leaves_a_study_alone(tmp_path: Path, whole: Path):
    results = tmp_path / "results"
    shutil.copytree(whole / "results", results / "study")
    done = lst_call("results", "--runs", tmp_path / "runs", "--results", results)
    assert done.status == 0
    assert done.out.startswith("no tested runs")


def test_usage_lists_subjects_and_variants():
    assert "  text\n" in lst_call("study").out
    out = lst_call("study", "text").out
    assert all(f"  {variant.name} " in out for variant in VARIANTS)
    assert BASELINE in out
    assert "Did you mean 'text'" in refused("study", "txt")


def test_a_gap_family_has_the_variants_with_the_official_prompts():
    names = TextStudy(family="gap-nw-ucla").chosen
    assert {"no-text", "parts4", "parts4-shuffled", "linear-scale"} <= set(names)
    assert not {"label", "parts6", "mixed"} & set(names)
    assert len(list(TextStudy(family="gap-nw-ucla").runs())) == len(names)  # every config can be made
