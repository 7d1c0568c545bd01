"""Executes the linear models of a plan: scikit-learn's preparation of the columns, a sum in a fixed order, the link."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.runtime.plan.arrays import read_arrays

Float64 = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[Any]]

# Terms held at once: 1 MiB, or more where columns are so many that calls for fewer rows would cost more than the work.
# Beyond it the time of 10,000 rows varies up to eightfold from run to run.
_TERMS_PER_CHUNK = 1 << 17
_LEAST_ROWS_PER_CHUNK = 256
# Below this number of rows and outputs one call to accumulate is cheaper than one addition per column.
_FEW_SUMS = 64
# exp(709) is the last whole power of e that a float64 holds.
_STEEPEST = -709.0
# scikit-learn cuts the normal quantiles off there (BOUNDS_THRESHOLD), and counts values so near the ends as ends.
_MARGIN = 1e-7
_LOWEST = _MARGIN - float(np.spacing(1.0))
_HIGHEST = 1.0 - _LOWEST


class LinearModel:
    """A fitted linear model; safe to call from several threads at once.

    Each output is the sum of one term per column, added in the order of the columns, so that a row has the same bits
    alone and among others: BLAS, which scikit-learn calls, promises neither.
    """

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        arrays = read_arrays(directory / document["arrays"])
        self._intercept: Float64 = arrays["intercept"][:, np.newaxis]
        self._fill: Float64 = arrays["fill"][:, np.newaxis]
        self._blocks = _read_blocks(document, arrays)
        self._columns = np.array(document["columns"], dtype=np.intp)
        self._link = _LINKS[document["link"]]
        self._shape = (len(self._intercept), len(self._columns))
        self._rows_per_chunk = max(_LEAST_ROWS_PER_CHUNK, _TERMS_PER_CHUNK // (self._shape[0] * self._shape[1]))

    def predict(self, matrix: Float64) -> Float64:
        """(rows, columns) to (rows,), for multiclass to (rows, classes)."""
        step = self._rows_per_chunk
        if len(matrix) <= step:
            return self._predict_chunk(matrix)
        chunks = [self._predict_chunk(matrix[start : start + step]) for start in range(0, len(matrix), step)]
        return np.concatenate(chunks)

    def _predict_chunk(self, matrix: Float64) -> Float64:
        values = np.ascontiguousarray(matrix.T).take(self._columns, axis=0)
        np.copyto(values, self._fill, where=np.isnan(values))
        terms = np.empty((*self._shape, len(matrix)))
        for span, block in self._blocks:
            block.write_terms(values[span], terms[:, span])
        return self._link(_add_in_order(terms) + self._intercept)


def _add_in_order(terms: Float64) -> Float64:
    """The sums over the columns, (outputs, rows); NumPy's own sum adds in pairs where it likes to."""
    if terms.shape[0] * terms.shape[2] <= _FEW_SUMS:
        return np.add.accumulate(terms, axis=1)[:, -1]
    sums = terms[:, 0].copy()
    for column in range(1, terms.shape[1]):
        sums += terms[:, column]
    return sums


class _Block(Protocol):
    def write_terms(self, values: Float64, out: Float64) -> None:
        """What columns add to the outputs: values (columns, rows), free to change, to out (outputs, columns, rows)."""


class _OneHotBlock:
    """Categories: the coefficient of the input that a code makes 1 is looked up, not multiplied by it."""

    def __init__(self, arrays: Arrays, _: np.dtype[Any]) -> None:
        self._table = np.ascontiguousarray(arrays["table"].T)
        self._offsets = arrays["offsets"].astype(np.intp)[:, np.newaxis]

    def write_terms(self, values: Float64, out: Float64) -> None:
        places = values.astype(np.intp)
        places += self._offsets
        out[...] = self._table.take(places, axis=1)


