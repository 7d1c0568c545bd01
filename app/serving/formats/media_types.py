"""The formats of tables by their media types, and by the names of files."""

from __future__ import annotations

CSV = "text/csv"
JSON_LINES = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

TABLES = (CSV, JSON_LINES, PARQUET, ARROW_STREAM)
# What clients call them besides; Parquet had no registered name for ten years.
_ALIASES = {
    "application/csv": CSV,
    "application/ndjson": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/jsonlines": JSON_LINES,
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
}
_ENDINGS = {
    ".csv": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".arrows": ARROW_STREAM,
}


def find_table_format(media_type: str) -> str | None:
    """The one name of a table's media type, given without parameters; None when it is that of no table."""
    lowered = media_type.strip().lower()
    return lowered if lowered in TABLES else _ALIASES.get(lowered)


def list_media_types() -> tuple[str, ...]:
    """Every name of every format; of the names of one, the one that is used here comes first."""
    return (*TABLES, *_ALIASES)


def find_format_of_file(name: str) -> str | None:
    """The format that a file's name ends in; None when its ending is unknown."""
    _, dot, ending = name.lower().rpartition(".")
    return _ENDINGS.get(dot + ending)


def list_file_endings() -> tuple[str, ...]:
    return tuple(_ENDINGS)
