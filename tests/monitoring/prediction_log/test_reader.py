from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.monitoring.prediction_log import reader
from app.monitoring.prediction_log.reader import LogReader, Position

RECORDS = 12


def make_lines(count: int, *, start: int = 0, more: str = "é\u2028") -> bytes:
    return b"".join(
        orjson.dumps({"kind": "request", "request_id": n, "more": more}) + b"\n" for n in range(start, count)
    )


def list_ids(records: list[dict[str, Any]]) -> list[int]:
    return [record["request_id"] for record in records]


def append(path: Path, added: bytes) -> None:
    with path.open("ab") as file:
        file.write(added)


def test_a_log_cut_at_any_byte_gives_its_whole_records_and_goes_on_from_there(tmp_path: Path) -> None:
    whole = make_lines(RECORDS)
    log = tmp_path / "host-1-1-0001.jsonl"
    for cut in range(len(whole) + 1):
        log.write_bytes(whole[:cut])
        opened = LogReader(tmp_path)
        first = list_ids(opened.read(100))
        assert first == list(range(whole[:cut].count(b"\n")))
        assert (opened.read(100), opened.lag_bytes, opened.damaged_lines) == ([], 0, 0)
        append(log, whole[cut:])
        assert first + list_ids(LogReader(tmp_path, opened.position).read(100)) == list(range(RECORDS))
        assert first + list_ids(opened.read(100)) == list(range(RECORDS))
        log.unlink()


def test_reading_stops_at_the_most_and_goes_on_in_another_process(tmp_path: Path) -> None:
    for file in range(3):
        (tmp_path / f"host-{file}-1-0001.jsonl").write_bytes(make_lines(100 * file + 100, start=100 * file))
    read: list[int] = []
    position = Position()
    while True:
        opened = LogReader(tmp_path, Position.from_state(orjson.loads(orjson.dumps(position.to_state()))))
        records = opened.read(7)
        assert (opened.lag_bytes == 0) == (len(read) + len(records) == 300)
        if not records:
            break
        assert len(records) <= 7
        read += list_ids(records)
        position = opened.position
    assert sorted(read) == list(range(300))


def test_reading_stops_when_records_have_taken_the_most_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK_BYTES", 200)
    append(tmp_path / "a.jsonl", make_lines(50))
    log = LogReader(tmp_path)
    records = log.read(1000, most_bytes=500)
    assert 0 < len(records) < 50
    assert log.lag_bytes > 0
    while log.lag_bytes:
        records += log.read(1000, most_bytes=500)
    assert list_ids(records) == list(range(50))


def test_lines_that_are_no_records_are_passed_over_and_counted(tmp_path: Path) -> None:
    strange = [b"{", b"[]", b'"kind"', b"{}", b'{"kind":1}', b"\xff\xfe", b"\0" * 50, b'{"kind":"request"}{"kind":']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*strange, b"", make_lines(1)]))
    (tmp_path / "others.txt").write_bytes(make_lines(1))
    opened = LogReader(tmp_path)
    assert (list_ids(opened.read(100)), opened.damaged_lines) == ([0], len(strange))


def test_lines_longer_than_a_piece_of_the_file_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK_BYTES", 50)
    (tmp_path / "a.jsonl").write_bytes(make_lines(3, more="x" * 1000) + make_lines(5, start=3))
    assert list_ids(LogReader(tmp_path).read(100)) == [0, 1, 2, 3, 4]


def test_a_line_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CHUNK_BYTES", 50)
    monkeypatch.setattr(reader, "LONGEST_LINE_BYTES", 1000)
    log = tmp_path / "a.jsonl"
    log.write_bytes(b"x" * 5000)
    opened = LogReader(tmp_path)
    assert (opened.read(10), opened.damaged_lines) == ([], 1)
    append(log, b"x\n" + make_lines(1))
    assert (list_ids(opened.read(10)), opened.damaged_lines) == ([0], 2)


def test_files_that_go_or_shrink_take_nothing_from_others(tmp_path: Path) -> None:
    going, staying, shrinking = (tmp_path / f"{name}.jsonl" for name in ("going", "staying", "shrinking"))
    for path in (going, staying, shrinking):
        path.write_bytes(make_lines(3))
    opened = LogReader(tmp_path)
    assert len(opened.read(100)) == 9
    going.unlink()
    shrinking.write_bytes(make_lines(2))
    append(staying, make_lines(4, start=3))
    assert list_ids(opened.read(100)) == [3]
    assert sorted(opened.position.files) == ["shrinking.jsonl", "staying.jsonl"]
    going.write_bytes(make_lines(9, start=8))
    assert list_ids(opened.read(100)) == [8]


def test_where_nothing_was_logged_yet_nothing_is_read(tmp_path: Path) -> None:
    assert LogReader(tmp_path / "missing").read(10) == []
