"""Bodies of JSON with faults in them: a good one changed in its values, in its text, or in single bytes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

# Values that readers of JSON or of tables have fallen over. Each stands for a text that is put where a value was.
HOSTILE_VALUES: tuple[bytes, ...] = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"1e-999",
    b"9223372036854775808",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"1" * 400,
    b"1" + b"0" * 5000,
    b"0." + b"3" * 4000,
    b"-0",
    b"-0.0",
    b"01",
    b"0x10",
    b"1_000",
    b"+1",
    b".5",
    b"5.",
    b"1e",
    b"true",
    b"null",
    b"[]",
    b"{}",
    b"[[[[[[]]]]]]",
    b'{"a": {"b": {"c": 1}}}',
    b'""',
    b'" "',
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b'"\xef\xbf\xbf"',
    b'"\\u202e\\u2066"',
    b'"\\x41"',
    b'"\n"',
    b'"1e999"',
    b'"NaN"',
    b'"nan"',
    b'"inf"',
    b'"0x1F"',
    b'"1_0"',
    '"١٢٣"'.encode(),
    '"１２"'.encode(),
    b'"9999-99-99"',
    b'"0000-00-00"',
    b'"99999-01-01"',
    b'"-0001-01-01T00:00:00Z"',
    b'"2024-02-30"',
    b'"2024-01-01T25:61:61+99:99"',
    b'"1677-01-01"',
    b'"2262-04-12"',
    b'"\'; DROP TABLE api_keys; --"',
    b'"{{7*7}}${7*7}<%= 7*7 %>"',
    b'"%s%n%x"',
    b'"__import__(1)"',
    b'"<script>alert(1)</script>"',
    b'"../../../../x"',
    b'"\\\\\\\\host\\\\share"',
    b'"' + b"A" * 20_000 + b'"',
    b'"' + "\u0300".encode() * 5000 + b'"',
    b'"' + b"\\u0041" * 2000 + b'"',
    b'"' + b" " * 20_000 + b'"',
    b'"' + b"9" * 10_000 + b'"',
)
_TOKENS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b'"',
    b"\\",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff",
    b"//",
    b"/*",
    b"\r\n",
    b"'",
)
_MARK = "\ue000mark\ue000"
_DEPTHS = (20, 200, 990, 1024, 1500, 20_000)

Row = dict[str, Any]


class BodyMutator:
    """Makes bodies for POST /predict out of good rows, the same ones for the same seed."""

    def __init__(self, rows: Sequence[Row], *, seed: int) -> None:
        self._rows = rows
        self._chooser = random.Random(seed)

    def make_body(self) -> bytes:
        changes: tuple[Callable[[], bytes], ...] = (
            self._replace_value,
            self._replace_value,
            self._change_names,
            self._change_envelope,
            self._nest,
            self._change_bytes,
            self._change_bytes,
            self._write_otherwise,
        )
        return self._chooser.choice(changes)()

    def _choose_rows(self) -> list[Row]:
        return copy.deepcopy(self._chooser.choices(self._rows, k=self._chooser.choice((1, 1, 1, 2, 5))))

    def _write(self, rows: Any) -> bytes:
        return json.dumps({"data": rows}).encode()

    def _replace_value(self) -> bytes:
        """Some values of some rows become hostile ones."""
        rows = self._choose_rows()
        marks: list[bytes] = []
        for _ in range(self._chooser.choice((1, 1, 2, 10))):
            row, text = self._chooser.choice(rows), f"{_MARK}{len(marks)}"
            row[self._chooser.choice(list(row))] = text
            marks.append(json.dumps(text).encode())
        body = self._write(rows)
        for mark in marks:
            body = body.replace(mark, self._chooser.choice(HOSTILE_VALUES))
        return body

    def _change_names(self) -> bytes:
        """A name is left out, written otherwise, there twice, very long, or there are thousands."""
        rows = self._choose_rows()
        row = self._chooser.choice(rows)
        name = self._chooser.choice(list(row))
        value, way = row.pop(name), self._chooser.randrange(6)
        if way == 1:
            row[self._chooser.choice((name + " ", name.upper(), name[1:], "", "\x00", "\ud800", "__proto__"))] = value
        elif way == 2:
            row[name * 300] = value
        elif way == 3:
            row.update({f"{name}{number}": number for number in range(self._chooser.choice((10, 3000)))})
        elif way in (4, 5):
            written = json.dumps(name).encode() + b": "
            return self._write([{name: value, **row}]).replace(written, written + b"1, " + written, 1)
        return self._write(rows)

    def _change_envelope(self) -> bytes:
        rows = json.dumps(self._choose_rows()).encode()
        value = self._chooser.choice(HOSTILE_VALUES)
        return self._chooser.choice(
            (
                b"",
                b" \t\r\n",
                value,
                rows,
                b'{"data": ' + value + b"}",
                b'{"data": [' + value + b"]}",
                b'{"data": ' + rows + b', "data": ' + rows + b"}",
                b'{"data": ' + rows + b', "threshold": ' + value + b"}",
                b'{"data": ' + rows + b"} " + value,
                b'{"data": ' + rows + b"}" + b"\0" * 40,
                b'{"dta": ' + rows + b"}",
                b'{"data": [' + b"{}, " * 3000 + b"{}]}",
                b'{"data": [' + b"null," * 3000 + b"1]}",
                b"\xef\xbb\xbf" + b'{"data": ' + rows + b"}",
            )
        )

    def _nest(self) -> bytes:
        depth = self._chooser.choice(_DEPTHS)
        opened, closed = self._chooser.choice(((b"[", b"]"), (b'{"data":', b"}"), (b'{"data":[', b"]}")))
        shut = self._chooser.choice((depth, depth, depth - 1, 0))
        return opened * depth + self._chooser.choice((b"", b"1", b"{}")) + closed * shut

    def _change_bytes(self) -> bytes:
        return change_bytes(self._write(self._choose_rows()), self._chooser)

    def _write_otherwise(self) -> bytes:
        """The same document in another encoding or another format."""
        body = self._write(self._choose_rows())
        text = body.decode()
        return self._chooser.choice(
            (
                text.encode("utf-16"),
                text.encode("utf-16-le"),
                text.encode("utf-32"),
                text.replace('"', "'").encode(),
                text.replace(",", ",,").encode(),
                text.replace("}", ",}").encode(),
                text.replace(" ", "\u00a0").encode(),
                b"data=" + body,
                b"<data>" + body + b"</data>",
                b"\x1f\x8b\x08" + body,
                b"\x93NUMPY" + body,
                b"PAR1" + body + b"PAR1",
                body[::-1],
            )
        )


def change_bytes(body: bytes, chooser: random.Random) -> bytes:
    """Flip bytes, leave some out, double, insert, replace or cut them off."""
    changed = bytearray(body)
    for _ in range(chooser.choice((1, 1, 2, 8))):
        if len(changed) < 2:  # Nothing is left to change.
            break
        place = chooser.randrange(len(changed))
        end = min(len(changed), place + chooser.randrange(1, 40))
        way = chooser.randrange(6)
        if way == 0:
            changed[place] ^= 1 << chooser.randrange(8)
        elif way == 1:
            del changed[place:end]
        elif way == 2:
            changed[place:place] = changed[place:end]
        elif way == 3:
            changed[place:place] = chooser.choice(_TOKENS)
        elif way == 4:
            changed[place:end] = chooser.randbytes(end - place)
        else:
            del changed[max(place, 1) :]
    return bytes(changed)
