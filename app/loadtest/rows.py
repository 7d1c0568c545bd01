"""Real rows from a file, as they go over the wire. Cells of a CSV stay text: the server reads numbers from text."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import orjson

from app.loadtest.refusals import LoadRefused

MOST_ROWS = 500_000
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """The rows of a file without the columns that were not wanted.

    Attributes:
        left_out: The columns that were not wanted.
        is_complete: False when the file has more rows than are read.
    """

    rows: tuple[bytes, ...]
    left_out: tuple[str, ...]
    is_complete: bool

    @property
    def count(self) -> int:
        return len(self.rows)


def read_rows(
    path: Path, *, without: Collection[str] = (), known: Collection[str] | None = None, most: int = MOST_ROWS
) -> Rows:
    """Read a .csv (also .csv.gz), .jsonl, .ndjson or .parquet file; each row becomes a JSON object.

    Args:
        without: Columns to leave out, such as the label.
        known: The columns that the model knows; others are left out. None: nobody knows.
        most: So many rows are read.

    Raises:
        LoadRefused: when the file is missing, empty, not of its format, or has no column that is wanted.
    """
    try:
        rows = list(islice(_open_rows(path), most + 1))
    except (OSError, EOFError, ValueError, csv.Error) as fault:
        raise LoadRefused(f"{path}: not readable: {_describe(fault)}.") from None
    if not rows:
        raise LoadRefused(f"{path}: the file has no rows.")
    names = dict.fromkeys(name for row in rows for name in row)
    wanted = {name for name in names if name not in without and (known is None or name in known)}
    if not wanted:
        raise LoadRefused(f"{path}: the model knows none of its columns.")
    left_out = tuple(name for name in names if name not in wanted)
    texts = tuple(_write_row(row, wanted) for row in rows[:most])
    return Rows(texts, left_out, is_complete=len(rows) <= most)


def _open_rows(path: Path) -> Iterator[Row]:
    endings: Mapping[str, Callable[[Path], Iterator[Row]]] = {
        ".csv": _read_csv,
        ".csv.gz": _read_csv,
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
        ".parquet": _read_parquet,
        ".pq": _read_parquet,
    }
    for ending, read in endings.items():
        if path.name.lower().endswith(ending):
            return read(path)
    raise LoadRefused(f"{path}: the file's name must end in {', '.join(endings)}.")


def _read_csv(path: Path) -> Iterator[Row]:
    """An empty cell is null, as it is in training."""
    with _open_text(path) as file:
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        _refuse_duplicates(header)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ValueError(f"line {reader.line_num} has {len(cells)} cells, the header {len(header)}")
            yield {name: cell or None for name, cell in zip(header, cells, strict=True) if name}


def _read_json_lines(path: Path) -> Iterator[Row]:
    with _open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _read_object(line, number)


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pyarrow.ArrowException as fault:
        raise ValueError(str(fault)) from None


def _open_text(path: Path) -> TextIO:
    # With the mark that Excel puts before UTF-8; csv reads the ends of lines itself.
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _read_object(line: str, number: int) -> Row:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise ValueError(f"line {number} is not JSON: {fault.msg}") from None
    if not isinstance(row, dict):
        raise ValueError(f"line {number} is not a JSON object")
    return row


def _refuse_duplicates(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise ValueError(f"the column {name} occurs more than once")
        seen.add(name)


def _write_row(row: Row, wanted: Collection[str]) -> bytes:
    # NaN becomes null and a time ISO 8601; what JSON has no word for, such as an exact decimal, becomes text.
    return orjson.dumps({name: value for name, value in row.items() if name in wanted}, default=str)


def _describe(fault: Exception) -> str:
    if isinstance(fault, FileNotFoundError):
        return "there is no such file"
    if isinstance(fault, UnicodeDecodeError):
        return "the text is not UTF-8"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror.lower()
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0].rstrip(".")
