"""The language side of a run in its folder: vectors as in training, and clear words when it is not there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lst.training.train as train_module
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import get_benchmark
from lst.nets.checkpoint import load_checkpoint
from lst.nets.language import LANGUAGE, TEXTS, load_language
from lst.text.vectors import default_vectors, load_vectors, save_vectors
from lst.training.build import assemble
from lst.training.text_config import TextConfig
from short_runs import run, tiny

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("one_thread", "quick")


@pytest.fixture
def copied(unbroken: Callable[..., Path], tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(unbroken(), tmp_path / "run"))


@pytest.mark.parametrize(
    "changed", [{}, {"parity": "gap"}, {"text": TextConfig(prompts="parts2")}], ids=["plain", "gap", "parts2"]
)
def test_clips_are_embedded_as_in_training(
    changed: dict[str, Any], unbroken: Callable[..., Path], tiny_store: ClipStore
):
    folder = unbroken(**changed)
    parts = assemble(tiny(3, **changed), tiny_store, CPU)
    teacher = parts.supervision
    teacher.load_state_dict(torch.load(folder / "state.pt", weights_only=True)["net"])
    joints_NCV = torch.randn(4, 32, 20, generator=torch.Generator().manual_seed(1))
    language = load_language(load_checkpoint(folder))
    torch.testing.assert_close(language.embed(joints_NCV), teacher.embed(joints_NCV).detach())
    assert torch.equal(language.scales_P, teacher.scales())
    assert len(language.heads) == len(teacher.project) == (3 if "text" in changed else 5)


def test_the_texts_are_those_of_the_data_set(unbroken: Callable[..., Path]):
    language = load_language(load_checkpoint(unbroken()))
    shipped = default_vectors("synthetic")
    assert language.texts.classes == shipped.classes
    np.testing.assert_array_equal(language.texts.vectors_TD, shipped.vectors_TD)
    assert language.texts.meta["encoder"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert [head.name for head in language.heads] == ["whole", "head", "hand", "hip", "foot"]
    assert "wave right hand" in language.heads[0].texts_KS[0]


def test_the_heads_say_by_which_rule_they_were_built(unbroken: Callable[..., Path]):
    """Q20: after the name no comma in the official hand text."""
    name = get_benchmark("synthetic").class_names[0]
    ours, theirs = (load_language(load_checkpoint(unbroken(**c))) for c in ({}, {"parity": "gap"}))
    assert ours.heads[2].texts_KS[0][0].startswith(f"{name}, ")
    assert theirs.heads[2].texts_KS[0][0].startswith(f"{name} ")


def test_what_ships_holds_none_of_it(unbroken: Callable[..., Path]):
    ships = load_file(unbroken() / "model.safetensors")
    assert not [key for key in ships if "project" in key or "scale" in key]


def test_it_needs_no_randomness(unbroken: Callable[..., Path]):
    checkpoint = load_checkpoint(unbroken())
    before = torch.get_rng_state()
    load_language(checkpoint)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_killed_before_it_was_written_gets_it_when_resumed(
    tiny_store: ClipStore, tmp_path: Path, unbroken: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "run"

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_language", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, out, tiny(3))
    assert not (out / "card.json").exists(), "a folder with a card is complete"
    run(tiny_store, out, tiny(3), resume=True)
    for name in (LANGUAGE, TEXTS):
        assert (out / name).read_bytes() == (unbroken() / name).read_bytes()


# --- when it is not there, or another run's ---


def test_without_text_there_is_none(unbroken: Callable[..., Path]):
    folder = unbroken(text=TextConfig(weight=0.0))
    assert not (folder / LANGUAGE).exists()
    assert not (folder / TEXTS).exists()
    with pytest.raises(FileNotFoundError, match=r"trained without text \(--text.weight 0\)"):
        load_language(load_checkpoint(folder))


def test_a_run_of_an_older_lst_has_none(copied: Path):
    (copied / LANGUAGE).unlink()
    with pytest.raises(FileNotFoundError, match="older lst, which did not keep it: train again"):
        load_language(load_checkpoint(copied))


def test_a_control_has_none(copied: Path):
    """Its classes have learnt texts that are not theirs."""
    (copied / LANGUAGE).unlink()
    card = json.loads((copied / "card.json").read_text())
    card["text"]["control"] = "shuffled"
    (copied / "card.json").write_text(json.dumps(card))
    with pytest.raises(FileNotFoundError, match=r"texts were a control \(shuffled\)"):
        load_language(load_checkpoint(copied))


def test_imported_weights_have_none(copied: Path):
    (copied / LANGUAGE).unlink()
    card = json.loads((copied / "card.json").read_text())
    del card["config"], card["text"]
    (copied / "card.json").write_text(json.dumps(card))
    with pytest.raises(FileNotFoundError, match="Imported weights hold no texts"):
        load_language(load_checkpoint(copied))


def test_texts_of_another_run_are_refused(copied: Path):
    texts = load_vectors(copied / TEXTS)
    save_vectors(copied / TEXTS, type(texts)(texts.classes, texts.texts, 2 * texts.vectors_TD, texts.meta))
    with pytest.raises(ValueError, match=r"texts\.safetensors: not the texts that .* was trained with"):
        load_language(load_checkpoint(copied))


def rewritten(folder: Path, changed: dict[str, Any], tensors: dict[str, torch.Tensor] | None = None) -> None:
    """The file with other fields in its head, or other tensors."""
    path = folder / LANGUAGE
    with safe_open(path, framework="pt") as file:
        head = json.loads(file.metadata()["lst"])
    if tensors:
        del head["tensors_sha256"]  # as in a file of an older lst; otherwise that would be told first
    metadata = {"lst": json.dumps({**head, **changed})}
    save_file({**load_file(path), **(tensors or {})}, path, metadata)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format": "something"}, "not the language side of a run"),
        ({"version": 2}, "version 2, this lst reads 1; update lst"),
        (
            {"rule": "parts2"},
            r"has the heads \['whole', 'head', .* makes \['whole', 'upper', 'lower'\]",
        ),
        ({"rule": "part4"}, "unknown prompts 'part4'. Did you mean 'parts4'"),
    ],
)
def test_a_foreign_head_is_refused(changed: dict[str, Any], says: str, copied: Path):
    rewritten(copied, changed)
    with pytest.raises(ValueError, match=says):
        load_language(load_checkpoint(copied))


@pytest.mark.parametrize(
    "tensors",
    [
        {"scales_P": torch.ones(4)},
        {"weights_PV": torch.ones(5, 25)},
        {"projections_PDC": torch.ones(5, 384, 256)},
        {"more": torch.ones(1)},
    ],
    ids=lambda tensors: next(iter(tensors)),
)
def test_every_shape_must_fit(tensors: dict[str, torch.Tensor], copied: Path):
    rewritten(copied, {}, tensors)
    with pytest.raises(ValueError, match=r"does not fit its checkpoint and texts: holds .*, expected .*"):
        load_language(load_checkpoint(copied))


def test_a_damaged_file_is_named(copied: Path):
    (copied / LANGUAGE).write_bytes((copied / LANGUAGE).read_bytes()[:100])
    with pytest.raises(ValueError, match=r"language\.safetensors: not a readable safetensors file"):
        load_language(load_checkpoint(copied))
