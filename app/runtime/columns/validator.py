"""Checks rows by their columns: each different value once, by the very checks that it gets in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.errors import FieldFault
from app.release.schema import Feature, FeatureSchema
from app.runtime.checking.novelty import NoveltyCheck, make_reader
from app.runtime.checking.screen import ReadValues, build_value_screen
from app.runtime.columns.column import Column
from app.runtime.row_fields import FIELD_OF_TYPE
from app.runtime.rows import RowRules, RowValidator, TypedRow

# More than any part of a table has values: of a column nothing is left untold.
_ALL_NEWS = 2**62


@dataclass(frozen=True, eq=False)
class CheckedColumns:
    """Rows that fit the schema.

    Attributes:
        features: One column of typed values for each feature, in the order of the schema.
        warnings: How many there are of each kind, of as many as are listed.
    """

    features: Sequence[Column]
    warnings: Mapping[str, int]

    @property
    def row_count(self) -> int:
        return len(self.features[0].places)

    def list_rows(self) -> list[TypedRow]:
        return list(zip(*(column.spread() for column in self.features), strict=True))


class ColumnValidator:
    """Accepts rows that a validator of rows accepts, and what it accepts becomes the same; but it does not accept all.

    It finds no faults: whoever gets None asks the validator of rows, which tells what is wrong, if anything is.
    """

    def __init__(
        self, schema: FeatureSchema, rules: RowRules, rows: RowValidator, *, rejected: Callable[[], frozenset[str]]
    ) -> None:
        """Args: rows: Checks rows by the same schema and rules; rejected: See there."""
        self._rules = rules
        self._rows = rows
        self._rejected = rejected
        self._expected = {feature.name for feature in schema.features} | set(schema.unused)
        self._most_fields = max(rules.most_fields, len(self._expected))
        self._screens = {feature.name: _build_screen(feature, rules) for feature in schema.features}

    def check(self, columns: Mapping[str, Column]) -> CheckedColumns | None:
        """Check as many rows as each of the columns has; None where only a look at the rows can tell."""
        unknown = len(columns.keys() - self._expected)
        if unknown and self._rules.on_unknown_field == "reject":
            return None
        if len(columns) > self._most_fields or not self._screens.keys() <= columns.keys():
            return None
        features, news = [], {}
        for name, read in self._screens.items():
            values = columns[name].values
            typed, told = read(values)
            if len(typed) < len(values) or (told and self._refuses_news()):
                return None
            features.append(Column(typed, columns[name].places))
            if told:
                news[name] = told
        return CheckedColumns(features, self._count_warnings(columns, news, unknown))

    def _refuses_news(self) -> bool:
        return self._rules.on_unseen_value == "reject" or bool(self._rejected())

    def _count_warnings(
        self, columns: Mapping[str, Column], news: Mapping[str, Sequence[FieldFault]], unknown: int
    ) -> Mapping[str, int]:
        counts = Counter({"unknown_field": unknown} if unknown else {})
        for name, told in news.items():
            rows_of_value = np.bincount(columns[name].places, minlength=len(columns[name].values)).tolist()
            for one in told:
                counts[str(one.kind)] += rows_of_value[one.row or 0]
        if counts.total() <= self._rules.most_faults:
            return counts
        listed = self._rows.check(list(self._list_first_rows(columns, news))).warnings
        return Counter(str(one.kind) for one in listed)

    def _list_first_rows(
        self, columns: Mapping[str, Column], news: Mapping[str, Sequence[FieldFault]]
    ) -> Iterator[dict[str, Any]]:
        """Those of which warnings are listed: the first one, of unknown fields, and as many others as may be listed."""
        has_news = np.zeros(len(next(iter(columns.values())).places), dtype=bool)
        has_news[:1] = True
        for name, told in news.items():
            is_news = np.zeros(len(columns[name].values), dtype=bool)
            is_news[[one.row or 0 for one in told]] = True
            has_news |= is_news[columns[name].places]
        for row in np.flatnonzero(has_news)[: self._rules.most_faults + 2].tolist():
            yield {name: column.values[column.places[row]] for name, column in columns.items()}


def _build_screen(feature: Feature, rules: RowRules) -> ReadValues:
    """What reads values of this feature, up to the first that is not certainly accepted."""
    field = FIELD_OF_TYPE[feature.type](feature, longest_text=rules.longest_text)
    reader = make_reader(field, NoveltyCheck(feature), enough=_ALL_NEWS)
    return build_value_screen(feature, reader, longest_text=rules.longest_text)
