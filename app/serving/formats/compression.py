"""Compressed bytes back to what they were, piece by piece and never more than was allowed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard

from app.errors import BadRequest

_PIECE_BYTES = 65_536
# A block of zstd is at most 128 KB and takes at least 4 bytes: so little never becomes more than 8 MB at once.
_ZSTD_PIECE_BYTES = 256
# What the format asks of whoever reads it from the web (RFC 9659).
_ZSTD_WINDOW_BYTES = 8_388_608

GZIP = "gzip"
ENCODINGS = (GZIP, "zstd", "deflate")
_ALIASES = {"x-gzip": GZIP}


class _Decompressor(Protocol):
    """One stream that is read to its end."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def find_encoding(name: str) -> str | None:
    """The one name of a way to compress; None for one that is not known."""
    lowered = name.strip().lower()
    return lowered if lowered in ENCODINGS else _ALIASES.get(lowered)


def expand(
    pieces: Iterable[bytes], encoding: str, *, most_bytes: int, refusal: Callable[[], Exception]
) -> Iterator[bytes]:
    """Yield what compressed pieces hold.

    Args:
        encoding: One of ENCODINGS.
        most_bytes: When there is more than this, `refusal()` is raised; what comes after is not looked at.

    Raises:
        BadRequest: `invalid_encoding`, when they are damaged, cut off, or go on behind their end.
    """
    left = most_bytes
    for piece in _expand_zstd(pieces) if encoding == "zstd" else _expand_zlib(pieces, encoding):
        left -= len(piece)
        if left < 0:
            raise refusal()
        yield piece


def _expand_zlib(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16 if encoding == GZIP else zlib.MAX_WBITS)
    try:
        for piece in pieces:
            waiting = piece
            while waiting:
                yield stream.decompress(waiting, _PIECE_BYTES)
                waiting = stream.unconsumed_tail or stream.unused_data
                _check_end(stream, encoding)
        yield stream.flush()
    except zlib.error:
        raise _name_damage(encoding) from None
    if not stream.eof:
        raise _name_damage(encoding)


def _expand_zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
    try:
        for piece in pieces:
            for start in range(0, len(piece), _ZSTD_PIECE_BYTES):
                if stream.eof:
                    raise _name_damage("zstd")
                yield stream.decompress(piece[start : start + _ZSTD_PIECE_BYTES])
                _check_end(stream, "zstd")
    except zstandard.ZstdError:
        raise _name_damage("zstd") from None
    if not stream.eof:
        raise _name_damage("zstd")


def _check_end(stream: _Decompressor, encoding: str) -> None:
    """Nothing may follow: thousands of empty streams in a row would cost more than their bytes do."""
    if stream.eof and stream.unused_data:
        raise _name_damage(encoding)


def _name_damage(encoding: str) -> BadRequest:
    return BadRequest(
        f"The body is not one stream of {encoding} that can be read: it is damaged, cut off or goes on after its end.",
        code="invalid_encoding",
    )
