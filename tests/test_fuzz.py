"""500 of the damaged files of `make fuzz`, of every kind but those that take a second each."""

from pathlib import Path

import pytest

from fuzz.samples import KINDS, Kind, make_samples
from fuzz.tries import ENDINGS, try_kind

SLOW = {"card.json, test", "model.safetensors", "language.safetensors", "texts.safetensors", "foreign .pt"}
TRIES = {kind.name: 4 if kind.name in SLOW else max(8, kind.share // 2) for kind in KINDS}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "sound"
    make_samples(folder)
    return folder


def test_five_hundred_are_tried():
    assert sum(TRIES.values()) >= 450


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_files_are_refused_or_told(
    kind: Kind, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # for the tracebacks of faults
    tally = try_kind(kind, TRIES[kind.name], 3, sound, tmp_path)
    assert not {
        ending: tally.examples[ending]
        for ending in ENDINGS[4:]
        if ending in tally.examples and ending.isupper()
    }
