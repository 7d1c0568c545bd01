"""What is sent: rows that were never sent before, rows that come again, and requests with something new to refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, overload

import orjson

from app.security.keys.format import make_key_text
from tests.bench.load.requests import frame_request

_KINDS = 50
_SEVERAL_ROWS = 20
_COUNT = 1_000_000
_YES_AND_NO = 2
# The key has no permission for metrics, which are read from here without one.
_QUESTIONS = (("/health/ready", ""), ("/model/info", "X-API-Key: {}\r\n"), ("/metrics", ""))


class Mixture(Sequence[bytes]):
    """Requests without an end to their differences, each made when it is asked for.

    One of ten names something that no request has named before: an address, a key, a field, a category, an id. Whoever
    remembers such names without a bound grows.

    Args:
        rows: What the model takes, as callers send it.
    """

    def __init__(self, rows: Sequence[dict[str, Any]], *, key: str) -> None:
        self._rows = rows
        self._key = key
        self._first = 0
        self._number = next(name for name, value in rows[0].items() if isinstance(value, float))
        self._category = find_category(rows)

    def starting_at(self, first: int) -> Mixture:
        later = copy(self)
        later._first = first
        return later

    def __len__(self) -> int:
        return _COUNT

    @overload
    def __getitem__(self, position: int) -> bytes: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[bytes]: ...

    def __getitem__(self, position: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(position, slice):
            return [self[place] for place in range(*position.indices(len(self)))]
        if not 0 <= position < _COUNT:
            raise IndexError(position)
        number = self._first + position
        _, make = _SPECIAL.get(number % _KINDS, _USUAL)
        return make(self, number)

    def count_statuses(self, sent: int) -> Counter[int]:
        """What the first so many requests have to be answered with."""
        return Counter(_SPECIAL.get((self._first + n) % _KINDS, _USUAL)[0] for n in range(sent))

    def _make_usual(self, number: int) -> bytes:
        # One of two is among few that come again and again: the cache has something to find.
        return self._predict(
            [self._rows[number % len(self._rows)] if number % 2 else self._make_new_row(number)], number
        )

    def _make_several(self, number: int) -> bytes:
        return self._predict(
            [self._make_new_row(number * _SEVERAL_ROWS + place) for place in range(_SEVERAL_ROWS)], number
        )

    def _make_unseen_category(self, number: int) -> bytes:
        return self._predict([{**self._make_new_row(number), self._category: f"never seen {number}"}], number)

    def _make_unknown_field(self, number: int) -> bytes:
        return self._predict([{**self._make_new_row(number), f"field_{number}": number}], number)

    def _make_wrong_type(self, number: int) -> bytes:
        return self._predict([{**self._make_new_row(number), self._number: f"no number {number}"}], number)

    def _make_unknown_key(self, number: int) -> bytes:
        return frame_request(self._write([self._make_new_row(number)]), str(make_key_text()))

    def _make_no_document(self, number: int) -> bytes:
        return frame_request(b'{"data": [%d' % number, self._key)

    def _make_unknown_address(self, number: int) -> bytes:
        return f"GET /nothing/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def _make_question(self, number: int) -> bytes:
        path, header = _QUESTIONS[number // _KINDS % len(_QUESTIONS)]
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header.format(self._key)}\r\n".encode()

    def _make_new_row(self, number: int) -> dict[str, Any]:
        row = self._rows[number % len(self._rows)]
        return {**row, self._number: (row[self._number] or 0.0) + number * 1e-5}

    def _predict(self, rows: list[dict[str, Any]], number: int) -> bytes:
        return frame_request(self._write(rows), self._key, headers=f"X-Request-ID: soak-{number}\r\n")

    def _write(self, rows: list[dict[str, Any]]) -> bytes:
        return orjson.dumps({"data": rows})


def find_category(rows: Sequence[dict[str, Any]]) -> str:
    """The feature that has the fewest values, all texts, of those with more than two: two may stand for yes and no."""
    values = {name: {row[name] for row in rows} - {None} for name in rows[0]}
    categories = [
        name for name, found in values.items() if len(found) > _YES_AND_NO and all(isinstance(it, str) for it in found)
    ]
    return min(categories, key=lambda name: len(values[name]))


_Make = Callable[[Mixture, int], bytes]
_USUAL: tuple[int, _Make] = (200, Mixture._make_usual)
# By what is left of the number of a request when it is divided by the number of kinds.
_SPECIAL: dict[int, tuple[int, _Make]] = {
    4: (200, Mixture._make_several),
    9: (200, Mixture._make_unseen_category),
    14: (200, Mixture._make_unknown_field),
    19: (422, Mixture._make_wrong_type),
    24: (401, Mixture._make_unknown_key),
    29: (400, Mixture._make_no_document),
    34: (404, Mixture._make_unknown_address),
    39: (200, Mixture._make_question),
}
