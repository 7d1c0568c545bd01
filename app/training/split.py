"""From a table to training rows and held-out rows: what the label is, whether the rows suffice, which are kept back."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from autogluon.core.utils.utils import infer_problem_type

from app.training.data import read_table, require_columns
from app.training.refusals import InvalidTrainingSettings, TrainingRefused, join_names
from app.training.settings import TrainingSettings

Positions = npt.NDArray[np.intp]

_FEWEST_TRAINING_ROWS = 20
_FEW_HELD_OUT_ROWS = 100
_CLASSIFICATION = ("binary", "multiclass")


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Rows to fit on and rows to measure on; no row is in both."""

    train: pd.DataFrame
    held_out: pd.DataFrame
    label: str
    problem_type: str
    notes: tuple[str, ...] = ()


def load_training_data(data: Path, *, label: str, test_data: Path | None, settings: TrainingSettings) -> TrainingData:
    """Read the data, find the problem type, and take the held-out rows from `test_data` or from the data itself.

    Raises:
        TrainingRefused: naming the file and what is wrong with it.
    """
    table = read_table(data)
    require_columns(table.rows, [label, *([settings.date_column] if settings.date_column else [])], data)
    rows, notes = _drop_unlabelled(table.rows, label, data)
    problem_type = settings.problem_type_for_autogluon or _infer_problem_type(rows[label], data)
    _check_label(rows[label], problem_type, data)
    _check_enough_rows(rows, label, problem_type, settings.bag_folds, data)
    if test_data is None:
        train, held_out = _split(rows, label, problem_type, settings)
        notes = [*notes, _describe_split(train, held_out, problem_type, settings)]
    else:
        train, (held_out, test_notes) = rows, _load_test_rows(rows, label, data, test_data)
        notes = [*notes, *test_notes]
    _check_enough_rows(train, label, problem_type, settings.bag_folds, data)
    refuse_unseen_classes(train[label], held_out[label], problem_type)
    notes += _note_repeated_rows(train, held_out) + _note_few_rows(held_out)
    return TrainingData(
        train=train.reset_index(drop=True),
        held_out=held_out.reset_index(drop=True),
        label=label,
        problem_type=problem_type,
        notes=(*table.notes, *notes),
    )


