"""From the bytes of a request to a checked document: media type, size, JSON, no field twice, the route's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import current_app, request
from gunicorn.http.errors import ParseException
from marshmallow import Schema
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.api.faults import load_document
from app.errors import BadRequest, TooLarge, UnsupportedMediaType

_USUAL_CONTENT_TYPES = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PLAIN_LENGTH = re.compile(r"[0-9]{1,12}")
_WHITE_SPACE = b" \t\n\r"
_LONGEST_NAME_SHOWN = 200
_TOO_DEEP = "The body is not JSON that can be read: it is nested too deeply."


def load_json(schema: Schema) -> dict[str, Any]:
    """Read the request's body as the schema says.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: when the body cannot be read.
        InvalidRows: when it does not fit the schema.
    """
    environ = request.environ
    _check_media_type(environ)
    return load_document(schema, parse_json(_read_body(environ)))


def parse_json(body: bytes) -> Any:
    """Parse strict JSON: UTF-8 without byte order mark, finite numbers, no field twice.

    Raises:
        BadRequest: `invalid_json` or `duplicate_field`.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise BadRequest(_describe_json_fault(body, fault), code="invalid_json") from None
    if _may_name_a_field_twice(document, body):
        _refuse_repeated_fields(body)
    return document


def _check_media_type(environ: Mapping[str, Any]) -> None:
    if environ.get("CONTENT_TYPE", "").lower() not in _USUAL_CONTENT_TYPES and not _is_json_in_utf8():
        raise UnsupportedMediaType("The body must be sent as Content-Type: application/json, in UTF-8.")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("The body must not be compressed: send it without Content-Encoding.")


def _is_json_in_utf8() -> bool:
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == "application/json" and charset.lower() in ("utf-8", "utf8")


def _read_body(environ: Mapping[str, Any]) -> bytes:
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ or not _PLAIN_LENGTH.fullmatch(length):
        return _read_body_of_unknown_length(limit)
    if int(length) > limit:
        raise _body_too_large(limit)
    # Werkzeug's way to the same bytes, in pieces of 64 KiB through a stream that counts them, takes 8 us more.
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except (OSError, ValueError):
        raise ClientDisconnected from None
    if len(body) < int(length):
        raise ClientDisconnected
    return body


def _read_body_of_unknown_length(limit: int) -> bytes:
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _body_too_large(limit) from None
    except ParseException:
        raise BadRequest("The body's chunks are not well formed.") from None
    # Werkzeug cuts a chunked body at the limit without a word, and what is left may be a whole document by itself.
    if len(body) == limit and request.content_length is None and request.environ["wsgi.input"].read(1):
        raise _body_too_large(limit)
    return body


def _body_too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit / 1_000_000:g} MB.")


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


def _may_name_a_field_twice(document: Any, body: bytes) -> bool:
    """Compare the fields that were parsed with the ends of names in the bytes: equal counts rule a repetition out.

    The bytes never show fewer names than there are fields. They show more when a name is repeated, and when text holds
    what looks like the end of a name; only the exact check tells these apart.
    """
    parsed = _count_fields(document)
    return body.count(b":") != parsed and body.translate(None, _WHITE_SPACE).count(b'":') != parsed


def _count_fields(document: Any) -> int:
    """Count the fields of an object and of the objects in its lists; deeper nesting is left to the exact check."""
    if not isinstance(document, dict):
        return 0
    count = len(document)
    for value in document.values():
        if isinstance(value, list):
            for item in value:
                count += len(item) if isinstance(item, dict) else 0
    return count


def _refuse_repeated_fields(body: bytes) -> None:
    try:
        json.loads(
            body.decode(), object_pairs_hook=_refuse_repeated_field, parse_int=_skip_number, parse_float=_skip_number
        )
    except RecursionError:
        raise BadRequest(_TOO_DEEP, code="invalid_json") from None


def _refuse_repeated_field(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            shown = name[:_LONGEST_NAME_SHOWN]
            raise BadRequest(f'The field "{shown}" is named twice in one object.', code="duplicate_field")
        seen.add(name)


def _skip_number(text: str) -> None:
    """Numbers play no part in the search for repeated names, and Python refuses to convert very long ones."""
