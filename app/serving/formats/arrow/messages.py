"""What the head of one message in an Arrow stream says, before its body is decoded (Arrow's format/Message.fbs)."""

from __future__ import annotations

import struct

from pyarrow.lib import Message

# Members of the tables of Message.fbs by their places.
_HEADER_OF_MESSAGE = 2
_BATCH_OF_DICTIONARY = 1
_COMPRESSION_OF_BATCH = 3


def is_compressed(message: Message) -> bool:
    """Whether the buffers of a record batch, or of a dictionary, are compressed.

    Arrow has checked the head by its grammar when it read the message, so every offset in it leads into it.
    """
    if message.type not in ("record batch", "dictionary"):
        return False
    head = memoryview(message.metadata)
    batch = _follow(head, _find_member(head, _follow(head, 0), _HEADER_OF_MESSAGE))
    if message.type == "dictionary":
        batch = _follow(head, _find_member(head, batch, _BATCH_OF_DICTIONARY))
    return _find_member(head, batch, _COMPRESSION_OF_BATCH) != 0


def _follow(head: memoryview, place: int) -> int:
    """Where the offset at a place leads."""
    (offset,) = struct.unpack_from("<I", head, place)
    return place + int(offset)


def _find_member(head: memoryview, table: int, position: int) -> int:
    """Where a table of a flatbuffer holds its member; 0 when it has none."""
    (back,) = struct.unpack_from("<i", head, table)
    layout = table - back
    (size,) = struct.unpack_from("<H", head, layout)
    entry = 4 + 2 * position
    if entry >= size:
        return 0
    (offset,) = struct.unpack_from("<H", head, layout + entry)
    return table + int(offset) if offset else 0