def load_held_out(
    path: Path, *, label: str, features: list[str], text_columns: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Labelled rows for a predictor that is trained already, and what was left out of them.

    Raises:
        TrainingRefused: when the label or a feature of the predictor is not among the columns.
    """
    table = read_table(path, text_columns=text_columns)
    require_columns(table.rows, [label, *features], path)
    rows, notes = _drop_unlabelled(table.rows, label, path)
    return rows.reset_index(drop=True), (*table.notes, *notes)


def refuse_unseen_classes(known: Any, labels: pd.Series, problem_type: str) -> None:
    """Raises TrainingRefused when held-out rows carry a class that training has never seen."""
    if problem_type not in _CLASSIFICATION:
        return
    unseen = labels[~labels.isin(pd.Series(known).unique())]
    if len(unseen):
        classes = ", ".join(f"{value!r} ({count} rows)" for value, count in unseen.value_counts().head(5).items())
        raise TrainingRefused(
            f"The held-out rows have values of {labels.name!r} that the training rows do not have: {classes}."
        )


def choose_stratified(labels: pd.Series, fraction: float, seed: int) -> Positions:
    """Positions of held-out rows with the same share of every class; each class keeps a row or more for training."""
    random = np.random.default_rng(seed)
    chosen: list[Positions] = []
    for _, positions in sorted(labels.groupby(labels.to_numpy()).indices.items(), key=lambda item: str(item[0])):
        count = min(round(len(positions) * fraction), len(positions) - 1)
        chosen.append(random.permutation(positions)[:count])
    return np.sort(np.concatenate(chosen))


def choose_latest(dates: pd.Series, fraction: float) -> Positions:
    """Positions of the latest rows; rows of one moment are never divided between training and held-out.

    Raises:
        TrainingRefused: when all rows are of one moment.
    """
    ordered = np.sort(dates.to_numpy())
    cut = ordered[min(len(ordered) - 1, round(len(ordered) * (1 - fraction)))]
    latest = dates.to_numpy() >= cut
    if latest.all():
        latest = dates.to_numpy() > cut
    if not latest.any():
        raise TrainingRefused(
            f"The date column {dates.name!r} has one value only; it cannot tell old rows from new ones."
        )
    return np.flatnonzero(latest)


def choose_at_random(count: int, fraction: float, seed: int) -> Positions:
    """Positions of held-out rows, every row equally likely."""
    return np.sort(np.random.default_rng(seed).permutation(count)[: round(count * fraction)])


def read_dates(column: pd.Series) -> pd.Series:
    """Moments in order of time, from dates, ISO 8601 or one other format, or from plain numbers.

    Raises:
        TrainingRefused: when a value is missing or not a date of the format of the others.
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        dates = column
    else:
        dates = _parse_dates(column)
    bad = column[dates.isna()]
    if len(bad):
        raise TrainingRefused(
            f"The date column {column.name!r} has {len(bad)} values that are not dates: "
            f"{join_names(bad.unique(), most=3)}."
        )
    return dates


def _parse_dates(column: pd.Series) -> pd.Series:
    attempts: tuple[dict[str, Any], ...] = ({"format": "ISO8601"}, {}, {"dayfirst": True})
    texts = column if pd.api.types.is_datetime64_any_dtype(column) else column.astype("string")
    with warnings.catch_warnings():
        # pandas warns when it has to guess; what it cannot read is refused, and the day-first order is tried last.
        warnings.simplefilter("ignore")
        for options in attempts:
            dates = pd.to_datetime(texts, errors="coerce", utc=True, **options)
            if not dates.isna().any():
                break
    return dates


def _drop_unlabelled(rows: pd.DataFrame, label: str, path: Path) -> tuple[pd.DataFrame, list[str]]:
    labelled = rows[rows[label].notna()]
    missing = len(rows) - len(labelled)
    if labelled.empty:
        raise TrainingRefused(f"{path}: no row has a value in the label column {label!r}.")
    return labelled, [f"{path.name}: {missing} rows without a label left out."] if missing else []


def _infer_problem_type(labels: pd.Series, path: Path) -> str:
    if labels.nunique() < 2:
        return "binary"
    try:
        return str(infer_problem_type(labels, silent=True))
    except (NotImplementedError, TypeError, ValueError):
        raise TrainingRefused(
            f"{path}: the label {labels.name!r} holds {labels.dtype} values; it must hold classes or numbers."
        ) from None


def _check_label(labels: pd.Series, problem_type: str, path: Path) -> None:
    values = labels.unique()
    if len(values) < 2:
        raise TrainingRefused(
            f"{path}: the label {labels.name!r} has one value only ({values[0]!r}); nothing to learn."
        )
    if problem_type == "binary" and len(values) > 2:
        raise TrainingRefused(
            f"{path}: the label {labels.name!r} has {len(values)} values ({join_names(values)}), a binary one has two."
        )
    if problem_type not in _CLASSIFICATION:
        check_numeric_label(labels, problem_type, path)


def check_numeric_label(labels: pd.Series, problem_type: str, path: Path) -> None:
    """Raises TrainingRefused when the label of a regression or quantile problem is not a finite number everywhere."""
    if not pd.api.types.is_numeric_dtype(labels) or pd.api.types.is_bool_dtype(labels):
        raise TrainingRefused(f"{path}: the label {labels.name!r} is not numeric, so it is no {problem_type} problem.")
    if not np.isfinite(labels.to_numpy(dtype=float)).all():
        raise TrainingRefused(f"{path}: the label {labels.name!r} has infinite values.")


def _split(
    rows: pd.DataFrame, label: str, problem_type: str, settings: TrainingSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if settings.date_column:
        positions = choose_latest(read_dates(rows[settings.date_column]), settings.held_out_fraction)
    elif problem_type in _CLASSIFICATION:
        positions = choose_stratified(rows[label], settings.held_out_fraction, settings.seed)
    else:
        positions = choose_at_random(len(rows), settings.held_out_fraction, settings.seed)
    if not len(positions):
        raise TrainingRefused(f"{len(rows)} rows are too few to hold {settings.held_out_fraction:.0%} of them back.")
    kept = np.ones(len(rows), dtype=bool)
    kept[positions] = False
    return rows[kept], rows[~kept]


def _describe_split(train: pd.DataFrame, held_out: pd.DataFrame, problem_type: str, settings: TrainingSettings) -> str:
    if settings.date_column:
        how = f"the latest by {settings.date_column}"
    elif problem_type in _CLASSIFICATION:
        how = "the same share of every class"
    else:
        how = "chosen at random"
    return f"{len(train)} rows to train on, {len(held_out)} held out ({how})."


def _load_test_rows(train: pd.DataFrame, label: str, data: Path, test_data: Path) -> tuple[pd.DataFrame, list[str]]:
    if test_data.exists() and test_data.samefile(data):
        raise InvalidTrainingSettings([f"--test-data {test_data}: this is the training data itself."])
    table = read_table(test_data)
    missing = [column for column in train.columns if column not in table.rows.columns]
    if missing:
        raise TrainingRefused(f"{test_data}: columns of the training data are missing: {join_names(missing)}.")
    rows, notes = _drop_unlabelled(table.rows, label, test_data)
    _refuse_other_types(train, rows, test_data)
    extra = [column for column in rows.columns if column not in train.columns]
    if extra:
        notes.append(f"{test_data.name}: columns that the training data does not have left out: {join_names(extra)}.")
    return rows[list(train.columns)], [*table.notes, *notes]


def _refuse_other_types(train: pd.DataFrame, test: pd.DataFrame, path: Path) -> None:
    for column in train.columns:
        numeric = pd.api.types.is_numeric_dtype(train[column])
        if numeric and not pd.api.types.is_numeric_dtype(test[column]) and test[column].notna().any():
            example = pd.to_numeric(test[column], errors="coerce").isna() & test[column].notna()
            shown = f" ({test[column][example].iloc[0]!r})" if example.any() else ""
            raise TrainingRefused(f"{path}: column {column!r} is numeric in the training data and text here{shown}.")


def _check_enough_rows(train: pd.DataFrame, label: str, problem_type: str, bag_folds: int, path: Path) -> None:
    if len(train) < _FEWEST_TRAINING_ROWS:
        raise TrainingRefused(f"{path}: {len(train)} rows to train on; at least {_FEWEST_TRAINING_ROWS} are needed.")
    if problem_type not in _CLASSIFICATION:
        return
    counts = train[label].value_counts()
    if problem_type == "binary" and counts.iloc[-1] < bag_folds:
        raise TrainingRefused(
            f"{path}: {label!r} is {counts.index[-1]!r} in {counts.iloc[-1]} training rows only; "
            f"{bag_folds} folds need at least {bag_folds}."
        )
    if problem_type == "multiclass" and (counts >= bag_folds).sum() < 2:
        raise TrainingRefused(
            f"{path}: hardly any value of {label!r} repeats; "
            f"{bag_folds} folds need two values with {bag_folds} rows each."
        )


def _note_repeated_rows(train: pd.DataFrame, held_out: pd.DataFrame) -> list[str]:
    seen = set(pd.util.hash_pandas_object(train.astype(str), index=False))
    repeated = sum(value in seen for value in pd.util.hash_pandas_object(held_out.astype(str), index=False))
    if not repeated:
        return []
    return [f"{repeated} of {len(held_out)} held-out rows also occur among the training rows; the figures flatter."]


def _note_few_rows(held_out: pd.DataFrame) -> list[str]:
    if len(held_out) >= _FEW_HELD_OUT_ROWS:
        return []
    return [f"Only {len(held_out)} held-out rows: the figures are rough, see their intervals."]
