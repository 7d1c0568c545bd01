"""Opens the array files of a plan, for models of every family; how they are stored is known here alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def open_array(path: Path) -> Array:
    """An array whose pages all workers share; a plain one, because every operation on a memmap makes another."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def read_arrays(path: Path) -> dict[str, Array]:
    """Small arrays that are stored in one file, by name, in this process's own memory."""
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)
