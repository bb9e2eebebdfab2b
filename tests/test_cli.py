"""The command line as a person meets it: what it prints, what it refuses, and the status it ends with."""

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lst
from lst.cli import main as main_module
from lst.cli.main import VERBS, main
from lst.data.batches import ClipBatches
from lst.data.store import ClipStore
from lst.evaluation.scores import load_scores, top_k_accuracy
from lst.training.recipes import RECIPES

TINY = (
    *("--encoder-width", "8", "--clip-length", "8", "--batch-size", "24", "--optim.epochs", "1"),
    *("--precision", "fp32", "--device", "cpu", "--no-progress"),
)


@dataclass(frozen=True)
class Done:
    """How a call of `lst` ended."""

    status: int
    out: str
    err: str


def lst_call(*words: object) -> Done:
    """`lst WORDS`, in this process. Options that do not parse end in SystemExit, as in a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
    return Done(status, out.getvalue(), err.getvalue())


def refused(*words: object) -> str:
    """The message of a call that must end with status 2, one readable line and nothing on stdout."""
    done = lst_call(*words)
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("lst: ")
    assert done.err.count("\n") == 1
    return done.err


# --- help, versions, names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_help_names_every_verb(words: list[str]):
    done = lst_call(*words)
    assert done.status == 0
    assert done.err == ""
    assert lst.__version__ in done.out
    for verb in VERBS:
        assert re.search(rf"(?<![\w-]){verb}(?![\w-])", done.out), verb


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_version(word: str):
    assert lst_call(word) == Done(0, f"lst {lst.__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str):
    done = lst_call(verb, "--help")
    assert done.status == 0
    assert f"usage: lst {verb} " in done.out
    assert done.err == ""


def test_help_of_a_recipe_shows_its_own_values_and_what_fields_mean():
    done = lst_call("train", "demo-bone", "--help")
    assert done.status == 0
    assert "(default: bone)" in done.out
    assert f"(default: {RECIPES['demo-bone'].encoder_width})" in done.out
    assert "0 trains the plain encoder" in " ".join(done.out.replace("│", " ").split())


def test_train_without_a_recipe_lists_all():
    done = lst_call("train")
    assert done.status == 0
    assert set(RECIPES) <= set(done.out.split())


@pytest.mark.parametrize(
    ("words", "kind", "meant"),
    [
        (["tarin"], "verb", "train"),
        (["prepare", "nwucla"], "data set", "nw-ucla"),
        (["train", "nw-ucla-jiont"], "recipe", "nw-ucla-joint"),
        (["train", "demo-joint", "--benchmark", "syntetic"], "benchmark", "synthetic"),
        (["reproduce", "gap-nw-ulca"], "family of recipes", "gap-nw-ucla"),
        (
            ["import-checkpoint", "x.pt", "--benchmark", "ntu60xsub", "--modality", "joint"],
            "benchmark",
            "ntu60-xsub",
        ),
    ],
)
def test_a_misspelt_name_gets_the_nearest_one(words: list[str], kind: str, meant: str):
    message = refused(*words)
    assert message.startswith(f"lst: unknown {kind} '")
    assert f"Did you mean {meant!r}? Known: " in message


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["train", "demo-joint", "--optim.epoch", "3"], "--optim.epochs"),
        (["train", "demo-joint", "--modality", "bones"], "joint_motion"),
        (["train", "demo-joint", "--seed", "one"], "one"),
        (["test", "runs/x", "--dvice", "cpu"], "--device"),
        (["test"], "required"),
        (["info"], "required"),
        (["import-checkpoint", "x.pt"], "--benchmark"),
    ],
)
def test_options_that_do_not_parse_end_with_2_and_a_hint(words: list[str], hint: str):
    done = lst_call(*words)
    assert done.status == 2
    assert hint in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--optim.lr", "-1"], "optim.lr must be positive, got -1.0"),
        (["--batch-size", "0"], "batch_size must be at least 1, got 0"),
        (["--hold-out", "1"], "hold_out is a share in [0, 1), got 1.0"),
        (["--optim.decay-at", "110"], "lies at or after planned_epochs"),
    ],
)
def test_values_of_a_recipe_are_checked(words: list[str], expected: str):
    done = lst_call("train", "demo-joint", *words)
    assert done.status == 2
    assert done.out == ""
    assert expected in " ".join(done.err.replace("│", " ").split())


# --- wrong places ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["train", "reproduce"])
def test_a_missing_store_names_the_command_that_makes_it(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    message = refused(verb, "nw-ucla-joint" if verb == "train" else "nw-ucla")
    assert "data/nw-ucla: no store there" in message
    assert "`lst prepare nw-ucla ...`" in message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_store(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    assert "is not a store" in refused("info", tmp_path / "notes")
    assert "no such folder" in refused("info", tmp_path / "nowhere")
    assert "is not a store" in refused("train", "demo-joint", "--data", tmp_path / "notes")


def test_a_store_of_another_data_set(tiny_store: ClipStore, tmp_path: Path):
    done = lst_call("train", "nw-ucla-joint", "--data", tiny_store.folder, "--out", tmp_path / "run", *TINY)
    assert done.status == 2
    assert "holds 'synthetic', but the benchmark 'nw-ucla' needs 'nw-ucla'" in done.err
    assert "note: nw-ucla: 95 of its 464 test clips" in done.out


def test_runs_that_are_not_there_or_not_finished(tmp_path: Path):
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "recipe.json").write_text("{}")
    for name in ("stopped", "nowhere"):
        message = refused("test", tmp_path / name)
        assert "no finished checkpoint there" in message
        assert "--resume" in message
    assert "name the runs to add up" in refused("ensemble")
    message = refused("ensemble", tmp_path / "stopped", tmp_path / "nowhere")
    assert f"run `lst test {tmp_path / 'stopped'}`" in message
    assert not (tmp_path / "ensemble-of-stopped+nowhere").exists()


def test_other_files_that_are_not_there(tmp_path: Path):
    assert "no such file or folder" in refused("prepare", "nw-ucla", tmp_path / "all_sqe.zip")
    assert "needs its source" in refused("prepare", "nw-ucla")
    assert "got 2 sources" in refused("prepare", "nw-ucla", tmp_path, tmp_path)
    assert "got 1 sources" in refused("prepare", "synthetic", tmp_path)
    assert "no such description file" in refused("embed", tmp_path / "texts.json")
    imported = ("--benchmark", "nw-ucla", "--modality", "bone")
    assert "no such checkpoint" in refused("import-checkpoint", tmp_path / "official.pt", *imported)


def test_a_device_that_is_not_there():
    assert "device 'quantum' cannot be used here" in refused("bench", "--device", "quantum")


def test_results_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = lst_call("results")
    assert done == Done(0, "no tested runs under runs or results; `lst test RUN` makes one\n", "")


def test_info_of_a_run_that_is_not_finished(tmp_path: Path):
    (tmp_path / "recipe.json").write_text("{}")
    assert "no finished checkpoint there" in refused("info", tmp_path)


def test_info_of_an_ensemble(flow: "Flow"):
    done = lst_call("info", flow.runs / "ensemble-of-a+b")
    assert done.status == 0
    assert done.out.startswith("ensemble-of-a+b ")


def test_results_for_a_file_that_is_not_there(tmp_path: Path):
    done = lst_call("results", "--runs", tmp_path, "--results", tmp_path, "--write", tmp_path / "X.md")
    assert done.status == 2
    assert "X.md: no such file; the table goes" in done.err


def test_a_reader_that_has_enough_is_no_error(flow: "Flow"):
    """`lst results | head -1` with more lines than a pipe holds."""
    code = "from lst.cli.main import main; import sys; sys.exit(main(['results', '--runs', sys.argv[1]]))"
    words = [sys.executable, "-u", "-c", code, str(flow.runs)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# --- status ------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[Sequence[str]], None]:
    def verb(args: Sequence[str]) -> None:
        raise error

    return verb


@pytest.mark.parametrize("error", [ValueError("no"), FileNotFoundError("no"), FloatingPointError("no")])
def test_what_users_cause_is_a_message_and_status_2(error: Exception, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LST_DEBUG", raising=False)
    monkeypatch.setitem(main_module.VERBS, "demo", raising(error))
    assert lst_call("demo") == Done(2, "", "lst: no\n")
    monkeypatch.setenv("LST_DEBUG", "1")
    with pytest.raises(type(error)):
        main(["demo"])


def test_mistakes_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(main_module.VERBS, "demo", raising(AssertionError("a bug")))
    with pytest.raises(AssertionError):
        main(["demo"])


def test_ctrl_c_ends_with_130_and_says_that_work_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(main_module.VERBS, "demo", raising(KeyboardInterrupt()))
    done = lst_call("demo")
    assert done.status == 130
    assert "--resume" in done.err
    assert "Traceback" not in done.err


def test_words_come_from_the_command_line(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []
    monkeypatch.setitem(main_module.VERBS, "demo", seen.append)
    monkeypatch.setattr(sys, "argv", ["lst", "demo", "--out", "x"])
    assert main() == 0
    assert seen == [["--out", "x"]]


def test_the_verbs_that_need_no_torch_do_not_load_it(tiny_store: ClipStore, raw: Path, tmp_path: Path):
    calls = [
        ["--help"],
        ["prepare", "nw-ucla", str(raw), "--out", str(tmp_path / "store")],
        ["info", str(tiny_store.folder)],
        ["results", "--runs", str(tmp_path), "--results", str(tmp_path)],
    ]
    code = (
        "import sys\nfrom lst.cli.main import main\n"
        f"for words in {calls!r}:\n"
        "    assert main(words) == 0, words\n"
        "    assert 'torch' not in sys.modules, words\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_progress_goes_to_stderr_as_it_happens(monkeypatch: pytest.MonkeyPatch):
    """In a terminal nothing has set up logging before; results on stdout stay apart from it."""

    def verb(args: Sequence[str]) -> None:
        logging.getLogger("lst.training.train").info("epoch 1/2")
        sys.stdout.write("done\n")

    monkeypatch.setitem(main_module.VERBS, "demo", verb)
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.level
    try:
        assert lst_call("demo") == Done(0, "done\n", "epoch 1/2\n")
    finally:
        logging.root.setLevel(level)


# --- prepare and info --------------------------------------------------------------------------------------


def write_clip(folder: Path, name: str, *, label: int, frames: int = 3, joints: int = 20) -> None:
    skeletons = [[[0.1 * v, 0.01 * t, float(label)] for v in range(joints)] for t in range(frames)]
    content = {"file_name": name, "skeletons": skeletons, "label": label}
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder like `all_sqe`: three good clips, four broken files and one of another kind."""
    folder = tmp_path / "all_sqe"
    folder.mkdir()
    write_clip(folder, "a01_s01_e00_v01", label=1)
    write_clip(folder, "a08_s01_e00_v02", label=7, frames=5)
    write_clip(folder, "a12_s02_e01_v03", label=10, frames=7)
    write_clip(folder, "a03_s01_e00_v01", label=4)
    write_clip(folder, "a04_s01_e00_v01", label=4, joints=19)
    (folder / "a05_s01_e00_v01.json").write_text('{"skeletons": [\n[1, 2')
    (folder / "notes.json").write_text("{}")
    (folder / "README.txt").write_text("hello")
    return folder


