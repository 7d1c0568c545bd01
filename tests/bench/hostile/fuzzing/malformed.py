"""Requests that break the rules of HTTP in one place, or whose bytes are damaged anywhere in their head."""

from __future__ import annotations

import random

_REQUEST_LINES = (
    b"",
    b"\r\n\r\n\r\n",
    b"GET",
    b"GET /health",
    b"GET /health HTTP/9.9",
    b"GET /health HTTP/0.9",
    b"GET /health HTTP/1.0",
    b"GET /health HTTP/2.0",
    b"GET  /health  HTTP/1.1",
    b"GET /health HTTP/1.1 x",
    b"GET /he alth HTTP/1.1",
    b"GET /health\tHTTP/1.1",
    b"G\0T /health HTTP/1.1",
    b"(GET) /health HTTP/1.1",
    b"POST /predict HTTP/1.1\rX: 1",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    b"A" * 70_000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /health HTTP/1.1",
    b"\r\n\r\n\x00\r\nQUIT\n",
)
_HEADER_LINES = (
    b"no colon at all",
    b": no name",
    b"Space : 1",
    b" Folded: 1",
    b"X: 1\r\n folded",
    b"X\0: 1",
    b"X: \0",
    b"X: a\rb",
    b"X: a\nb",
    b"X\xff: 1",
    b"Transfer_Encoding: chunked",
    b"Host: a\r\nHost: b",
    b"Host: a b",
    b"Expect: 100-continue",
    b"Expect: the-unexpected",
    b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    b"X: " + b"a" * 9000,
    b"X: " + b"a" * 200_000,
    b"\r\n".join(b"X%d: 1" % number for number in range(150)),
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http",
    b"X-Forwarded-Protocol: ssl\r\nX-Forwarded-Ssl: off",
    b"Script-Name: /x",
    b"Script_Name: /x",
)
# {size} is the true length, {more} and {half} are not.
_LENGTH_LINES = (
    "X: 1",
    "Content-Length: -1",
    "Content-Length: +{size}",
    "Content-Length: 0x1f",
    "Content-Length: 1e3",
    "Content-Length: 1_0",
    "Content-Length: ",
    "Content-Length: 999999999999999999999999999999",
    "Content-Length: 99999999999",
    "Content-Length: 0",
    "Content-Length: {more}",
    "Content-Length: {half}",
    "Content-Length: {size}\r\nContent-Length: {size}",
    "Content-Length: {size}\r\nContent-Length: 1",
    "Content-Length: {size}, {size}",
    "Content-Length: \xb2",
    "Content-Length: {size}\r\nTransfer-Encoding: chunked",
)
_CODINGS = (
    b"chunked",
    b"chunked",
    b"chunked",
    b"gzip",
    b"identity",
    b"xchunked",
    b"chunked, chunked",
    b"chunked, gzip",
)
_INSERTED = (b"\r\n", b"\n", b"\0", b":", b" ", b"\xff")


def break_request(good: bytes, chooser: random.Random) -> bytes:
    breaks = (_break_request_line, _break_header, _break_length, _break_chunks, _damage_head)
    return chooser.choice(breaks)(good, chooser)


def _break_request_line(good: bytes, chooser: random.Random) -> bytes:
    return chooser.choice(_REQUEST_LINES) + b"\r\n" + good.partition(b"\r\n")[2]


def _break_header(good: bytes, chooser: random.Random) -> bytes:
    first, _, rest = good.partition(b"\r\n")
    return first + b"\r\n" + chooser.choice(_HEADER_LINES) + b"\r\n" + rest


def _break_length(good: bytes, chooser: random.Random) -> bytes:
    head, body = _drop_length(good)
    line = chooser.choice(_LENGTH_LINES).format(size=len(body), more=len(body) + 10, half=len(body) // 2)
    return head + b"\r\n" + line.encode("latin-1") + b"\r\n\r\n" + body


def _break_chunks(good: bytes, chooser: random.Random) -> bytes:
    head, body = _drop_length(good)
    size = b"%x" % len(body)
    end = b"\r\n0\r\n\r\n"
    chunks = (
        size + b"\r\n" + body + end,
        size + b"\r\n" + body + b"\r\n",
        size + b";" + b"x" * 5000 + b"\r\n" + body + end,
        b"-1\r\n" + body + end,
        b"0x" + size + b"\r\n" + body + end,
        b"+" + size + b"\r\n" + body + end,
        b"zz\r\n" + body,
        b"f" * 20 + b"\r\n" + body,
        size + b"\r\n" + body + b"XX0\r\n\r\n",
        size + b"\n" + body + b"\n0\n\n",
        b"1\r\n" + body[:1] + b"\r\n" * 3 + end,
        b"".join(b"1\r\n%c\r\n" % byte for byte in body[:500]) + end[2:],
        size + b"\r\n" + body + b"\r\n0\r\nX-API-Key: trailer\r\n\r\n",
        b"0\r\n\r\n",
        b"",
    )
    return head + b"\r\nTransfer-Encoding: " + chooser.choice(_CODINGS) + b"\r\n\r\n" + chooser.choice(chunks)


def _damage_head(good: bytes, chooser: random.Random) -> bytes:
    damaged = bytearray(good)
    length = good.find(b"\r\n\r\n")
    for _ in range(chooser.choice((1, 2, 5, 20))):
        place = chooser.randrange(length)
        if chooser.random() < 0.5:
            damaged[place] = chooser.randrange(256)
        else:
            damaged[place:place] = chooser.choice(_INSERTED)
    return bytes(damaged[: chooser.choice((len(damaged), len(damaged), length // 2))])


def _drop_length(good: bytes) -> tuple[bytes, bytes]:
    head, _, body = good.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join(lines), body
