from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from app.runtime.plan.executor import find_distinct_rows

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, 2.5])


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=NUMBERS))
def test_each_row_is_found_among_the_distinct_ones_to_the_bit(matrix: npt.NDArray[np.float64]) -> None:
    distinct, places = find_distinct_rows(matrix)
    assert distinct[places].tobytes() == matrix.tobytes()
    assert len({row.tobytes() for row in distinct}) == len(distinct)


def test_zeros_of_either_sign_are_not_taken_for_each_other() -> None:
    matrix: Any = np.array([[0.0], [-0.0], [0.0]])
    distinct, places = find_distinct_rows(matrix)
    assert (len(distinct), places.tolist()) == (2, [0, 1, 0])
