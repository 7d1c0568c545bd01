"""`python -m tests.bench.monitoring.cuts`: a log of 1,000 records, cut at every byte and read.

Beside the reader goes one as it is often written: it takes the end of the file for the end of a line.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from app.monitoring.prediction_log.inputs import NoInputs
from app.monitoring.prediction_log.reader import LogReader
from app.monitoring.prediction_log.record import LineWriter
from tests.bench.command import end_with, say
from tests.monitoring.builders import make_answer, make_event

# Where files are pages of memory: this one is written half a million times.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a private directory is made there
_RECORDS_BEFORE = 3


@dataclass
class Findings:
    """Cuts at which something was wrong.

    Attributes:
        wrong_growing: For a reader that looks again after every byte.
        wrong_resumed: For one that starts at every byte, where another one ended some records before.
        wrong_whole, wrong_after: For one that reads all from the beginning, and for the next one, which reads on.
        wrong_naively: For the careless reader.
    """

    cuts: int = 0
    wrong_growing: int = 0
    wrong_resumed: int = 0
    whole_cuts: int = 0
    wrong_whole: int = 0
    wrong_after: int = 0
    wrong_naively: int = 0


@click.command(epilog="Exit code 1: a cut was read wrongly.")
@click.option("--records", default=1000, show_default=True)
@click.option("--whole", default=101, show_default=True, help="At every so many cuts all is read from the beginning.")
def main(records: int, whole: int) -> None:
    """Cut and read; about two minutes."""
    written = write_log(records)
    say(f"{records} records, {len(written)} bytes")
    found = Findings()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as directory:
        log = Path(directory) / "host-1-1-0001.jsonl"
        grow_byte_by_byte(log, written, found)
        say("from the beginning")
        cut_and_read_on(log, written, range(0, len(written) + 1, whole), found)
    click.echo(
        f"{found.cuts} cuts: {found.wrong_growing} read wrongly as it grew, {found.wrong_resumed} from positions\n"
        f"{found.whole_cuts} of them from the beginning: {found.wrong_whole} read wrongly, {found.wrong_after} read on "
        f"wrongly, {found.wrong_naively} by a reader that takes the end of the file for the end of a line"
    )
    end_with(find_broken_promises(found))


def write_log(records: int) -> bytes:
    """As a worker writes it, with a character of several bytes in each line."""
    lines = LineWriter(NoInputs(), with_outputs=True)
    answer = make_answer(labels=["ja – é"], probabilities=[{"no": 0.25, "ja – é": 0.75}])
    return b"".join(lines.write(make_event(answer, request_id=str(number))) for number in range(records))


def grow_byte_by_byte(log: Path, written: bytes, found: Findings) -> None:
    growing, ids = LogReader(log.parent), [str(number) for number in range(written.count(b"\n"))]
    read: list[str] = []
    earlier = [(growing.position, 0)] * _RECORDS_BEFORE
    with log.open("wb", buffering=0) as file:
        for cut in range(len(written) + 1):
            file.write(written[cut - 1 : cut])
            added = list_ids(growing)
            read += added
            position, count = earlier[0]
            found.cuts += 1
            # A line is whole with its last byte.
            found.wrong_growing += read != ids[: len(read)] or len(added) != (written[cut - 1 : cut] == b"\n")
            found.wrong_resumed += list_ids(LogReader(log.parent, position)) != ids[count : len(read)]
            if added:
                earlier = [*earlier[1:], (growing.position, len(read))]
    log.unlink()


def cut_and_read_on(log: Path, written: bytes, cuts: Iterable[int], found: Findings) -> None:
    ids = [str(number) for number in range(written.count(b"\n"))]
    for cut in cuts:
        log.write_bytes(written[:cut])
        opened = LogReader(log.parent)
        before, naively = list_ids(opened), read_naively(log, 0)
        with log.open("ab") as file:
            file.write(written[cut:])
        after = list_ids(LogReader(log.parent, opened.position))
        found.whole_cuts += 1
        found.wrong_whole += before != ids[: written[:cut].count(b"\n")] or opened.damaged_lines > 0
        found.wrong_after += before + after != ids
        found.wrong_naively += naively + read_naively(log, cut) != ids
        log.unlink()


def list_ids(opened: LogReader) -> list[str]:
    return [record["request_id"] for record in opened.read(1_000_000)]


def read_naively(log: Path, start: int) -> list[str]:
    ids = []
    for line in log.read_bytes()[start:].splitlines():
        try:
            ids.append(orjson.loads(line)["request_id"])
        except orjson.JSONDecodeError:
            continue
    return ids


def find_broken_promises(found: Findings) -> Iterator[str]:
    if found.wrong_growing or found.wrong_resumed or found.wrong_whole or found.wrong_after:
        yield "Records were lost, or invented, by reading a log that was cut."
    if not found.wrong_naively:
        yield "The naive reader was right everywhere: this measurement would find nothing."


if __name__ == "__main__":
    main()