class _ScaledBlock:
    """Numbers: centred and scaled in scikit-learn's order; in one folded factor dates would lose digits."""

    def __init__(self, arrays: Arrays, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._mean, self._scale = (arrays[key][:, np.newaxis].astype(dtype) for key in ("mean", "scale"))
        self._coefficients = arrays["coefficients"].T[:, :, np.newaxis].copy()

    def write_terms(self, values: Float64, out: Float64) -> None:
        scaled: npt.NDArray[Any] = values.astype(self._dtype, copy=False)
        scaled -= self._mean
        scaled /= self._scale
        np.multiply(scaled, self._coefficients, out=out)


class _QuantileBlock:
    """Skewed numbers: their place among the quantiles seen in training, then the normal quantile of that place.

    After `QuantileTransformer._transform_col` of scikit-learn 1.9, which interpolates upwards and downwards and takes
    the mean, so that the middle of equal quantiles counts.
    """

    def __init__(self, arrays: Arrays, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._grids = [
            _Grid(*grid, arrays["references"]) for grid in zip(arrays["quantiles"], arrays["slopes"], strict=True)
        ]
        self._coefficients = arrays["coefficients"].T[:, :, np.newaxis].copy()
        # Python's own numbers are the faster way for one row, but have 64 bits.
        self._fast_alone = self._dtype == np.float64

    def write_terms(self, values: Float64, out: Float64) -> None:
        if self._fast_alone and values.shape[1] == 1:
            for row, grid in enumerate(self._grids):
                values[row, 0] = grid.transform_one(values.item(row))
            np.multiply(values, self._coefficients, out=out)
        else:
            np.multiply(self._transform(values.astype(self._dtype, copy=False)), self._coefficients, out=out)

    def _transform(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        for row, grid in enumerate(self._grids):
            values[row] = grid.find_places(values[row])
        # 32-bit values have 32-bit places and quantiles, as in scikit-learn, though computed in 64.
        normal = find_normal_quantiles(np.clip(values.astype(np.float64, copy=False), _LOWEST, _HIGHEST))
        return normal.astype(self._dtype, copy=False)


class _Grid:
    """The quantiles of one column; one value takes Python's numbers, with the bits that it has among many."""

    def __init__(self, quantiles: Float64, slopes: Float64, references: Float64) -> None:
        self._quantiles, self._slopes, self._references = quantiles, slopes, references
        self._first_equal = np.searchsorted(quantiles, quantiles)
        self._lists: tuple[list[float], list[float], list[float]] = (
            quantiles.tolist(),
            slopes.tolist(),
            references.tolist(),
        )

    def find_places(self, values: npt.NDArray[Any]) -> Float64:
        """The place of each value between 0 and 1."""
        lowest, highest = self._quantiles[0], self._quantiles[-1]
        inside = np.clip(values, lowest, highest).astype(np.float64, copy=False)
        last = np.searchsorted(self._quantiles, inside, side="right") - 1
        below = self._quantiles[last]
        first = np.where(below == inside, self._first_equal[last], last + 1)
        upwards = self._slopes[last] * (inside - below) + self._references[last]
        downwards = self._slopes[first - 1] * (self._quantiles[first] - inside) - self._references[first]
        places: Float64 = 0.5 * (upwards - downwards)
        margin = values.dtype.type(_MARGIN)
        places[values + margin > highest] = 1.0
        places[values - margin < lowest] = 0.0
        return places

    def transform_one(self, value: float) -> float:
        """The normal quantile of one value's place."""
        quantiles, slopes, references = self._lists
        if value - _MARGIN < quantiles[0]:
            return _LOWEST_QUANTILE
        if value + _MARGIN > quantiles[-1]:
            return _HIGHEST_QUANTILE
        last = bisect_right(quantiles, value) - 1
        below = quantiles[last]
        first = bisect_left(quantiles, value, 0, last) if below == value else last + 1
        upwards = slopes[last] * (value - below) + references[last]
        downwards = slopes[first - 1] * (quantiles[first] - value) - references[first]
        return find_normal_quantile(min(max(0.5 * (upwards - downwards), _LOWEST), _HIGHEST))


# The inverse of the normal distribution as in SciPy's ndtri: S. L. Moshier, Cephes Math Library 2.1 (1989), ndtri.c. It
# has a third rational function for places below exp(-32), where the cut-off never goes.
_TAIL = 0.13533528323661269189  # exp(-2)
_ROOT_OF_TWO_PI = 2.50662827463100050242


def find_normal_quantiles(places: Float64) -> Float64:
    """The normal quantiles of places between 1e-13 and 1 - 1e-13, in an array of any shape."""
    mirrored = places > 1.0 - _TAIL
    nearer = np.where(mirrored, 1.0 - places, places)
    quantiles: Float64 = _find_central(nearer - 0.5)
    tails = nearer <= _TAIL
    roots = np.sqrt(-2.0 * np.log(nearer[tails]))
    magnitudes = _find_in_tail(roots, np.log(roots))
    quantiles[tails] = np.where(mirrored[tails], magnitudes, -magnitudes)
    return quantiles


def find_normal_quantile(place: float) -> float:
    """The same for one, with the same bits: the logarithm is NumPy's here too, since Python's rounds otherwise."""
    mirrored = place > 1.0 - _TAIL
    nearer = 1.0 - place if mirrored else place
    if nearer > _TAIL:
        central: float = _find_central(nearer - 0.5)
        return central
    root = math.sqrt(-2.0 * float(np.log(nearer)))
    magnitude: float = _find_in_tail(root, float(np.log(root)))
    return magnitude if mirrored else -magnitude


def _find_central(x: Any) -> Any:
    """Of a place's distance from one half: a number or an array."""
    z = x * x
    above = -5.99633501014107895267e1
    above = above * z + 9.80010754185999661536e1
    above = above * z - 5.66762857469070293439e1
    above = above * z + 1.39312609387279679503e1
    above = above * z - 1.23916583867381258016e0
    below = z + 1.95448858338141759834e0
    below = below * z + 4.67627912898881538453e0
    below = below * z + 8.63602421390890590575e1
    below = below * z - 2.25462687854119370527e2
    below = below * z + 2.00260212380060660359e2
    below = below * z - 8.20372256168333339912e1
    below = below * z + 1.59056225126211695515e1
    below = below * z - 1.18331621121330003142e0
    return (x + x * (z * above / below)) * _ROOT_OF_TWO_PI


def _find_in_tail(root: Any, logarithm: Any) -> Any:
    """Of the root of -2 ln(place) and that root's logarithm: numbers or arrays."""
    z = 1.0 / root
    above = 4.05544892305962419923e0
    above = above * z + 3.15251094599893866154e1
    above = above * z + 5.71628192246421288162e1
    above = above * z + 4.40805073893200834700e1
    above = above * z + 1.46849561928858024014e1
    above = above * z + 2.18663306850790267539e0
    above = above * z - 1.40256079171354495875e-1
    above = above * z - 3.50424626827848203418e-2
    above = above * z - 8.57456785154685413611e-4
    below = z + 1.57799883256466749731e1
    below = below * z + 4.53907635128879210584e1
    below = below * z + 4.13172038254672030440e1
    below = below * z + 1.50425385692907503408e1
    below = below * z + 2.50464946208309415979e0
    below = below * z - 1.42182922854787788574e-1
    below = below * z - 3.80806407691578277194e-2
    below = below * z - 9.33259480895457427372e-4
    return root - logarithm / root - z * above / below


_LOWEST_QUANTILE = find_normal_quantile(_LOWEST)
_HIGHEST_QUANTILE = find_normal_quantile(_HIGHEST)


def _apply_sigmoid(scores: Float64) -> Float64:
    chances: Float64 = 1.0 / (1.0 + np.exp(-np.maximum(scores[0], _STEEPEST)))
    return chances


def _apply_softmax(scores: Float64) -> Float64:
    by_row = np.ascontiguousarray(scores.T)
    by_row -= by_row.max(axis=1, keepdims=True)
    powers: Float64 = np.exp(by_row)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _take_as_it_is(scores: Float64) -> Float64:
    answers: Float64 = scores[0]
    return answers


_LINKS: Mapping[str, Callable[[Float64], Float64]] = {
    "sigmoid": _apply_sigmoid,
    "softmax": _apply_softmax,
    "identity": _take_as_it_is,
}
_BLOCKS: Mapping[str, Callable[[Arrays, np.dtype[Any]], _Block]] = {
    "one_hot": _OneHotBlock,
    "scaled": _ScaledBlock,
    "quantiles": _QuantileBlock,
}


def _read_blocks(document: Mapping[str, Any], arrays: Arrays) -> list[tuple[slice, _Block]]:
    blocks = []
    start = 0
    for number, described in enumerate(document["blocks"]):
        span = slice(start, start + described["columns"])
        prefix = f"{number}."
        own = {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}
        blocks.append((span, _BLOCKS[described["kind"]](own, np.dtype(described["dtype"]))))
        start = span.stop
    return blocks
