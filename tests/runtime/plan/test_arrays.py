"""Arrays of a plan come back as they were written, and are pages of their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.runtime.plan.arrays import open_array, read_arrays


def test_an_array_is_a_plain_one_that_reads_the_pages_of_its_file(tmp_path: Path) -> None:
    np.save(tmp_path / "leaves.npy", np.arange(6.0).reshape(2, 3))
    array = open_array(tmp_path / "leaves.npy")
    assert type(array) is np.ndarray
    assert isinstance(array.base, np.memmap)
    assert array.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0


def test_arrays_of_one_file_come_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", fill=np.arange(2), limits=np.array([0.5]))
    assert {name: array.tolist() for name, array in read_arrays(tmp_path / "model.npz").items()} == {
        "fill": [0, 1],
        "limits": [0.5],
    }


def test_an_array_of_objects_is_refused_before_anything_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "leaves.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        open_array(tmp_path / "leaves.npy")
