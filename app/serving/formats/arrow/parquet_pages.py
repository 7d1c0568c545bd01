"""What the pages of a Parquet file become in memory, by their own heads: a footer may say anything.

A head is a struct of Thrift's compact protocol (parquet-format's PageHeader). It stands before each page, and readers
make as much room as it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_LONGEST_HEAD = 16_384
# Each costs some microseconds to look at.
_MOST_PAGES = 50_000
_UNPACKED_SIZE, _PACKED_SIZE = 2, 3
_STOP, _TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, (4, 5, 6), 7, 8, 12
# Statistics lie in the head of a page of data, which lies in the head of the page.
_DEEPEST = 4
_MASK, _MORE = 0x7F, 0x80


def measure_pages(file: BinaryIO, footer: Any) -> int:
    """The bytes of all pages as they are once they are unpacked.

    Raises:
        ValueError: when a head cannot be read, or there are very many.
    """
    pages = unpacked = 0
    for start, size in _list_chunks(footer):
        place = start
        while place < start + size:
            file.seek(place)
            head = _read_head(file.read(_LONGEST_HEAD))
            place += head.length + head.packed_bytes
            unpacked += head.unpacked_bytes
            pages += 1
            if pages > _MOST_PAGES:
                raise ValueError("too many pages")
    return unpacked


def _list_chunks(footer: Any) -> Iterator[tuple[int, int]]:
    """Where the chunks of all columns begin, and how long they are."""
    for group in range(footer.num_row_groups):
        row_group = footer.row_group(group)
        for position in range(row_group.num_columns):
            column = row_group.column(position)
            first = column.dictionary_page_offset or column.data_page_offset
            yield min(first, column.data_page_offset), column.total_compressed_size


@dataclass(frozen=True)
class _Head:
    length: int
    unpacked_bytes: int
    packed_bytes: int


def _read_head(content: bytes) -> _Head:
    reader = _CompactReader(content)
    sizes = dict(reader.read_integers())
    unpacked, packed = sizes.get(_UNPACKED_SIZE, -1), sizes.get(_PACKED_SIZE, -1)
    if unpacked < 0 or packed < 0:
        raise ValueError("a page without its size")
    return _Head(reader.place, unpacked, packed)


class _CompactReader:
    """Reads one struct; what lies in its members that are structs is passed over."""

    def __init__(self, content: bytes) -> None:
        self.place = 0
        self._content = content
        self._depth = 0

    def read_integers(self) -> Iterator[tuple[int, int]]:
        """Yield the members that are integers, each with its number."""
        number = 0
        while (kind_and_step := self._take_byte()) != _STOP:
            step, kind = divmod(kind_and_step, 16)
            number = number + step if step else self._take_integer()
            if kind in _INTEGERS:
                yield number, self._take_integer()
            else:
                self._pass_over(kind)

    def _pass_over(self, kind: int) -> None:
        if kind == _STRUCT and self._depth < _DEEPEST:
            self._depth += 1
            for _ in self.read_integers():
                pass
            self._depth -= 1
        elif kind == _BINARY:
            length = self._take_varint()
            self.place += length
        elif kind in (_BYTE, _DOUBLE):
            self.place += 1 if kind == _BYTE else 8
        elif kind not in (_TRUE, _FALSE):
            raise ValueError("no member of a page's head is of this kind")

    def _take_byte(self) -> int:
        if self.place >= len(self._content):
            raise ValueError("a head that does not end")
        self.place += 1
        return self._content[self.place - 1]

    def _take_varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._take_byte()
            value |= (byte & _MASK) << shift
            shift += 7
            if not byte & _MORE:
                return value

    def _take_integer(self) -> int:
        """Zigzag: small numbers of either sign are short."""
        value = self._take_varint()
        return value >> 1 ^ -(value & 1)
