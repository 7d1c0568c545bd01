"""CatBoost's target statistics (CTRs) as tables: which row a combination of features reads, and the values there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.release.plan.columns import PlanRefused

Arrays = dict[str, npt.NDArray[Any]]
Hashes = npt.NDArray[np.uint64]
DENSE_ROWS = 1 << 14
_HASH_FACTOR = 0x4906BA494954CB65
_CITY_0, _CITY_1 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_CITY_FOLD = 0x9DDFEA08EB382D69
_WORD = (1 << 64) - 1
_NO_HASH = np.array([_WORD], dtype=np.uint64)  # CatBoost marks empty places with it, so no combination has it
_MEANS = ("BinarizedTargetMeanValue", "FloatTargetMeanValue")
_COUNTERS = ("Counter", "FeatureFreq")
_CLASSES = ("Borders", "Buckets")


@dataclass(frozen=True)
class ModelInputs:
    """Where the model's features are in its rows.

    Attributes:
        floats: The positions of the numeric features, in CatBoost's own count of them.
        categories: The positions of the categorical features, in CatBoost's own count of them.
        codes: How many codes each categorical feature has; the last one stands for a missing or unseen value.
    """

    floats: tuple[int, ...]
    categories: tuple[int, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True)
class _Element:
    """One member of a combination: the digit that it reads and what CatBoost hashes for each of its values."""

    digit: int
    hashed: Hashes


@dataclass(frozen=True)
class _Placed:
    """A combination with its place among the looked-up rows, and the hashes that its table's rows stand for."""

    place: int
    dense: bool
    hashes: Hashes


