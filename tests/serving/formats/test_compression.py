from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest
import zstandard

from app.errors import BadRequest, TooLarge
from app.serving.formats.compression import expand, find_encoding

TEXT = b"tenure,contract\n" * 20_000
COMPRESSED = {"gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT), "zstd": zstandard.compress(TEXT)}
ENCODINGS = pytest.mark.parametrize("encoding", COMPRESSED)


def read(pieces: Iterable[bytes], encoding: str, *, most_bytes: int = 10**9) -> bytes:
    return b"".join(expand(pieces, encoding, most_bytes=most_bytes, refusal=lambda: TooLarge("too large")))


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@ENCODINGS
@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_what_was_compressed_comes_back_however_it_is_cut(encoding: str, size: int) -> None:
    assert read(cut(COMPRESSED[encoding], size), encoding) == TEXT


def test_zstd_without_its_length_comes_back() -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    assert read([stream.compress(TEXT) + stream.flush()], "zstd") == TEXT


@ENCODINGS
def test_as_much_as_is_allowed_is_unpacked_and_not_a_byte_more(encoding: str) -> None:
    assert read([COMPRESSED[encoding]], encoding, most_bytes=len(TEXT)) == TEXT
    with pytest.raises(TooLarge):
        read([COMPRESSED[encoding]], encoding, most_bytes=len(TEXT) - 1)


@ENCODINGS
def test_a_bomb_is_put_away_while_it_is_small(encoding: str) -> None:
    zeros = bytes(200_000_000)
    bombs = {
        "gzip": lambda: gzip.compress(zeros, 1),
        "deflate": lambda: zlib.compress(zeros, 1),
        "zstd": lambda: zstandard.compress(zeros),
    }
    bomb = bombs[encoding]()
    tracemalloc.start()
    with pytest.raises(TooLarge):
        read([bomb], encoding, most_bytes=10**6)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@ENCODINGS
@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-1],
        lambda body: body[: len(body) // 2],
        lambda body: body[:0],
        lambda body: body + b"x",
        lambda body: body + body,
        lambda body: b"x" + body,
    ],
    ids=["end cut off", "half", "nothing", "more behind it", "another behind it", "more before it"],
)
@pytest.mark.parametrize("size", [7, 10**6])
def test_damage_is_told(encoding: str, damage: object, size: int) -> None:
    assert callable(damage)
    with pytest.raises(BadRequest) as refused:
        read(cut(damage(COMPRESSED[encoding]), size), encoding)
    assert refused.value.code == "invalid_encoding"


def test_a_window_that_takes_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(BadRequest):
        read([stream.compress(TEXT) + stream.flush()], "zstd")


def test_encodings_are_found_by_their_names() -> None:
    assert [find_encoding(name) for name in (" GZIP", "x-gzip", "br", "gzip, zstd")] == ["gzip", "gzip", None, None]
