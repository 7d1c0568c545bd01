"""Executes the linear models of a plan: scikit-learn's preparation of the columns, a sum in a fixed order, the link."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[Any]]

# Terms held at once: they stay in the processor's cache, whatever the number of rows.
_TERMS_PER_CHUNK = 1 << 16
# exp(709) is the last power of e that a float64 holds.
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
        with np.load(directory / document["arrays"], allow_pickle=False) as arrays:
            self._intercept: Float64 = arrays["intercept"]
            self._blocks = _read_blocks(document, arrays)
        self._link = _LINKS[document["link"]]
        self._terms = len(document["columns"])
        self._rows_per_chunk = max(1, _TERMS_PER_CHUNK // (self._terms * len(self._intercept)))

    def predict(self, matrix: Float64) -> Float64:
        """(rows, columns) to (rows,), for multiclass to (rows, classes)."""
        step = self._rows_per_chunk
        if len(matrix) <= step:
            return self._predict_chunk(matrix)
        chunks = [self._predict_chunk(matrix[start : start + step]) for start in range(0, len(matrix), step)]
        return np.concatenate(chunks)

    def _predict_chunk(self, matrix: Float64) -> Float64:
        features = np.ascontiguousarray(matrix.T)
        terms = np.empty((self._terms, len(matrix), len(self._intercept)))
        for span, block in self._blocks:
            block.write_terms(features, terms[span])
        # Unlike a sum, which adds in pairs where it likes to, an accumulation has only one order.
        return self._link(np.add.accumulate(terms, axis=0)[-1] + self._intercept)


class _Block(Protocol):
    def write_terms(self, features: Float64, out: Float64) -> None:
        """What columns add to the outputs: features (all columns, rows) to terms (own columns, rows, outputs)."""


class _OneHotBlock:
    """Categories: the coefficient of the input that a code makes 1 is looked up, not multiplied by it."""

    def __init__(self, columns: npt.NDArray[np.intp], arrays: Arrays) -> None:
        self._columns = columns
        self._table = arrays["table"]
        self._missing = arrays["missing"][:, np.newaxis]
        self._offsets = arrays["offsets"].astype(np.intp)[:, np.newaxis]

    def write_terms(self, features: Float64, out: Float64) -> None:
        # The smaller of a code and its column's place for missing ones; fmin prefers any number to NaN.
        rows = np.fmin(features.take(self._columns, axis=0), self._missing).astype(np.intp)
        rows += self._offsets
        self._table.take(rows, axis=0, out=out, mode="clip")


class _ScaledBlock:
    """Numbers: gaps filled, centred, scaled, in scikit-learn's order; in one folded factor dates would lose digits."""

    def __init__(self, columns: npt.NDArray[np.intp], arrays: Arrays) -> None:
        self._columns = columns
        self._fill, self._mean, self._scale = (arrays[key][:, np.newaxis] for key in ("fill", "mean", "scale"))
        self._coefficients = arrays["coefficients"][:, np.newaxis]

    def write_terms(self, features: Float64, out: Float64) -> None:
        values = _fill_gaps(features.take(self._columns, axis=0), self._fill)
        values -= self._mean
        values /= self._scale
        np.multiply(values[:, :, np.newaxis], self._coefficients, out=out)


