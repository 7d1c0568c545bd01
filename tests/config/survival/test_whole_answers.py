from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.wsgi import Response

from config.survival.whole_answers import WholeAnswer


class Connection:
    """Keeps what is given to the kernel, piece by piece."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, piece: bytes) -> None:
        self.sent.append(piece)


def answer(kind: type[Any], *pieces: bytes, length: int | None = None) -> list[bytes]:
    connection = Connection()
    request = SimpleNamespace(method="POST", version=(1, 1), should_close=lambda: True)
    response = kind(request, connection, SimpleNamespace(is_ssl=False, sendfile=False))
    response.start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
    for piece in pieces:
        response.write(piece)
    response.close()
    return connection.sent


def test_a_small_answer_is_sent_in_one_piece() -> None:
    (sent,) = answer(WholeAnswer, b'{"a":1}', length=7)
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.endswith(b'\r\n\r\n{"a":1}')
    assert len(answer(Response, b'{"a":1}', length=7)) == 2


@pytest.mark.parametrize("pieces", [(b"",), (b"one", b"two"), (b"a" * 100_000,), (b"small", b"a" * 100_000)])
@pytest.mark.parametrize("has_length", [True, False])
def test_the_bytes_are_those_of_gunicorn(pieces: tuple[bytes, ...], has_length: bool) -> None:
    length = len(b"".join(pieces)) if has_length else None
    whole, usual = (b"".join(answer(kind, *pieces, length=length)) for kind in (WholeAnswer, Response))
    assert whole.split(b"\r\n\r\n", 1)[1] == usual.split(b"\r\n\r\n", 1)[1]
    assert {line for line in whole.split(b"\r\n") if not line.startswith(b"Date")} == {
        line for line in usual.split(b"\r\n") if not line.startswith(b"Date")
    }