class CtrTables:
    """Collects the combinations and statistics of one model, each once, and turns them into arrays.

    A row's digits are its category codes and, after them, whether its numbers pass the borders that combinations name.
    A combination with few possible values reads its table at the number that its digits make; any other looks its hash
    up among those that training has seen.
    """

    def __init__(self, inputs: ModelInputs, elements: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        self._inputs = inputs
        self._hashes = [hash_codes(count) for count in inputs.codes]
        named = (e for each in elements for e in each if e["combination_element"] == "float_feature")
        self._bits = sorted({(e["float_feature_index"], e["border"]) for e in named})
        self._placed: dict[str, _Placed] = {}
        self._dense: list[list[_Element]] = []
        self._lookups: list[tuple[list[_Element], Hashes]] = []
        self._values: list[npt.NDArray[np.float32]] = []
        self._readers: list[tuple[bool, int, int]] = []
        self._length = 0

    def add_statistic(self, ctr: Mapping[str, Any], data: Mapping[str, Any], keys: Hashes) -> None:
        """Add one statistic; `keys` are the hashes that any statistic of the same combination knows."""
        combination = self._place(ctr["elements"], keys)
        self._add_values(combination, _values_at(ctr, data, combination.hashes))

    def add_category_test(self, category: int, value: int) -> None:
        """Add a statistic that is 1 where a categorical feature has the value of this hash, else 0."""
        element = {"combination_element": "cat_feature_value", "cat_feature_index": category}
        combination = self._place([element], _NO_HASH[:0], always_dense=True)
        self._add_values(combination, (self._hashes[category] == _widen(value)).astype(np.float32))

    def arrays(self) -> Arrays:
        """The arrays that the runtime reads; its file describes them."""
        return self._digit_arrays() | self._dense_arrays() | self._lookup_arrays() | self._reader_arrays()

    def table(self) -> npt.NDArray[np.float32]:
        """All values, one after the other."""
        return np.concatenate(self._values) if self._values else np.empty(0, np.float32)

    def _place(self, elements: Sequence[Mapping[str, Any]], keys: Hashes, *, always_dense: bool = False) -> _Placed:
        name = repr([sorted(element.items()) for element in elements])
        if name not in self._placed:
            members = [self._element(element) for element in _in_hash_order(elements)]
            rows = math.prod(len(member.hashed) for member in members)
            dense = always_dense or rows <= DENSE_ROWS
            self._placed[name] = self._place_dense(members) if dense else self._place_lookup(members, keys)
        return self._placed[name]

    def _place_dense(self, members: list[_Element]) -> _Placed:
        self._dense.append(members)
        return _Placed(place=len(self._dense) - 1, dense=True, hashes=_hash_combinations(members))

    def _place_lookup(self, members: list[_Element], keys: Hashes) -> _Placed:
        self._lookups.append((members, keys))
        return _Placed(place=len(self._lookups) - 1, dense=False, hashes=np.append(keys, _NO_HASH))

    def _element(self, element: Mapping[str, Any]) -> _Element:
        if element["combination_element"] == "float_feature":
            bit = self._bits.index((element["float_feature_index"], element["border"]))
            return _Element(digit=len(self._hashes) + bit, hashed=np.array([0, 1], dtype=np.uint64))
        category = element["cat_feature_index"]
        hashes = self._hashes[category]
        if element["combination_element"] == "cat_feature_exact_value":
            hashes = (hashes == _widen(element["value"])).astype(np.uint64)
        return _Element(digit=category, hashed=hashes)

    def _add_values(self, combination: _Placed, values: npt.NDArray[np.float32]) -> None:
        self._readers.append((combination.dense, combination.place, self._length))
        self._values.append(values)
        self._length += len(values)

    def _digit_arrays(self) -> Arrays:
        sources = [self._inputs.floats[feature] for feature, _ in self._bits]
        limits = [limit_in_float64(border) for _, border in self._bits]
        # The last digit is always 0: it fills up the combinations that have fewer members than others.
        return {
            "category_source": np.array(self._inputs.categories, dtype=np.int32),
            "bit_source": np.array([*sources, 0], dtype=np.int32),
            "bit_limit": np.array([*limits, np.inf]),
        }

    def _dense_arrays(self) -> Arrays:
        """The digits of each combination, one column for each, and how many rows of its table a step of each spans."""
        digits, strides = self._make_columns(self._dense)
        for column, members in enumerate(self._dense):
            sizes = [len(member.hashed) for member in members]
            strides[len(strides) - len(members) :, column] = [
                math.prod(sizes[place + 1 :]) for place in range(len(sizes))
            ]
        return {"dense_digit": digits, "dense_stride": strides}

    def _lookup_arrays(self) -> Arrays:
        """The digits likewise, and where in `lookup_hashed` the hashed values of each digit start."""
        digits, starts = self._make_columns([members for members, _ in self._lookups])
        hashed, offset = [np.zeros(1, np.uint64)], 1
        for column, (members, _) in enumerate(self._lookups):
            for row, member in enumerate(members, start=len(starts) - len(members)):
                starts[row, column] = offset
                hashed.append(member.hashed * np.uint64(_HASH_FACTOR))
                offset += len(member.hashed)
        hash_arrays: Arrays = {"lookup_digit": digits, "lookup_start": starts, "lookup_hashed": np.concatenate(hashed)}
        return hash_arrays | self._key_arrays()

    def _make_columns(self, combinations: Sequence[Sequence[_Element]]) -> tuple[npt.NDArray[np.int32], ...]:
        """The combinations' digits as columns, filled up from above, and zeros of the same shape."""
        longest = max((len(members) for members in combinations), default=0)
        digits = np.full((longest, len(combinations)), len(self._hashes) + len(self._bits), dtype=np.int32)
        for column, members in enumerate(combinations):
            digits[longest - len(members) :, column] = [member.digit for member in members]
        return digits, np.zeros_like(digits)

    def _key_arrays(self) -> Arrays:
        """The hashes of all combinations in one sorted array; a salt for each keeps them apart."""
        sizes = [len(keys) for _, keys in self._lookups]
        salts = np.arange(1, len(sizes) + 1, dtype=np.uint64) * np.uint64(_CITY_FOLD)
        keys = np.concatenate([_NO_HASH[:0], *(k ^ s for (_, k), s in zip(self._lookups, salts, strict=True))])
        ranks = np.concatenate([np.empty(0, np.int32), *(np.arange(size, dtype=np.int32) for size in sizes)])
        order = np.argsort(keys)
        if len(np.unique(keys)) < len(keys):
            raise PlanRefused("two combinations of CatBoost's categories have the same hash")
        unknown = np.array(sizes, dtype=np.int32)
        return {"key_salt": salts, "key": keys[order], "key_rank": ranks[order], "unknown_rank": unknown}

    def _reader_arrays(self) -> Arrays:
        rows = [place if dense else len(self._dense) + place for dense, place, _ in self._readers]
        starts = [start for _, _, start in self._readers]
        return {"ctr_row": np.array(rows, dtype=np.int32), "ctr_start": np.array(starts, dtype=np.int64)}


def read_keys(data: Mapping[str, Any]) -> Hashes:
    """The hashes that a statistic's table of counts knows, in its own order."""
    return np.array([int(text) for text in data["hash_map"][:: data["hash_stride"]]], dtype=np.uint64)


def evaluate_ctrs(arrays: Arrays, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """(rows, features) -> (rows, statistics), from the arrays and the table under the name `ctrs`."""
    bits = values[:, arrays["bit_source"]] > arrays["bit_limit"]
    digits = np.hstack([values[:, arrays["category_source"]], bits]).astype(np.int64)
    hashes = np.zeros((len(values), len(arrays["key_salt"])), dtype=np.uint64)
    for members, starts in zip(arrays["lookup_digit"], arrays["lookup_start"], strict=True):
        hashes = (hashes + arrays["lookup_hashed"][digits[:, members] + starts]) * np.uint64(_HASH_FACTOR)
    ranks = dict(zip(arrays["key"].tolist(), arrays["key_rank"].tolist(), strict=True))
    unknown = arrays["unknown_rank"].tolist()
    keys = (hashes ^ arrays["key_salt"]).tolist()
    found = [[ranks.get(key, other) for key, other in zip(row, unknown, strict=True)] for row in keys]
    dense = (digits[:, arrays["dense_digit"]] * arrays["dense_stride"]).sum(axis=1)
    rows = np.hstack([dense, np.array(found, dtype=np.int64).reshape(hashes.shape)])
    statistics: npt.NDArray[np.float32] = arrays["ctrs"][rows[:, arrays["ctr_row"]] + arrays["ctr_start"]]
    return statistics


def limit_in_float64(border: float) -> float:
    """The number that a float64 exceeds exactly when, rounded to float32 as CatBoost does, it exceeds the border."""
    below = np.float32(border)
    if not np.isfinite(below) or float(below) != border:
        raise PlanRefused(f"CatBoost's border {border!r} is not a finite float32")
    with np.errstate(over="ignore"):
        above = min(float(np.nextafter(below, np.float32(np.inf))), 2.0**128)
        middle = (float(below) + above) / 2
        stays = np.float32(middle) == below
    return middle if stays else float(np.nextafter(middle, -np.inf))


def hash_codes(count: int) -> Hashes:
    """What CatBoost hashes for the codes 0 to count - 1: the low half of CityHash64 of their text, sign-extended."""
    return np.array([_widen(_hash_text(str(code).encode())) for code in range(count)], dtype=np.uint64)


def _widen(value: int) -> np.uint64:
    return np.uint64(((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000 & _WORD)


def _hash_text(text: bytes) -> int:
    """CityHash64 1.0 (Pike and Alakuijala) of a text of 1 to 8 bytes, which every code has."""
    size = len(text)
    if size >= 4:
        low, high = int.from_bytes(text[:4], "little"), int.from_bytes(text[-4:], "little")
        first = size + (low << 3) & _WORD
        mixed = (first ^ high) * _CITY_FOLD & _WORD
        mixed = (high ^ mixed ^ mixed >> 47) * _CITY_FOLD & _WORD
        return (mixed ^ mixed >> 47) * _CITY_FOLD & _WORD
    start, end = text[0] + (text[size >> 1] << 8), size + (text[-1] << 2)
    mixed = (start * _CITY_0 ^ end * _CITY_1) & _WORD
    return (mixed ^ mixed >> 47) * _CITY_0 & _WORD


def _in_hash_order(elements: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kinds = ("cat_feature_value", "float_feature", "cat_feature_exact_value")
    return sorted(elements, key=lambda element: kinds.index(element["combination_element"]))


def _hash_combinations(members: Sequence[_Element]) -> Hashes:
    """The hashes of every combination of the members' values, the last member changing fastest."""
    factor = np.uint64(_HASH_FACTOR)
    hashes = np.zeros(1, dtype=np.uint64)
    for member in members:
        hashes = ((hashes[:, None] + member.hashed * factor) * factor).ravel()
    return hashes


def _values_at(ctr: Mapping[str, Any], data: Mapping[str, Any], hashes: Hashes) -> npt.NDArray[np.float32]:
    keys = read_keys(data)
    order = np.argsort(keys)
    nearest = order[np.minimum(np.searchsorted(keys, hashes, sorter=order), len(keys) - 1)]
    known = (keys[nearest] == hashes) & (hashes != _NO_HASH)
    in_class, total = _counts(ctr, data)
    in_class, total = np.where(known, in_class[nearest], np.float32(0)), np.where(known, total[nearest], np.float32(0))
    if ctr["ctr_type"] in _COUNTERS:
        total = np.full_like(total, data["counter_denominator"])
    prior, weight, shift, scale = (
        np.float32(ctr[part]) for part in ("prior_numerator", "prior_denomerator", "shift", "scale")
    )
    return ((in_class + prior) / (total + weight) + shift) * scale


def _counts(ctr: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """For each key how often the class was seen (or the sum of the target), and how often anything was."""
    stride, kind = data["hash_stride"], ctr["ctr_type"]
    columns = np.array([data["hash_map"][part::stride] for part in range(1, stride)], dtype=np.float64)
    if kind in _MEANS:
        in_class, total = columns[0], columns[1]
    elif kind in _COUNTERS:
        in_class = total = columns[0]
    elif kind in _CLASSES:
        first = ctr["target_border_idx"]
        in_class = columns[first] if kind == "Buckets" else columns[first + 1 :].sum(axis=0)
        total = columns.sum(axis=0)
    else:
        raise PlanRefused(f"CatBoost's statistic {kind} is unknown")
    return in_class.astype(np.float32), total.astype(np.float32)