class _QuantileBlock:
    """Skewed numbers: their place among the quantiles seen in training, then the normal quantile of that place.

    After `QuantileTransformer._transform_col` of scikit-learn 1.9, which interpolates upwards and downwards and takes
    the mean, so that the middle of equal quantiles counts.
    """

    def __init__(self, columns: npt.NDArray[np.intp], arrays: Arrays) -> None:
        self._columns = columns
        self._fill = arrays["fill"][:, np.newaxis]
        self._references = arrays["references"]
        self._grids = list(zip(arrays["quantiles"], arrays["slopes"], strict=True))
        self._coefficients = arrays["coefficients"][:, np.newaxis]
        # Python's own numbers are the faster way for one row, but have 64 bits.
        self._alone = None if self._fill.dtype == np.float32 else _ScalarQuantiles(arrays)

    def write_terms(self, features: Float64, out: Float64) -> None:
        values = features.take(self._columns, axis=0)
        if self._alone is not None and values.shape[1] == 1:
            normal = np.array([self._alone.transform(values[:, 0].tolist())]).T
        else:
            normal = self._transform(_fill_gaps(values, self._fill))
        np.multiply(normal[:, :, np.newaxis], self._coefficients, out=out)

    def _transform(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        places = np.empty_like(values)
        for row, (quantiles, slopes) in enumerate(self._grids):
            places[row] = _interpolate(values[row], quantiles, slopes, self._references)
        # 32-bit values have 32-bit places and quantiles, as in scikit-learn, though computed in 64.
        normal = find_normal_quantiles(np.clip(places.astype(np.float64), _LOWEST, _HIGHEST))
        return normal.astype(values.dtype, copy=False)


class _ScalarQuantiles:
    """The quantiles of one row, in Python's numbers: the same operations in the same order as for many rows."""

    def __init__(self, arrays: Arrays) -> None:
        self._references: list[float] = arrays["references"].tolist()
        self._grids: list[tuple[float, list[float], list[float]]] = list(
            zip(*(arrays[key].tolist() for key in ("fill", "quantiles", "slopes")), strict=True)
        )

    def transform(self, values: Sequence[float]) -> list[float]:
        return [self._transform_one(value, *grid) for value, grid in zip(values, self._grids, strict=True)]

    def _transform_one(self, value: float, fill: float, quantiles: list[float], slopes: list[float]) -> float:
        if value != value:
            value = fill
        if value - _MARGIN < quantiles[0]:
            return _LOWEST_QUANTILE
        if value + _MARGIN > quantiles[-1]:
            return _HIGHEST_QUANTILE
        last = bisect_right(quantiles, value) - 1
        first = bisect_left(quantiles, value, 0, last + 1)
        upwards = slopes[last] * (value - quantiles[last]) + self._references[last]
        downwards = slopes[first - 1] * (quantiles[first] - value) - self._references[first]
        return find_normal_quantile(min(max(0.5 * (upwards - downwards), _LOWEST), _HIGHEST))


def _interpolate(
    values: npt.NDArray[Any], quantiles: Float64, slopes: Float64, references: Float64
) -> npt.NDArray[np.float64]:
    """The place of each value between 0 and 1."""
    inside = np.clip(values, quantiles[0], quantiles[-1]).astype(np.float64, copy=False)
    last = np.searchsorted(quantiles, inside, side="right") - 1
    below = quantiles[last]
    first = np.where(below == inside, np.searchsorted(quantiles, below), last + 1)
    upwards = slopes[last] * (inside - below) + references[last]
    downwards = slopes[first - 1] * (quantiles[first] - inside) - references[first]
    places: Float64 = 0.5 * (upwards - downwards)
    margin = values.dtype.type(_MARGIN)
    places[values + margin > quantiles[-1]] = 1.0
    places[values - margin < quantiles[0]] = 0.0
    return places


# The inverse of the normal distribution as in SciPy's ndtri: S. L. Moshier, Cephes Math Library 2.1 (1989), ndtri.c.
# Numerators and denominators of its two rational functions, highest power first; below exp(-32) it has a third, which
# the cut-off never reaches.
_TAIL = 0.13533528323661269189  # exp(-2)
_ROOT_OF_TWO_PI = 2.50662827463100050242
_CENTRE_ABOVE = (
    -5.99633501014107895267e1,
    9.80010754185999661536e1,
    -5.66762857469070293439e1,
    1.39312609387279679503e1,
    -1.23916583867381258016e0,
)
_CENTRE_BELOW = (
    1.0,
    1.95448858338141759834e0,
    4.67627912898881538453e0,
    8.63602421390890590575e1,
    -2.25462687854119370527e2,
    2.00260212380060660359e2,
    -8.20372256168333339912e1,
    1.59056225126211695515e1,
    -1.18331621121330003142e0,
)
_TAIL_ABOVE = (
    4.05544892305962419923e0,
    3.15251094599893866154e1,
    5.71628192246421288162e1,
    4.40805073893200834700e1,
    1.46849561928858024014e1,
    2.18663306850790267539e0,
    -1.40256079171354495875e-1,
    -3.50424626827848203418e-2,
    -8.57456785154685413611e-4,
)
_TAIL_BELOW = (
    1.0,
    1.57799883256466749731e1,
    4.53907635128879210584e1,
    4.13172038254672030440e1,
    1.50425385692907503408e1,
    2.50464946208309415979e0,
    -1.42182922854787788574e-1,
    -3.80806407691578277194e-2,
    -9.33259480895457427372e-4,
)


def find_normal_quantiles(probabilities: Float64) -> Float64:
    """The normal quantiles of probabilities between 1e-13 and 1 - 1e-13, in an array of any shape."""
    mirrored = probabilities > 1.0 - _TAIL
    nearer = np.where(mirrored, 1.0 - probabilities, probabilities)
    quantiles: Float64 = _find_central(nearer - 0.5)
    tails = nearer <= _TAIL
    in_tails = nearer[tails]
    roots = np.sqrt(-2.0 * np.log(in_tails))
    magnitudes = _find_in_tail(roots, np.log(roots))
    quantiles[tails] = np.where(mirrored[tails], magnitudes, -magnitudes)
    return quantiles


def find_normal_quantile(probability: float) -> float:
    """The same for one, with the same bits: NumPy's logarithm is not that of Python's math."""
    mirrored = probability > 1.0 - _TAIL
    nearer = 1.0 - probability if mirrored else probability
    if nearer > _TAIL:
        central: float = _find_central(nearer - 0.5)
        return central
    root = float(np.sqrt(-2.0 * float(np.log(nearer))))
    magnitude: float = _find_in_tail(root, float(np.log(root)))
    return magnitude if mirrored else -magnitude


def _find_central(distance: Any) -> Any:
    square = distance * distance
    ratio = square * _evaluate(_CENTRE_ABOVE, square) / _evaluate(_CENTRE_BELOW, square)
    return (distance + distance * ratio) * _ROOT_OF_TWO_PI


def _find_in_tail(root: Any, logarithm: Any) -> Any:
    inverse = 1.0 / root
    correction = inverse * _evaluate(_TAIL_ABOVE, inverse) / _evaluate(_TAIL_BELOW, inverse)
    return root - logarithm / root - correction


def _evaluate(coefficients: Sequence[float], at: Any) -> Any:
    """A polynomial by Horner's rule, of a number or of an array."""
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * at + coefficient
    return value


_LOWEST_QUANTILE = find_normal_quantile(_LOWEST)
_HIGHEST_QUANTILE = find_normal_quantile(_HIGHEST)


def _fill_gaps(values: Float64, fill: npt.NDArray[Any]) -> npt.NDArray[Any]:
    np.copyto(values, fill, where=np.isnan(values))
    return values.astype(fill.dtype, copy=False)


def _apply_sigmoid(scores: Float64) -> Float64:
    chances: Float64 = 1.0 / (1.0 + np.exp(-np.maximum(scores[:, 0], _STEEPEST)))
    return chances


def _apply_softmax(scores: Float64) -> Float64:
    powers: Float64 = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _apply_identity(scores: Float64) -> Float64:
    return scores[:, 0]


_LINKS: Mapping[str, Callable[[Float64], Float64]] = {
    "sigmoid": _apply_sigmoid,
    "softmax": _apply_softmax,
    "identity": _apply_identity,
}
_BLOCKS: Mapping[str, Callable[[npt.NDArray[np.intp], Arrays], _Block]] = {
    "one_hot": _OneHotBlock,
    "scaled": _ScaledBlock,
    "quantiles": _QuantileBlock,
}


def _read_blocks(document: Mapping[str, Any], arrays: Arrays) -> list[tuple[slice, _Block]]:
    columns = np.array(document["columns"], dtype=np.intp)
    blocks = []
    start = 0
    for number, described in enumerate(document["blocks"]):
        span = slice(start, start + described["columns"])
        prefix = f"{number}."
        own = {key.removeprefix(prefix): arrays[key] for key in arrays if key.startswith(prefix)}
        blocks.append((span, _BLOCKS[described["kind"]](columns[span], own)))
        start = span.stop
    return blocks