def test_prepare_lists_broken_files_and_goes_on(raw: Path, tmp_path: Path):
    done = lst_call("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert done.status == 0
    assert done.err == ""
    left_out = [line for line in done.out.splitlines() if line.startswith("left out")]
    assert len(left_out) == 4
    assert left_out[0].startswith("left out a03_s01_e00_v01.json: label 4 disagrees with the name")
    assert left_out[1] == "left out a04_s01_e00_v01.json: frame 0: expected 20 joints, got 19"
    assert left_out[2].startswith("left out a05_s01_e00_v01.json:2: broken JSON")
    assert left_out[3].startswith("left out notes.json: ")
    assert f"{tmp_path / 'store'}: 3 clips, 15 frames, 4 files left out" in done.out
    assert "ignored 1 of 8 files" in done.out
    assert "expected 1,020 train clips, found 2 (1,018 missing)" in done.out
    assert "not exactly the distributed files" in done.out
    assert "nw-ucla          2 train / 1 test" in done.out
    assert done.out.splitlines()[-1] == f"next: lst info {tmp_path / 'store'}"
    assert ClipStore.open(tmp_path / "store").clip_ids == [
        "a01_s01_e00_v01",
        "a08_s01_e00_v02",
        "a12_s02_e01_v03",
    ]


def test_prepare_shows_twenty_broken_files_and_where_the_others_are(raw: Path, tmp_path: Path):
    for episode in range(18):
        (raw / f"a01_s01_e{episode:02d}_v02.json").write_text("[]")
    done = lst_call("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert done.out.count("left out a") + done.out.count("left out n") == 20
    assert f"... and 2 more in {tmp_path / 'store' / 'problems.csv'}" in done.out


def test_prepare_twice(raw: Path, tmp_path: Path):
    words = ("prepare", "nw-ucla", raw, "--out", tmp_path / "store")
    assert lst_call(*words).status == 0
    write_clip(raw, "a02_s01_e00_v01", label=2)
    assert "exists already" in refused(*words)
    assert len(ClipStore.open(tmp_path / "store")) == 3
    assert lst_call(*words, "--overwrite").status == 0
    assert len(ClipStore.open(tmp_path / "store")) == 4


def test_prepare_writes_into_data_and_never_over_foreign_files(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert lst_call("prepare", "nw-ucla", raw).status == 0
    assert (tmp_path / "data" / "nw-ucla" / "manifest.json").is_file()
    assert "lst did not write there" in refused("prepare", "nw-ucla", raw, "--out", raw, "--overwrite")
    assert (raw / "README.txt").is_file()


def test_prepare_synthetic_passes_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from lst.data import prepare as module

    full = module.synthetic_clips
    monkeypatch.setattr(module, "synthetic_clips", lambda *, seed: full(seed=seed, subjects=1, episodes=1))
    for seed in (0, 1):
        done = lst_call("prepare", "synthetic", "--out", tmp_path / str(seed), "--seed", seed)
        assert done.status == 0
    first, second = (ClipStore.open(tmp_path / str(seed)) for seed in (0, 1))
    assert first.clip_ids == second.clip_ids
    assert first.manifest["source"]["seed"] == 0
    assert not (first.clip(0)[:, :5] == second.clip(0)[:, :5]).any()


def test_info_of_a_store(tiny_store: ClipStore):
    done = lst_call("info", tiny_store.folder)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == f"{tiny_store.folder}: synthetic, layout kinect_v1_20, 36 clips"
    assert "  synthetic        24 train / 12 test" in lines
    assert "  drink from cup                   2     1" in lines
    assert any(line.startswith(f"  frames   {len(tiny_store.joints)}, per clip ") for line in lines)


# --- train, test, ensemble, results ------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """A folder with two trained, tested and ensembled runs, and what was printed on the way."""

    runs: Path
    printed: dict[str, str]


@pytest.fixture(scope="module")
def flow(tiny_store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    runs = tmp_path_factory.mktemp("flow") / "runs"
    data = ("--data", tiny_store.folder)
    calls = {
        "train joint": ("train", "demo-joint", "--out", runs / "a", *data, *TINY),
        "train bone": ("train", "demo-bone", "--out", runs / "b", *data, *TINY, "--optim.lr", "0.01"),
        "test joint": ("test", runs / "a", *data, "--device", "cpu"),
        "test bone": ("test", runs / "b", *data, "--device", "cpu"),
        "ensemble": ("ensemble", runs / "a", runs / "b"),
    }
    printed: dict[str, str] = {}
    for name, words in calls.items():
        done = lst_call(*words)
        assert done.status == 0, done.err
        printed[name] = done.out
    return Flow(runs, printed)


def test_train_writes_the_run_and_says_what_comes_next(flow: Flow):
    run = flow.runs / "a"
    card = json.loads((run / "card.json").read_text())
    assert card["recipe"] == "demo-joint"
    assert card["config"]["encoder_width"] == 8
    assert card["config"]["optim"]["epochs"] == 1
    assert json.loads((flow.runs / "b" / "card.json").read_text())["config"]["optim"]["lr"] == 0.01
    assert (run / "model.safetensors").is_file()
    assert "note: synthetic: expected 576 train clips, found 24" in flow.printed["train joint"]
    lines = flow.printed["train joint"].splitlines()
    assert lines[-2].startswith(f"{run}: 1 epochs, last top-1 {100 * card['last_test_top1']:.1f} %")
    assert lines[-1] == f"next: lst test {run}"


def test_test_measures_the_last_epoch_on_every_test_clip(flow: Flow, tiny_store: ClipStore):
    run = flow.runs / "a"
    scores = load_scores(run / "test" / "scores.npz")
    assert sorted(scores.clip_ids) == [f"a{action:02d}_s09_e00_v01" for action in range(1, 13)]
    top1 = top_k_accuracy(scores.logits_NK, scores.labels_N, 1)
    assert top1 == json.loads((run / "card.json").read_text())["last_test_top1"]
    assert f"top-1 {100 * top1:.1f} %" in flow.printed["test joint"]
    for name in ("scores.npz", "report.json", "per_class.csv", "confusion.png"):
        assert name in flow.printed["test joint"]
        assert (run / "test" / name).stat().st_size > 0


def test_ensemble_adds_up_the_runs(flow: Flow):
    a, b, total = (
        load_scores(flow.runs / name / "test" / "scores.npz") for name in ("a", "b", "ensemble-of-a+b")
    )
    assert total.clip_ids == tuple(sorted(a.clip_ids))
    row = a.clip_ids.index(total.clip_ids[3])
    assert total.logits_NK[3] == pytest.approx(a.logits_NK[row] + b.logits_NK[row], abs=1e-5)
    assert "weights a 1, b 1\n" in flow.printed["ensemble"]


def test_ensemble_takes_weights_in_the_order_of_the_runs(flow: Flow, tmp_path: Path):
    runs = (flow.runs / "b", flow.runs / "a")
    done = lst_call("ensemble", *runs, "--weights", "0.25", "2", "--out", tmp_path / "e")
    assert done.status == 0, done.err
    assert "weights a 2, b 0.25\n" in done.out
    assert "got 1 weights for 2 runs" in refused("ensemble", *runs, "--weights", "1")
    both = ("--weights", "1", "1", "--fit-weights")
    assert "not both" in refused("ensemble", *runs, *both)
    assert "--hold-out" in refused("ensemble", *runs, "--fit-weights")


def test_results_shows_every_tested_run_once(flow: Flow, tmp_path: Path):
    done = lst_call("results", "--runs", flow.runs, "--results", tmp_path)
    assert done.status == 0
    names = [line.split()[0] for line in done.out.splitlines()]
    assert names == ["a", "b", "ensemble-of-a+b"]


def test_results_write_fills_a_file_from_kept_results_only(flow: Flow, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(
        "# Title\n<!-- results: begin (lst results --write) -->\nold\n<!-- results: end -->\nend\n"
    )
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_bytes((flow.runs / "a" / "result.json").read_bytes())
    words = ("results", "--runs", flow.runs, "--results", tmp_path / "results", "--write", readme)
    assert lst_call(*words).status == 0
    text = readme.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith("<!-- results: end -->\nend\n")
    assert "old" not in text
    assert re.search(r"^\| lst, LST; .*batch_size 24; .*\| joint \|", text, flags=re.MULTILINE)
    assert "| bone |" not in text  # b is in runs/ only


def test_info_of_a_run(flow: Flow):
    done = lst_call("info", flow.runs / "a")
    assert done.status == 0
    assert done.out.startswith(f"{flow.runs / 'a'}: demo-joint, joint of synthetic\n")
    assert "12 classes" in done.out
    assert "nothing: the last epoch" in done.out


def test_train_refuses_a_folder_that_holds_something(flow: Flow, tiny_store: ClipStore, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("mine")
    for out, expected in ((flow.runs / "a", "holds a run already"), (tmp_path, "is not a run of lst")):
        done = lst_call("train", "demo-joint", "--out", out, "--data", tiny_store.folder, *TINY)
        assert done.status == 2
        assert expected in done.err
    done = lst_call(
        "train", "demo-joint", "--out", flow.runs / "a", "--data", tiny_store.folder, *TINY, "--resume",
        "--seed", "7",
    )  # fmt: skip
    assert done.status == 2
    assert "seed: 1 -> 7" in done.err


def test_a_stopped_run_says_so_and_goes_on(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Ctrl-C in the second of three epochs; --resume runs the last two and the log has each epoch once."""
    run = tmp_path / "run"
    words = ("train", "demo-joint", "--out", run, "--data", tiny_store.folder, *TINY, "--optim.epochs", "3")
    original = ClipBatches.train

    def interrupted(self: ClipBatches, seed: int, epoch: int) -> Any:
        if epoch == 1:
            raise KeyboardInterrupt
        return original(self, seed, epoch)

    monkeypatch.setattr(ClipBatches, "train", interrupted)
    assert lst_call(*words).status == 130
    assert not (run / "card.json").exists()
    assert "no finished checkpoint" in refused("test", run)
    assert "--resume" in lst_call(*words).err

    monkeypatch.setattr(ClipBatches, "train", original)
    with caplog.at_level(logging.INFO):
        done = lst_call(*words, "--resume")
    assert done.status == 0, done.err
    assert f"{run}: resuming after epoch 1 of 3" in caplog.messages
    assert [m[:11] for m in caplog.messages if m.startswith("epoch")] == ["epoch   2/3", "epoch   3/3"]
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in log] == [1, 2, 3]
