"""Reading of tables: CSV, Parquet and JSON Lines into a DataFrame, and one clear sentence for what cannot be read."""

from __future__ import annotations

import functools
import json
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet

from app.training.refusals import TrainingRefused, join_names, suggest_closest

_UNNAMED = "Unnamed: "


@dataclass(frozen=True)
class Table:
    """The rows of a file, and what was done to them that a person should know."""

    rows: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, text_columns: Collection[str] = ()) -> Table:
    """Read a file by its ending: .csv (also .csv.gz), .parquet, .jsonl or .ndjson.

    Columns of a CSV that are named as text stay text, also where all their values look like numbers ("007").

    Raises:
        TrainingRefused: when it is missing, empty, not of its format, or has duplicate column names.
    """
    read = _find_reader(path, text_columns)
    if not path.is_file():
        raise TrainingRefused(f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise TrainingRefused(f"{path}: the file is empty.")
    try:
        table = read(path)
    except (OSError, ValueError, pd.errors.ParserWarning, pyarrow.ArrowException) as fault:
        raise TrainingRefused(f"{path}: not readable as {path.suffix.lstrip('.')}: {_describe(fault)}.") from None
    if table.rows.empty:
        raise TrainingRefused(f"{path}: the file has no rows.")
    return table


def require_columns(table: pd.DataFrame, columns: list[str], path: Path) -> None:
    """Raises TrainingRefused when a column is not there, with the closest name that is."""
    for column in columns:
        if column in table.columns:
            continue
        names = [str(name) for name in table.columns]
        separated = _guess_separator(names)
        hint = separated or suggest_closest(column, names) or f" The columns are {join_names(names, most=30)}."
        raise TrainingRefused(f"{path}: there is no column {column!r}.{hint}")


def _find_reader(path: Path, text_columns: Collection[str]) -> Callable[[Path], Table]:
    read_csv = functools.partial(_read_csv, text_columns=text_columns)
    endings: dict[str, Callable[[Path], Table]] = {
        ".csv": read_csv,
        ".csv.gz": read_csv,
        ".parquet": _read_parquet,
        ".pq": _read_parquet,
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
    }
    for ending, reader in endings.items():
        if path.name.lower().endswith(ending):
            return reader
    raise TrainingRefused(f"{path}: the file's name must end in {', '.join(endings)}.")


def _read_csv(path: Path, *, text_columns: Collection[str]) -> Table:
    # pandas renames the second `a` to `a.1` without a word, so the header is read on its own first.
    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    except pd.errors.EmptyDataError:
        raise TrainingRefused(f"{path}: the file is empty.") from None
    _refuse_duplicates([name for name in header if name], path)
    with warnings.catch_warnings():
        # A row with more values than the header has names would lose the surplus, or shift every column by one.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        as_text = dict.fromkeys(text_columns, str)
        rows = pd.read_csv(path, low_memory=False, index_col=False, dtype=as_text)
    unnamed = [name for name in rows.columns if str(name).startswith(_UNNAMED) and name not in header]
    if not unnamed:
        return Table(rows)
    note = f"{path.name}: {len(unnamed)} column{'s' * (len(unnamed) > 1)} without a name left out."
    return Table(rows.drop(columns=unnamed), (note,))


def _read_parquet(path: Path) -> Table:
    schema = pyarrow.parquet.read_schema(path)  # type: ignore[no-untyped-call]
    _refuse_duplicates(list(schema.names), path)
    rows = pd.read_parquet(path).reset_index(drop=True)
    rows.columns = rows.columns.astype(str)
    _refuse_nested_values(rows, path)
    return Table(rows)


def _read_json_lines(path: Path) -> Table:
    with path.open(encoding="utf-8-sig") as file:
        records = [_parse_object(line, number, path) for number, line in enumerate(file, start=1) if line.strip()]
    # Built from the objects as they are: pandas' JSON reader turns the text "007" into 7, and some texts into dates.
    rows = pd.DataFrame.from_records(records)
    _refuse_nested_values(rows, path)
    return Table(rows)


def _parse_object(line: str, number: int, path: Path) -> dict[str, object]:
    def refuse_duplicate_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _refuse_duplicates([name for name, _ in pairs], path, place=f" in line {number}")
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=refuse_duplicate_names)
    except json.JSONDecodeError as fault:
        raise TrainingRefused(f"{path}: line {number} is not JSON ({fault.msg} at column {fault.colno}).") from None
    if not isinstance(value, dict):
        raise TrainingRefused(f"{path}: line {number} is not a JSON object.")
    return value


def _refuse_duplicates(names: list[str], path: Path, *, place: str = "") -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise TrainingRefused(f"{path}: column names that occur more than once{place}: {join_names(repeated)}.")


def _refuse_nested_values(rows: pd.DataFrame, path: Path) -> None:
    for column in rows.select_dtypes("object").columns:
        if rows[column].map(lambda value: hasattr(value, "__len__") and not isinstance(value, (str, bytes))).any():
            raise TrainingRefused(f"{path}: column {column!r} holds lists or objects; a table needs single values.")


def _guess_separator(names: list[str]) -> str:
    if len(names) > 1:
        return ""
    for separator, title in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if separator in names[0]:
            return f" The columns seem to be separated by {title}; commas are expected."
    return ""


def _describe(fault: Exception) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return "the text is not UTF-8"
    if isinstance(fault, pd.errors.ParserWarning):
        return "a row has more values than the header has names"
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")
