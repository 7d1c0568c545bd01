from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.runtime.switching.workers import (
    Instruction,
    WorkerRecord,
    WorkerState,
    list_live_workers,
    read_instruction,
    withdraw_instruction,
    write_instruction,
)

STATE = WorkerState(pid=7, host="web-1", active="2", held=("1", "2"))
LIVES_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from app.runtime.switching.workers import WorkerRecord, WorkerState
WorkerRecord(Path(sys.argv[1])).open(WorkerState(pid=1, host="web-2"))
print("open", flush=True)
time.sleep(600)
"""


def test_a_worker_is_listed_with_what_it_said_last(tmp_path: Path) -> None:
    record = WorkerRecord(tmp_path)
    record.open(STATE)
    assert list(list_live_workers(tmp_path).values()) == [STATE]
    changed = WorkerState(pid=7, host="web-1", active="1", token="t", outcome="failed", reason="It is damaged.")
    record.write(changed)
    assert list(list_live_workers(tmp_path).values()) == [changed]
    record.close()
    assert list_live_workers(tmp_path) == {}


def test_a_worker_that_was_killed_does_not_count_and_its_files_go(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LIVES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [worker.host for worker in list_live_workers(tmp_path).values()] == ["web-2"]
        process.kill()
    assert list_live_workers(tmp_path) == {}
    assert list((tmp_path / ".workers").glob("*.json")) == []


def test_what_a_worker_of_a_later_release_says_more_is_passed_over(tmp_path: Path) -> None:
    record = WorkerRecord(tmp_path)
    record.open(STATE)
    (file,) = (tmp_path / ".workers").glob("*.json")
    file.write_text(file.read_text().replace("{", '{"later": 1,', 1))
    assert list(list_live_workers(tmp_path).values()) == [STATE]
    record.close()


def test_without_workers_there_are_none(tmp_path: Path) -> None:
    assert list_live_workers(tmp_path) == {}


def test_an_instruction_is_read_until_it_is_withdrawn(tmp_path: Path) -> None:
    instruction = Instruction(token="t", version="3", until=1.5)
    assert read_instruction(tmp_path) is None
    write_instruction(tmp_path, instruction)
    assert read_instruction(tmp_path) == instruction
    withdraw_instruction(tmp_path)
    withdraw_instruction(tmp_path)
    assert read_instruction(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", '{"token": "t"}'])
def test_a_damaged_instruction_is_none(tmp_path: Path, content: str) -> None:
    write_instruction(tmp_path, Instruction(token="t", version="3", until=1.5))
    (tmp_path / ".workers" / "PREPARE").write_text(content)
    assert read_instruction(tmp_path) is None
