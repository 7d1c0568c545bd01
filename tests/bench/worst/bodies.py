"""Bodies of a wanted size, each made to cost as much as it can: to parse, to check, to describe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import count
from typing import Any

from app.release.schema import Feature, FeatureSchema

MakeBody = Callable[[FeatureSchema, int], bytes]
Row = Mapping[str, Any]
# What the default settings let through, so that a body is judged in full.
_MOST_ROWS = 10_000
_PAD = "padding"


def _write(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write_rows(rows: Iterator[Row], size: int) -> bytes:
    """As many rows as fit; where there may be no more of them, the rest is the text of a field that nobody knows."""
    texts: list[str] = []
    length = len('{"data":[]}')
    for row in rows:
        text = _write(row)
        length += len(text.encode()) + 1
        if length > size or len(texts) == _MOST_ROWS:
            break
        texts.append(text)
    body = '{"data":[' + ",".join(texts) + "]}"
    return _pad(body, size)


def _pad(body: str, size: int) -> bytes:
    return body.encode().ljust(size)


def make_usual_row(schema: FeatureSchema) -> dict[str, Any]:
    return {feature.name: find_known_value(feature) for feature in schema.features}


def find_known_value(feature: Feature) -> Any:
    return feature.sample if feature.sample is not None else (feature.categories or ("",))[0]


def fill_rows(make_value: Callable[[Feature, int], Any]) -> MakeBody:
    """Rows whose every value is made for its feature; the number differs from value to value."""

    def make(schema: FeatureSchema, size: int) -> bytes:
        numbers = count()
        rows = ({f.name: make_value(f, next(numbers)) for f in schema.features} for _ in count())
        return write_rows(rows, size)

    return make


def spoil_last(make_value: Callable[[Feature, int], Any]) -> MakeBody:
    """The same with one fault, in the last field of every row."""

    def make(schema: FeatureSchema, size: int) -> bytes:
        numbers = count()
        last = schema.features[-1].name
        rows = ({**{f.name: make_value(f, next(numbers)) for f in schema.features}, last: []} for _ in count())
        return write_rows(rows, size)

    return make


def _usual(feature: Feature, _: int) -> Any:
    return find_known_value(feature)


def _unseen(feature: Feature, number: int) -> Any:
    if feature.type in {"int", "float"}:
        return find_known_value(feature) if feature.two_valued else 1000 + number % 1000
    if feature.type == "datetime":
        return f"{1700 + number % 300}-01-{1 + number % 28:02}"
    return f"u{number}" if feature.type == "category" and "No" in (feature.categories or ()) else _usual(feature, 0)


def _as_text(feature: Feature, number: int) -> Any:
    """A number as text in one of many spellings, everything else with spaces around it."""
    if feature.type in {"int", "float"}:
        return f"{number % 2}.{'0' * (1 + number % 3)}"
    if feature.type == "datetime":
        return f" 2024-05-{1 + number % 28:02}"
    return f" {str(find_known_value(feature)).lower() if feature.type == 'bool' else find_known_value(feature)}"


def _plain_number_text(feature: Feature, number: int) -> Any:
    return str(number % 2) if feature.type in {"int", "float"} else find_known_value(feature)


def _training_date(feature: Feature, number: int) -> Any:
    return _write_date(feature, number, first_year=2024, years=2)


def _any_date(feature: Feature, number: int) -> Any:
    """A date in a format of training that no other value has."""
    return _write_date(feature, number, first_year=1700, years=500)


def _short_date(feature: Feature, number: int) -> Any:
    """The same without zeros in front, as spreadsheets write it."""
    value = _any_date(feature, number)
    return re.sub(r"\b0", "", value) if feature.date_formats else value


def _write_date(feature: Feature, number: int, *, first_year: int, years: int) -> Any:
    if not feature.date_formats:
        return find_known_value(feature)
    day = date(first_year + number // 336 % years, 1 + number // 28 % 12, 1 + number % 28)
    return day.strftime(feature.date_formats[-1])


def _nearly_right(feature: Feature, number: int) -> Any:
    """What is found to be wrong as late as possible."""
    if feature.type in {"int", "float"}:
        return "1" * 399 + "x"
    if feature.type == "datetime":
        return f"2024-02-30T10:00:00.123456789+23:{number % 60:02}"
    return f"{find_known_value(feature)}" + " " * 20 + "\u00a0!" if feature.two_valued else []


def _long_number(feature: Feature, number: int) -> Any:
    """Text of a number with as many digits as may be."""
    return f"{number % 7}." + "7" * 390 if feature.type in {"int", "float"} else find_known_value(feature)


def _all_wrong(feature: Feature, number: int) -> Any:
    return [] if feature.type == "text" else ([], "x", {}, True)[number % 4] if feature.type != "bool" else "x"


def make_unknown_fields(schema: FeatureSchema, size: int) -> bytes:
    return write_one_row(make_usual_row(schema), (f"u{number:x}" for number in count()), size)


def make_unknown_fields_in_every_row(schema: FeatureSchema, size: int) -> bytes:
    usual = make_usual_row(schema)
    return write_rows(({**usual, f"unknown{number}": 0} for number in count()), size)


def make_near_names(schema: FeatureSchema, size: int) -> bytes:
    """Names like those of the model, long enough that each comparison takes its time."""
    names = [feature.name for feature in schema.features]
    near = (f"{names[number % len(names)]}{names[0]}"[:90] + f"{number:x}" for number in count())
    return write_one_row(make_usual_row(schema), near, size)


def write_one_row(row: dict[str, Any], names: Iterator[str], size: int) -> bytes:
    text = _write(row)[1:-1]
    parts, length = [text] if text else [], len('{"data":[{}]}') + len(text)
    for name in names:
        part = f'"{name}":0'
        length += len(part) + 1
        if length > size:
            break
        parts.append(part)
    return _pad('{"data":[{' + ",".join(parts) + "}]}", size)


def make_unknown_members(_: FeatureSchema, size: int) -> bytes:
    body = write_one_row({}, (f"m{number:x}" for number in count()), size - 10).decode()
    return _pad(body.strip().removeprefix('{"data":[').removesuffix("]}"), size)


def repeat(unit: str, *, start: str, end: str) -> MakeBody:
    def make(schema: FeatureSchema, size: int) -> bytes:
        usual = _write(make_usual_row(schema))
        head, tail = start.replace("ROW", usual[:-1]), end.replace("ROW", usual[1:])
        times = (size - len((head + tail).encode())) // len(unit.encode())
        return _pad(head + unit * times + tail, size)

    return make


def repeat_text(text: str, feature_type: str = "") -> MakeBody:
    """One value as long as the body allows, for the first feature of a type, or for one that is not known."""

    def make(schema: FeatureSchema, size: int) -> bytes:
        names = [feature.name for feature in schema.features if feature.type == feature_type]
        row = make_usual_row(schema)
        row[names[0] if names else _PAD] = text * ((size - 2000 - len(_write(row))) // len(_write(text)[1:-1].encode()))
        return write_rows(iter([row]), size)

    return make


def make_late_repetition(schema: FeatureSchema, size: int) -> bytes:
    """The last of very many small objects names a field twice."""
    return repeat('{"a":1},', start='{"data":[ROW,"n":[', end='{"a":1,"a":1}]}]}')(schema, size)


def cut_short(make: MakeBody) -> MakeBody:
    """The same body, found not to be JSON at its very end."""

    def make_cut(schema: FeatureSchema, size: int) -> bytes:
        return make(schema, size - 1).rstrip()[:-1].ljust(size, b"x")

    return make_cut


_COLONS = '":\\"\\\\:'
BODIES: Mapping[str, MakeBody] = {
    "valid rows": fill_rows(_usual),
    "valid, every value unseen": fill_rows(_unseen),
    "valid, numbers as text": fill_rows(_plain_number_text),
    "valid, odd spellings and spaces": fill_rows(_as_text),
    "valid, dates in a format of training": fill_rows(_training_date),
    "valid, different dates in a format of training": fill_rows(_any_date),
    "valid, different dates as of spreadsheets": fill_rows(_short_date),
    "valid, numbers of 390 digits": fill_rows(_long_number),
    "every value wrong": fill_rows(_all_wrong),
    "every value nearly right": fill_rows(_nearly_right),
    "last field wrong": spoil_last(_usual),
    "last field wrong, others unseen": spoil_last(_unseen),
    "last field wrong, others spelt oddly": spoil_last(_as_text),
    "last field wrong, dates of training": spoil_last(_training_date),
    "empty rows": repeat("{},", start='{"data":[', end="{}]}"),
    "numbers for rows": repeat("0,", start='{"data":[', end="0]}"),
    "10,000 empty rows": lambda _, size: write_rows(({} for _ in count()), size),
    "unknown fields in one row": make_unknown_fields,
    "an unknown field in every row": make_unknown_fields_in_every_row,
    "names nearly known": make_near_names,
    "unknown members": make_unknown_members,
    "lists in lists": lambda _, size: (b"[" * (size // 2)).ljust(size, b"]"),
    "objects in objects": repeat('{"a":', start="", end="1"),
    "towers of lists": repeat("[" * 20 + "]" * 20 + ",", start='{"data":[ROW,"n":[', end="0]}]}"),
    "towers of objects": repeat('{"a":' * 20 + "0" + "}" * 20 + ",", start='{"data":[ROW,"n":[', end="0]}]}"),
    "many small objects": repeat('{"a":1},', start='{"data":[ROW,"n":[', end="0]}]}"),
    "many empty lists": repeat("[],", start='{"data":[ROW,"n":[', end="0]}]}"),
    "small objects and colons in text": repeat('{"a":1},', start='{"data":[ROW,"c":":","n":[', end="0]}]}"),
    "a name twice at the end": make_late_repetition,
    "a name twice in every row": repeat('{"a":1,"a":1},', start='{"data":[', end="0]}"),
    "long text": repeat_text("x", "category"),
    "long free text": repeat_text("late ", "text"),
    "spaces for text": repeat_text(" ", "category"),
    "digits for a number": repeat_text("1", "float"),
    "digits for a date": repeat_text("2024-", "datetime"),
    "escapes": repeat_text("\u0001", "category"),
    "quotes and colons in text": repeat_text(_COLONS, "category"),
    "text of four bytes": repeat_text("\U0001d7d9", "category"),
    "a literal of digits": repeat("9", start='{"data":[ROW,"n":', end="}]}"),
    "literals of 300 digits": repeat("0." + "3" * 300 + ",", start='{"data":[ROW,"n":[', end="0]}]}"),
    "literals between two floats": repeat(
        "9007199254740993.0000000000000000000000001e-30,", start='{"data":[ROW,"n":[', end="0]}]}"
    ),
    "white space": lambda _, size: b'{"data":'.ljust(size, b" "),
    "lines": lambda _, size: b'{"data":'.ljust(size, b"\n"),
    "valid rows, cut short": cut_short(fill_rows(_usual)),
    "text that is not UTF-8 at its end": lambda schema, size: fill_rows(_usual)(schema, size - 1) + b"\xff",
    "UTF-16": lambda schema, size: fill_rows(_usual)(schema, size // 2).decode().encode("utf-16-le"),
}
