"""Checkpoints: bit-equal round trips, clear errors for what is damaged or foreign, no way to hold code."""

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lst.data.input.pipeline_card import pipeline_json
from lst.data.input.presets import published_pipeline
from lst.files.whole import write_json
from lst.nets.checkpoint import (
    CARD,
    MODEL,
    load_checkpoint,
    make_card,
    read_card,
    save_checkpoint,
)
from lst.nets.classifier import build_classifier

BUILD = {"encoder": "ctrgcn", "layout": "kinect_v1_20", "num_persons": 1, "num_classes": 3, "width": 8}
NAMES = ("sit", "stand", "wave")
PIPELINE = published_pipeline(
    layout="kinect_v1_20",
    modality="bone_motion",
    clip_length=12,
    num_persons=1,
    frames="random_frames",
    bones="gap",
)


def trained(seed: int = 0) -> Any:
    """A classifier whose statistics and values are all off their start."""
    torch.manual_seed(seed)
    net = build_classifier(**BUILD)
    with torch.no_grad():
        for value in net.parameters():
            value += 0.1 * torch.randn_like(value)
    net.train()(torch.randn(4, 3, 12, 20, 1))
    return net


def card() -> dict[str, Any]:
    return make_card(build=BUILD, pipeline=PIPELINE, class_names=NAMES, facts={"recipe": "r", "epochs": 3})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    save_checkpoint(folder, trained(), card())
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A sound checkpoint that a test may damage."""
    return Path(shutil.copytree(written, tmp_path / "run"))


def test_round_trip_gives_the_same_bits(written: Path):
    net = trained().eval()
    back = load_checkpoint(written)
    assert not back.classifier.training
    state = back.classifier.state_dict()
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in net.state_dict().items())
    x = torch.randn(5, 3, 12, 20, 1)
    with torch.inference_mode():
        assert torch.equal(back.classifier(x), net(x))
    assert back.pipeline == PIPELINE
    assert back.class_names == NAMES
    assert back.folder == written
    digest = hashlib.sha256((written / MODEL).read_bytes()).hexdigest()
    assert back.card == json.loads(json.dumps({**card(), "weights_sha256": digest}))
    assert back.card["recipe"] == "r"


def test_a_checkpoint_loads_into_the_same_numbers_whatever_the_random_state(written: Path):
    torch.manual_seed(1)
    first = load_checkpoint(str(written))
    torch.manual_seed(2)
    second = load_checkpoint(written)
    x = torch.randn(2, 3, 12, 20, 1)
    with torch.inference_mode():
        assert torch.equal(first.classifier(x), second.classifier(x))


def test_the_same_numbers_give_the_same_files(written: Path, tmp_path: Path):
    save_checkpoint(tmp_path / "deep" / "run", trained(), card())
    for name in (MODEL, CARD):
        assert (tmp_path / "deep" / "run" / name).read_bytes() == (written / name).read_bytes()


def test_others_may_read_the_files(written: Path):
    # As any new file: what umask allows (safetensors' own save_file makes files for the owner alone).
    plain = written / "plain"
    plain.write_text("")
    assert {(written / name).stat().st_mode for name in (MODEL, CARD)} == {plain.stat().st_mode}
    plain.unlink()


def test_two_files_and_nothing_that_can_run(written: Path):
    assert {path.name for path in written.iterdir()} == {MODEL, CARD}
    assert json.loads((written / CARD).read_text())["format"] == "lst-checkpoint"
    header = int.from_bytes((written / MODEL).read_bytes()[:8], "little")
    entries = json.loads((written / MODEL).read_bytes()[8 : 8 + header])
    assert all(set(entry) == {"dtype", "shape", "data_offsets"} for entry in entries.values())


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code ran')",)


@pytest.mark.parametrize("dump", [lambda x, path: path.write_bytes(pickle.dumps(x)), torch.save])
def test_a_pickle_in_place_of_the_numbers_is_refused_and_not_run(folder: Path, dump: Callable[..., Any]):
    dump({"head.bias": Code()}, folder / MODEL)
    with pytest.raises(ValueError, match=r"model\.safetensors: does not fit its card"):
        load_checkpoint(folder)


def test_the_card_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, values: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("lst.nets.checkpoint.write_card", full)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tmp_path / "run", trained(), card())
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "run")


def test_a_failed_write_leaves_the_old_file_and_no_other(folder: Path):
    before = (folder / CARD).read_bytes()
    with pytest.raises(TypeError):
        write_json(folder / CARD, {"a": object()})
    assert (folder / CARD).read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {MODEL, CARD}


# --- damage ---


@pytest.mark.parametrize("name", ["absent", "empty", "file"])
def test_no_checkpoint_there(tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match=rf"{name}: no finished checkpoint there.*lst train"):
        load_checkpoint(tmp_path / name)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads((folder / CARD).read_text())
    change(values)
    (folder / CARD).write_text(json.dumps(values))


DAMAGED_TEXT = [  # bytes of the card, what the error says
    (b"", "broken JSON"),
    (b'{"format": "lst-checkpoint",', r"card\.json:1:29: broken JSON"),
    (b"[1, 2]", "expected a JSON object, got a list"),
    (b'"lst-checkpoint"', "expected a JSON object"),
    (b"{}", "not the card of an lst checkpoint"),
    (b'{"format": "lst-store", "version": 1}', "not the card of an lst checkpoint"),
    (b"\xff\xfe{}", r"card\.json"),
    (b'{"format": "lst-checkpoint"}', "version"),
    (b'{"format": "lst-checkpoint", "version": "1"}', "version"),
    (b'{"format": "lst-checkpoint", "version": 1}', "build"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED_TEXT)
def test_a_damaged_or_foreign_card(folder: Path, content: bytes, message: str):
    (folder / CARD).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load_checkpoint(folder)
    assert str(folder / CARD) in str(error.value)


CHANGED_CARDS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda c: c.update(version=3), r"card\.json: version 3, this lst reads up to 2; update lst"),
    (lambda c: c.update(version=999, build={"new": 1}), "version 999"),
    (lambda c: c["build"].update(encoder="st-gcn"), "encoder 'st-gcn'"),
    (lambda c: c["build"].update(layout="kinect_v3"), "kinect_v3"),
    (lambda c: c["build"].update(depth=3), "depth"),
    (lambda c: c["build"].pop("num_persons"), "num_persons"),
    (lambda c: c["input"]["steps"][-1].update(modality="angle"), "modality 'angle'"),
    (lambda c: c["input"].update(zoom=3), "zoom"),
    (lambda c: c.pop("input"), "input"),
    (lambda c: c.pop("class_names"), "class_names"),
    (lambda c: c.update(class_names=["sit"]), "class"),
]


@pytest.mark.parametrize(("change", "message"), CHANGED_CARDS)
def test_a_card_with_other_values(folder: Path, change: Callable[[dict[str, Any]], object], message: str):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message) as error:
        load_checkpoint(folder)
    assert str(folder / CARD) in str(error.value)


def test_read_card_gives_what_was_written(written: Path):
    assert read_card(written)["input"] == pipeline_json(PIPELINE)
    assert read_card(written)["build"] == BUILD


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def drop_tensor(path: Path) -> None:
    tensors = load_file(path)
    del tensors["head.bias"]
    save_file(tensors, path)


def add_tensor(path: Path) -> None:
    save_file({**load_file(path), "project.0.weight": torch.zeros(1)}, path)


def widen(path: Path) -> None:
    save_file({**load_file(path), "head.bias": torch.zeros(4)}, path)


DAMAGED_MODELS: list[tuple[Callable[[Path], Any], str]] = [
    (cut, ""),
    (lambda path: path.write_bytes(b""), ""),
    (lambda path: path.write_bytes(b"not numbers" * 50), ""),
    (Path.unlink, ""),
    (drop_tensor, r"head\.bias"),
    (add_tensor, r"project\.0\.weight"),
    (widen, r"head\.bias"),
]


@pytest.mark.parametrize(("damage", "named"), DAMAGED_MODELS)
def test_a_damaged_or_foreign_model_file(folder: Path, damage: Callable[[Path], Any], named: str):
    damage(folder / MODEL)
    with pytest.raises(ValueError, match=rf"model\.safetensors: does not fit its card .*{named}") as error:
        load_checkpoint(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_of_another_net_are_refused(folder: Path):
    rewrite(folder, lambda c: c["build"].update(width=16))
    with pytest.raises(ValueError, match="does not fit its card"):
        load_checkpoint(folder)
