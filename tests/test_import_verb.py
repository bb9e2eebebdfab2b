"""`lst import-data` as a person meets it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from lst.data.store import ClipStore
from test_cli import lst_call, refused
from test_ntu_import import npz
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
    assert store.manifest["source"]["made_up_ids_for"] == benchmark
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


def test_several_npz_cannot_be_joined(tmp_path: Path):
    sources = [npz(tmp_path / "NTU60_CS.npz"), npz(tmp_path / "NTU60_CV.npz")]
    for words in ([*sources, tmp_path / "store"], sources):
        message = refused("import-data", *words)
        assert "got 2 sources. Several .npz of one data set cannot be joined, because they carry" in message
        assert "each store is good for its own benchmark" in message
    assert not (tmp_path / "store").exists()


def test_a_pickle(tmp_path: Path):
    path = write(tmp_path / "ntu60_3danno.pkl", [annotation(TRAIN), annotation(TEST, label=3)])
    done = lst_call("import-data", path, tmp_path / "store")
    assert done.status == 0
    assert f"left out ntu60_3danno.pkl/{TEST}: label 3 disagrees with the clip id" in done.out
    assert "1 clips, 4 frames, 1 files left out" in done.out
    assert "exists already" in refused("import-data", path, tmp_path / "store")
    assert lst_call("import-data", path, tmp_path / "store", "--overwrite").status == 0
    message = refused("import-data", path, tmp_path / "other", "--benchmark", "ntu60-xsub")
    assert "its store serves all benchmarks of the data set: leave --benchmark out" in message
    assert "2 sources; import each into a folder of its own" in refused("import-data", path, path, "x")


def test_a_pickle_that_would_run_code(tmp_path: Path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([np.random.default_rng, TRAIN]))
    message = refused("import-data", path, tmp_path / "store")
    assert "default_rng, which is refused, because opening such a pickle can run code" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs SOURCE and FOLDER, got 0 names"),
        (["NTU60_CS.npz"], "needs SOURCE and FOLDER, got 1 names; for example: lst import-data NTU60_CS.npz"),
        (["a", "b", "c"], "needs SOURCE and FOLDER, got 3 names"),
        (["skeletons.h5", "store"], "skeletons.h5: expected an .npz of CTR-GCN's layout or a .pkl of pyskl"),
        (["NTU60_CS.npz", "store"], "NTU60_CS.npz: no such file"),
        (["gone.pkl", "store"], "gone.pkl: no such file"),
    ],
)
def test_what_is_refused(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("import-data", *words)
    assert list(tmp_path.iterdir()) == []
