"""The bytes of a request's body as they come in: counted, unpacked when they are compressed, and bounded in both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from app.errors import BadRequest, TooLarge, UnsupportedMediaType
from app.serving.formats.compression import ENCODINGS, expand, find_encoding

_PIECE_BYTES = 65_536
PLAIN_LENGTH = re.compile(r"[0-9]{1,12}")
_PLAIN = "identity"


def is_compressed() -> bool:
    named = request.environ.get("HTTP_CONTENT_ENCODING")
    return named is not None and named.strip().lower() != _PLAIN


def iterate_body(limit: int) -> Iterator[bytes]:
    """Yield the body as it was before it was compressed; neither form may be larger than the limit.

    Raises:
        UnsupportedMediaType: for a Content-Encoding that is not known, or for more than one.
        TooLarge: as soon as there is more than the limit.
        BadRequest: when chunks or the compressed stream are damaged.
    """
    sent = _iterate_sent_bytes(limit)
    if not is_compressed():
        return sent
    encoding = find_encoding(request.environ["HTTP_CONTENT_ENCODING"])
    if encoding is None:
        raise UnsupportedMediaType(f"The body may be compressed by one of {', '.join(ENCODINGS)}, or not at all.")
    return expand(sent, encoding, most_bytes=limit, refusal=lambda: body_too_large(limit))


def _iterate_sent_bytes(limit: int) -> Iterator[bytes]:
    environ = request.environ
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" not in environ and PLAIN_LENGTH.fullmatch(length):
        return _iterate_known_length(int(length), limit)
    # Without its end marked, there is no body.
    return _iterate_to_the_end(limit) if environ.get("wsgi.input_terminated") else iter(())


def _iterate_known_length(length: int, limit: int) -> Iterator[bytes]:
    if length > limit:
        raise body_too_large(limit)
    while length:
        try:
            piece: bytes = request.environ["wsgi.input"].read(min(length, _PIECE_BYTES))
        except (OSError, ValueError):
            raise ClientDisconnected from None
        if not piece:
            raise ClientDisconnected
        length -= len(piece)
        yield piece


def _iterate_to_the_end(limit: int) -> Iterator[bytes]:
    left = limit
    while True:
        try:
            piece: bytes = request.environ["wsgi.input"].read(min(left, _PIECE_BYTES) + 1)
        except ParseException:
            raise BadRequest("The body's chunks are not well formed.") from None
        except (OSError, ValueError):
            raise ClientDisconnected from None
        if not piece:
            return
        left -= len(piece)
        if left < 0:
            raise body_too_large(limit)
        yield piece


def body_too_large(limit: int) -> TooLarge:
    shown = f"{limit / 1_000_000:g} MB" if limit >= 1_000_000 else f"{limit / 1000:g} KB"
    return TooLarge(f"The body is larger than {shown}.")
