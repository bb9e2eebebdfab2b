"""Commands in one run folder at once, also killed ones, never leave files of different runs in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lst.data.store.clip_store import ClipStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the commands are forked")


def play(store: ClipStore, folder: Path, first: int, count: int) -> str:
    script = Path(__file__).with_name("interleaved_runs.py")
    words = [sys.executable, str(script), str(store.folder), str(folder), str(first), str(count)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_few_random_interleavings(tiny_store: ClipStore, tmp_path: Path):
    assert "all consistent" in play(tiny_store, tmp_path / "plays", 100, 2)


@pytest.mark.slow
@pytest.mark.skipif("LST_INTERLEAVINGS" not in os.environ, reason="minutes: LST_INTERLEAVINGS=50 plays 50")
def test_many_random_interleavings(tiny_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = play(tiny_store, tmp_path / "plays", 0, int(os.environ["LST_INTERLEAVINGS"]))
    assert "all consistent" in said
    with capsys.disabled():
        sys.stdout.write(f"\n{said}")
