"""What is remembered and what it takes."""

from __future__ import annotations

import os
import tracemalloc

from app.serving.cache.memory import ENTRY_BYTES, RowMemory


def name_row(position: int, owner: bytes = b"a") -> bytes:
    return owner + position.to_bytes(39, "big")


def test_what_was_used_last_is_kept() -> None:
    memory = RowMemory(most_bytes=3 * (ENTRY_BYTES + 4))
    for position in range(3):
        memory.remember({name_row(position): b"yes!"})
    memory.find([name_row(0)])
    memory.remember({name_row(3): b"no!!"})
    assert memory.find(map(name_row, range(4))) == {name_row(0): b"yes!", name_row(2): b"yes!", name_row(3): b"no!!"}
    assert memory.evicted == 1


def test_what_is_remembered_anew_takes_its_room_once() -> None:
    memory = RowMemory(most_bytes=10_000)
    for content in (b"a", b"abc"):
        memory.remember({name_row(1): content})
    assert memory.used_bytes == ENTRY_BYTES + 3
    assert memory.find([name_row(1)]) == {name_row(1): b"abc"}


def test_what_belongs_to_one_is_forgotten_and_nothing_else() -> None:
    memory = RowMemory(most_bytes=10_000)
    memory.remember({name_row(1, b"a"): b"1", name_row(2, b"b"): b"2"})
    memory.forget(b"a")
    assert memory.find([name_row(1, b"a"), name_row(2, b"b")]) == {name_row(2, b"b"): b"2"}
    assert memory.used_bytes == ENTRY_BYTES + 1


def test_it_takes_no_more_room_than_it_was_given() -> None:
    memory = RowMemory(most_bytes=2_000_000)
    tracemalloc.start()
    try:
        for position in range(10_000):
            memory.remember({os.urandom(20) + position.to_bytes(20, "big"): os.urandom(60)})
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.5 * memory.most_bytes < taken <= memory.most_bytes
