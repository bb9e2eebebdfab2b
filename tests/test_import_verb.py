"""`lst import-data` as a person meets it."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from lst.cli.main import main
from lst.data.store.clip_store import ClipStore
from test_cli import lst_call, refused
from test_ntu_import import npz, pair
from test_prepare_verb import Terminal
from test_pyskl_import import TEST, TRAIN, annotation, write


@pytest.mark.parametrize(
    ("name", "benchmark", "num_classes"),
    [
        ("NTU60_CS", "ntu60-xsub", 60),
        ("NTU60_CV", "ntu60-xview", 60),
        ("NTU120_CSub", "ntu120-xsub", 120),
        ("ntu120_cset", "ntu120-xset", 120),
    ],
)
def test_the_name_of_an_npz_says_its_benchmark(name: str, benchmark: str, num_classes: int, tmp_path: Path):
    path = npz(tmp_path / f"{name}.npz", num_classes=num_classes)
    done = lst_call("import-data", path, tmp_path / "store")
    assert (done.status, done.err) == (0, "")
    assert f"made up and only good for {benchmark}" in done.out
    store = ClipStore.open(tmp_path / "store")
    assert store.manifest["source"]["made_up_ids_for"] == [benchmark]
    assert store.clip(0).shape[2:] == (25, 3)


def test_an_npz_under_another_name_needs_its_benchmark(tmp_path: Path):
    path = npz(tmp_path / "mine.npz")
    message = refused("import-data", path, tmp_path / "store")
    assert "say with --benchmark which benchmark it was made for (ntu60-xsub, ntu60-xview, " in message
    done = lst_call("import-data", path, tmp_path / "store", "--benchmark", "ntu60-xview")
    assert done.status == 0
    assert "only good for ntu60-xview" in done.out
    message = refused("import-data", path, tmp_path / "other", "--benchmark", "ntu60-xsup")
    assert "unknown benchmark 'ntu60-xsup'. Did you mean 'ntu60-xsub'?" in message


def test_a_benchmark_that_contradicts_the_name(tmp_path: Path):
    path = npz(tmp_path / "NTU60_CS.npz")
    message = refused("import-data", path, tmp_path / "store", "--benchmark", "ntu60-xview")
    assert "by its name it was made for ntu60-xsub, but --benchmark says ntu60-xview" in message
    assert lst_call("import-data", path, tmp_path / "store", "--benchmark", "ntu60-xsub").status == 0


def test_two_npz_become_one_store(tmp_path: Path):
    sources = [
        path.rename(tmp_path / f"{name}.npz")
        for (path, _), name in zip(pair(tmp_path, "ntu60", 0), ("NTU60_CS", "NTU60_CV"), strict=True)
    ]
    done = lst_call("import-data", *sources, tmp_path / "store")
    assert (done.status, done.err) == (0, "")
    assert "made up and only good for ntu60-xsub and ntu60-xview" in done.out
    assert "9 clips" in done.out
    for source, benchmark in zip(sources, ("ntu60-xsub", "ntu60-xview"), strict=True):
        back = tmp_path / f"{benchmark}.npz"
        assert lst_call("export-data", tmp_path / "store", benchmark, back).status == 0
        with np.load(source) as expected, np.load(back) as got:
            assert all(got[key].tobytes() == expected[key].tobytes() for key in expected.files)


def test_an_export_needs_the_name_of_an_npz(tmp_path: Path):
    assert lst_call("import-data", npz(tmp_path / "NTU60_CS.npz"), tmp_path / "store").status == 0
    (tmp_path / "folder.npz").mkdir()
    for target in (tmp_path / "folder.npz", tmp_path / "x"):
        message = refused("export-data", tmp_path / "store", "ntu60-xsub", target, "--overwrite")
        assert "expected the name of an .npz file, such as NTU60_CS.npz" in message


def test_sources_that_cannot_be_joined(tmp_path: Path):
    mine, known = npz(tmp_path / "mine.npz"), npz(tmp_path / "NTU60_CS.npz")
    assert f"the folder last; got {mine} {known}." in refused("import-data", mine, known)
    assert "Only NTU60_CS.npz, NTU60_CV.npz" in refused("import-data", known, mine, tmp_path / "x")
    message = refused("import-data", known, mine, tmp_path / "x", "--benchmark", "ntu60-xsub")
    assert "--benchmark ntu60-xsub is for a single .npz" in message
    pickled = write(tmp_path / "a.pkl", [annotation(TRAIN)])
    assert "Only .npz of one data set, or only .pkl, can be joined" in refused(
        "import-data", known, pickled, tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


def test_a_pickle(tmp_path: Path):
    path = write(tmp_path / "ntu60_3danno.pkl", [annotation(TRAIN), annotation(TEST, label=3)])
    done = lst_call("import-data", path, tmp_path / "store")
    assert done.status == 0
    assert f"left out ntu60_3danno.pkl/{TEST}: label 3 disagrees with the clip id" in done.out
    assert "1 clip, 4 frames, 1 file left out" in done.out
    assert "exists already" in refused("import-data", path, tmp_path / "store")
    assert lst_call("import-data", path, tmp_path / "store", "--overwrite").status == 0
    message = refused("import-data", path, tmp_path / "other", "--benchmark", "ntu60-xsub")
    assert "its store serves all benchmarks of the data set: leave --benchmark out" in message


def test_a_pickle_that_would_run_code(tmp_path: Path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([np.random.default_rng, TRAIN]))
    message = refused("import-data", path, tmp_path / "store")
    assert "default_rng, which is refused, because opening such a pickle can run code" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs SOURCE and FOLDER, the folder last; got nothing"),
        (["NTU60_CS.npz"], "got NTU60_CS.npz. Example: lst import-data NTU60_CS.npz data"),
        (["a", "b", "c"], "got 2 sources: a, b. Only .npz of one data set, or only .pkl, can be joined"),
        (["skeletons.h5", "store"], "skeletons.h5: expected an .npz of CTR-GCN's layout or a .pkl of pyskl"),
        (["NTU60_CS.npz", "store"], "NTU60_CS.npz: no such file"),
        (["gone.pkl", "store"], "gone.pkl: no such file"),
    ],
)
def test_what_is_refused(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("import-data", *words)
    assert list(tmp_path.iterdir()) == []


def test_bars_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert main(["import-data", str(npz(tmp_path / "NTU60_CS.npz")), str(tmp_path / "store")]) == 0
    assert main(["export-data", str(tmp_path / "store"), "ntu60-xsub", str(tmp_path / "back.npz")]) == 0
    for what, total in (("checking NTU60_CS.npz", 4), ("copying", 4), ("writing x_train", 3)):
        assert f"{what}: 100%" in shown.getvalue()
        assert f"| {total}/{total} [" in shown.getvalue()
