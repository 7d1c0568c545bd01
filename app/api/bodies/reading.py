"""From the bytes of a request to a checked document: media type, size, JSON, nesting, no field twice, the schema."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from flask import current_app, request
from marshmallow import Schema
from werkzeug.exceptions import ClientDisconnected

from app.api.bodies.faults import load_document
from app.api.bodies.pieces import PLAIN_LENGTH, body_too_large, is_compressed, iterate_body
from app.api.bodies.shape import measure_shape
from app.api.bodies.under_way import begin_body
from app.errors import BadRequest, InvalidBody, InvalidRows, TooLarge, UnsupportedMediaType

_USUAL_CONTENT_TYPES = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\n\r"
_LONGEST_NAME_SHOWN = 200
# What is searched for the name of a field that is there twice: an object of rows is found in its first row.
_SEARCHED_BYTES = 32_000
_SMALL_BODY_BYTES = 64_000
_TOO_DEEP = "The body is not JSON that can be read: it is nested too deeply."
_NUL = b"\\u0000"


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """What a body may hold at most, whatever its route makes of it.

    Attributes:
        containers: Lists and objects. Each takes time to make and to free.
        rows: What a caller is told who sends more containers.
    """

    size: int
    depth: int
    containers: int
    rows: int


def limit_bodies(*, megabytes: int, depth: int, rows: int) -> BodyLimits:
    """Rows of which every second holds a list or an object; more of these are of no use to any model."""
    return BodyLimits(size=megabytes * 1_000_000, depth=depth, containers=3 * rows // 2 + 1000, rows=rows)


def load_json(schema: Schema) -> dict[str, Any]:
    """Read the request's body, a document of at most 64 KB, as the schema says.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: when the body cannot be read.
        InvalidBody: when it does not fit the schema.
    """
    if is_compressed():
        raise UnsupportedMediaType("The body must not be compressed: send it without Content-Encoding.")
    return load_document(schema, parse_json(_read_json(_SMALL_BODY_BYTES), current_limits()), refusal=InvalidBody)


def load_rows(schema: Schema) -> dict[str, Any]:
    """The same for a body of rows, perhaps compressed and as large as the settings allow; refused by InvalidRows.

    Raises:
        LethalRequest: besides, when workers have died of it.
    """
    limits = current_limits()
    body = _read_json(limits.size)
    begin_body(body)
    return load_document(schema, parse_json(body, limits), refusal=InvalidRows)


def current_limits() -> BodyLimits:
    limits: BodyLimits = current_app.config["BODY_LIMITS"]
    return limits


def is_json() -> bool:
    """Whether the body is said to be JSON, in UTF-8."""
    return request.environ.get("CONTENT_TYPE", "").lower() in _USUAL_CONTENT_TYPES or _is_json_in_utf8()


def read_whole_body(limit: int) -> bytes:
    """The body in one piece, unpacked if it is compressed.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: when it cannot be read.
    """
    environ = request.environ
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or not PLAIN_LENGTH.fullmatch(length) or is_compressed():
        return b"".join(iterate_body(limit))
    if int(length) > limit:
        raise body_too_large(limit)
    # The same in pieces takes longer.
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except (OSError, ValueError):
        raise ClientDisconnected from None
    if len(body) < int(length):
        raise ClientDisconnected
    return body


def _read_json(size: int) -> bytes:
    if not is_json():
        raise UnsupportedMediaType("The body must be sent as Content-Type: application/json, in UTF-8.")
    return read_whole_body(size)


def parse_json(body: bytes, limits: BodyLimits) -> Any:
    """Parse strict JSON: UTF-8 without byte order mark, finite numbers, no NUL in text, no field twice.

    Raises:
        TooLarge: `too_many_rows`, when it holds more lists and objects than rows may.
        BadRequest: `invalid_json` or `duplicate_field`.
    """
    opened = body.count(b"{") + body.count(b"[")
    if opened > limits.containers:
        _refuse_many_containers(body, limits)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise BadRequest(_describe_json_fault(body, fault), code="invalid_json") from None
    # One character is found five times as fast as six, and six much faster than runs of backslashes are taken out.
    if b"\\" in body and _NUL in body and _NUL in body.replace(b"\\\\", b""):
        raise BadRequest("Text in the body holds the character NUL (\\u0000).", code="invalid_json")
    _check_shape(document, body, opened, limits)
    return document


def _refuse_many_containers(body: bytes, limits: BodyLimits) -> None:
    """Refuse them before they are made; brackets in text are none."""
    shape = measure_shape(body)
    if shape.depth > limits.depth:
        raise BadRequest(_TOO_DEEP, code="invalid_json")
    if shape.containers > limits.containers:
        raise TooLarge(
            f"The body holds more than {limits.containers} lists and objects; one request may hold {limits.rows} rows.",
            code="too_many_rows",
        )


def _check_shape(document: Any, body: bytes, opened: int, limits: BodyLimits) -> None:
    """Refuse too deep a document and a field that is there twice.

    Most documents are cleared by two counts: of what was parsed, and of brackets and colons in the bytes. The bytes
    never show fewer. They show more when a name is repeated, when something nests deeper than rows do, and when there
    are such characters in text; only then the bytes are measured.
    """
    fields, containers = _count_fields_and_containers(document, most=limits.containers)
    may_be_deep = opened > limits.depth and opened != containers
    may_be_twice = body.count(b":") != fields and body.translate(None, _WHITE_SPACE).count(b'":') != fields
    if not may_be_deep and not may_be_twice:
        return
    shape = measure_shape(body)
    if shape.depth > limits.depth:
        raise BadRequest(_TOO_DEEP, code="invalid_json")
    if may_be_twice and containers != shape.containers:
        # Some are where the count does not look.
        fields = measure_shape(orjson.dumps(document)).fields
    if may_be_twice and shape.fields != fields:
        _refuse_repeated_field(body)


def _is_json_in_utf8() -> bool:
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == "application/json" and charset.lower() in ("utf-8", "utf8")


def _describe_json_fault(body: bytes, fault: orjson.JSONDecodeError) -> str:
    if not body.strip():
        return "The body is empty; a JSON document is expected."
    if body.startswith(_BYTE_ORDER_MARK):
        return "The body starts with a byte order mark; JSON is sent without one."
    try:
        body.decode()
    except UnicodeDecodeError as not_text:
        return f"The body is not UTF-8: byte {not_text.start} cannot be read."
    if "recursion" in fault.msg or "depth" in fault.msg:
        return _TOO_DEEP
    return f"The body is not JSON: reading stopped at line {fault.lineno}, column {fault.colno}."


def _count_fields_and_containers(document: Any, *, most: int) -> tuple[int, int]:
    """Count an object and the objects in its lists; deeper nesting, and more than `most` items, are left out."""
    if not isinstance(document, dict):
        return 0, 0
    lists = [value for value in document.values() if type(value) is list]
    objects = [item for value in lists if len(value) <= most for item in value if type(item) is dict]
    return len(document) + sum(map(len, objects)), 1 + len(lists) + len(objects)


def _refuse_repeated_field(body: bytes) -> NoReturn:
    """Name the field when it is named twice early in the body, without reading far."""
    start = body[:_SEARCHED_BYTES].decode(errors="ignore")
    with suppress(json.JSONDecodeError):
        json.loads(start, object_pairs_hook=_find_repeated_field, parse_int=_skip_number, parse_float=_skip_number)
    raise BadRequest("A field is named twice in one object.", code="duplicate_field")


def _find_repeated_field(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            shown = name[:_LONGEST_NAME_SHOWN]
            raise BadRequest(f'The field "{shown}" is named twice in one object.', code="duplicate_field")
        seen.add(name)


def _skip_number(text: str) -> None:
    """Numbers play no part in the search for repeated names, and Python refuses to convert very long ones."""
