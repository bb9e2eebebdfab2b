"""Which folders a run may use, and what it never touches."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lst.data.store.clip_store import ClipStore
from lst.training.recipes import TrainOptions
from lst.training.text_config import TextConfig
from lst.training.train import train
from short_runs import model_bytes, run, tiny

pytestmark = pytest.mark.usefixtures("one_thread", "quick")


def test_a_run_of_an_older_lst_goes_on(tiny_store: ClipStore, tmp_path: Path):
    """Its recipe lacks fields that are new; what it computed is what their defaults compute."""
    config, out = tiny(1), tmp_path / "run"
    run(tiny_store, out, config)
    recipe = json.loads((out / "recipe.json").read_text())
    for name in ("tune", "part_weights", "control"):
        del recipe["config"]["text"][name]
    del recipe["config"]["persons"]
    (out / "recipe.json").write_text(json.dumps(recipe))
    assert run(tiny_store, out, config, resume=True)["epochs"] == 1
    other = config.with_text(control="shuffled")
    with pytest.raises(ValueError, match=r"another recipe, .*\(.*text\.control: none -> shuffled"):
        run(tiny_store, out, other, resume=True)


def test_an_existing_run_is_refused(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match=r"holds a run already\. .*--resume.*--overwrite.*--out"):
        run(tiny_store, out, tiny(3))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_overwrite_starts_from_nothing(tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]):
    out = Path(shutil.copytree(unbroken(seed=2), tmp_path / "run"))
    (out / "test").mkdir()  # results of the old numbers
    run(tiny_store, out, tiny(3), overwrite=True)
    assert model_bytes(out) == model_bytes(unbroken())
    assert not (out / "test").exists()


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_is_no_run_is_never_touched(
    options: dict[str, bool], tiny_store: ClipStore, tmp_path: Path
):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("a cat")
    (tmp_path / "file").write_text("a file")
    for name in ("photos", "file"):
        with pytest.raises(ValueError, match=rf"{name}: exists and is not a run of lst.*--out"):
            run(tiny_store, tmp_path / name, tiny(), **options)
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "a cat"
    assert (tmp_path / "file").read_text() == "a file"


def test_an_empty_folder_may_be_used(tiny_store: ClipStore, tmp_path: Path):
    (tmp_path / "run").mkdir()
    run(tiny_store, tmp_path / "run", tiny(1, text=TextConfig(weight=0.0)))


def test_another_recipe_is_refused_with_its_differences(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path]
):
    out = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    other = tiny(4, seed=7, modality="bone")
    with pytest.raises(ValueError, match="cannot be resumed with another recipe, data or text") as error:
        run(tiny_store, out, other, resume=True)
    assert "modality: joint -> bone, optim.epochs: 3 -> 4, seed: 1 -> 7)" in str(error.value)
    assert model_bytes(out) == model_bytes(unbroken())


CANNOT_START: list[dict[str, Any]] = [{"device": "cuda:77"}, {"benchmark": "nw-ucla"}, {"hold_out": 0.9999}]


@pytest.mark.parametrize("wrong", CANNOT_START)
def test_a_run_that_cannot_start_leaves_no_folder(
    wrong: dict[str, Any], tiny_store: ClipStore, tmp_path: Path
):
    """Otherwise the corrected command would be refused: "holds a run already"."""
    config = tiny(**{key: value for key, value in wrong.items() if key != "device"})
    options = TrainOptions(device=wrong.get("device", "cpu"), progress=False)
    with pytest.raises(ValueError, match=r"cannot be used|needs 'nw-ucla'|no clip"):
        train("tiny", config, tiny_store, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()
