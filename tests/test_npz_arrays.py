"""Arrays of an `.npz` without reading it."""

from pathlib import Path

import numpy as np
import pytest

from lst.data.exchange.npz_arrays import open_npz

ARRAYS = {
    "x": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros((0, 3)),
    "one": np.float64(2.5),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_all_arrays_are_there(save, tmp_path: Path):
    save(tmp_path / "x.npz", **ARRAYS)
    arrays = open_npz(tmp_path / "x.npz")
    assert arrays.keys() == ARRAYS.keys()
    for key, value in arrays.items():
        assert value.dtype == ARRAYS[key].dtype
        assert np.array_equal(value, ARRAYS[key])
        assert value.shape == ARRAYS[key].shape


def test_uncompressed_arrays_stay_on_disk(tmp_path: Path):
    np.savez(tmp_path / "x.npz", **ARRAYS)
    assert isinstance(open_npz(tmp_path / "x.npz")["x"], np.memmap)


def test_what_cannot_be_opened(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        open_npz(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **ARRAYS)
    content = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:-40])
    with pytest.raises(ValueError, match="cannot be read as npz, perhaps cut short"):
        open_npz(tmp_path / "cut.npz")
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="cannot be read as npz"):
        open_npz(tmp_path / "objects.npz")
