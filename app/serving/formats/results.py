"""Predictions as a table in any format: one row for each that was predicted, written as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from app.errors import UnsupportedMediaType
from app.release.manifest import Label, Manifest, ProblemType
from app.runtime.predictions import Numbers, PredictedColumns
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from app.serving.formats.text_results import CsvResultWriter, JsonLinesResultWriter


@dataclass(frozen=True, kw_only=True)
class ResultLayout:
    """The columns of a table of predictions.

    `prediction_id` if there are ids; `prediction`, the class or the number; `probability_<class>` for each class. A
    quantile model has `quantile_<level>` for each level in place of `prediction`.
    """

    problem_type: ProblemType
    class_labels: Sequence[Label] = ()
    quantile_levels: Sequence[float] = ()
    has_ids: bool = False

    @classmethod
    def of(cls, manifest: Manifest, *, has_ids: bool = False) -> ResultLayout:
        return cls(
            problem_type=manifest.problem_type,
            class_labels=manifest.class_labels or (),
            quantile_levels=manifest.quantile_levels or (),
            has_ids=has_ids,
        )

    @property
    def names(self) -> list[str]:
        identifier = ["prediction_id"] if self.has_ids else []
        if self.problem_type == "quantile":
            return [*identifier, *(f"quantile_{level}" for level in self.quantile_levels)]
        return [*identifier, "prediction", *(f"probability_{label}" for label in self.class_labels)]

    @property
    def kinds(self) -> list[type]:
        """Of what Python type the values of each column are."""
        identifier = [str] if self.has_ids else []
        if self.problem_type == "quantile":
            return [*identifier, *(float for _ in self.quantile_levels)]
        return [*identifier, self._kind_of_labels, *(float for _ in self.class_labels)]

    @property
    def _kind_of_labels(self) -> type:
        """Of classes of several kinds none is a number to anybody: they are text."""
        kinds = {type(label) for label in self.class_labels} or {float}
        return kinds.pop() if len(kinds) == 1 else str

    def list_columns(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str]
    ) -> list[Sequence[Any]]:
        """Predictions of some rows, column by column."""
        columns: list[Sequence[Any]] = [ids] if self.has_ids else []
        if self.problem_type == "quantile":
            levels = [str(level) for level in self.quantile_levels]
            return [*columns, *([quantiles[level] for quantiles in labels] for level in levels)]
        columns.append([str(label) for label in labels] if self._kind_of_labels is str else labels)
        classes = [str(label) for label in self.class_labels]
        return [*columns, *([row[name] for row in probabilities or ()] for name in classes)]

    def arrange_columns(self, predicted: PredictedColumns, ids: Sequence[str]) -> list[Sequence[Any] | Numbers]:
        """The same of predictions that are columns."""
        columns: list[Sequence[Any] | Numbers] = [ids] if self.has_ids else []
        if predicted.labels is None:
            return [*columns, *(predicted.numbers[str(level)] for level in self.quantile_levels)]
        is_text = self._kind_of_labels is str
        columns.append([str(label) for label in predicted.labels] if is_text else predicted.labels)
        return [*columns, *(predicted.numbers[str(label)] for label in self.class_labels)]


class ResultWriter(Protocol):
    """Writes to a sink that stays open. What is written is a whole table only after `close`."""

    def write(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str] = ()
    ) -> None:
        """Append predictions of some rows; `ids` has one for each row where the layout has ids."""

    def write_columns(self, predicted: PredictedColumns, ids: Sequence[str] = ()) -> None:
        """The same for predictions that are columns: not a byte differs."""

    def close(self) -> None: ...


def open_result_writer(sink: BinaryIO, media_type: str, layout: ResultLayout) -> ResultWriter:
    """Begin a table of predictions.

    Args:
        sink: Need not be seekable.
        media_type: One of `media_types.TABLES`.

    Raises:
        UnsupportedMediaType: for another media type.
    """
    if media_type == CSV:
        return CsvResultWriter(sink, layout)
    if media_type == JSON_LINES:
        return JsonLinesResultWriter(sink, layout)
    if media_type not in (PARQUET, ARROW_STREAM):
        raise UnsupportedMediaType(f"Predictions cannot be written in the format {media_type}.")
    # 30 MB that a process which never writes such a table does without.
    from app.serving.formats.arrow.results import ArrowResultWriter

    return ArrowResultWriter(sink, layout, as_parquet=media_type == PARQUET)
