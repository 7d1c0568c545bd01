"""docs/reliability.md of what the tests of faults have found: each zero with the number that it is one of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.bench.report.machine import Machine
from tests.bench.report.page import render_table
from tests.flows.faults.rig.scale import Finding


@dataclass(frozen=True)
class Part:
    """Attributes: name: Of its file of tests, and of what `make chaos ONLY=` takes. notes: What a reader must know."""

    name: str
    title: str
    promise: str
    notes: str = ""


PARTS = (
    Part(
        "killed_workers",
        "A worker is killed",
        "Asked directly, only the requests in flight on it fail. Behind nginx 0 of at least 10,000 fail, none is "
        "logged twice, and all workers are ready again within 1 s.",
        "That nothing is logged twice is not certain: where a worker dies after a line was written and before the "
        "answer has left it, another one is asked. Lines are written in the background, so that hardly happens.",
    ),
    Part(
        "killed_servers",
        "All workers or the master are killed",
        "Served again within 10 s under the unit of systemd, and no process is left over.",
        "The test starts the server again as `Restart=` and `RestartSec=` of deploy/systemd/gluonserve.service say. It "
        "kills nothing that is left over, as systemd would: what is left has to go by itself. Until the new master "
        "listens, callers are refused.",
    ),
    Part(
        "hung_predictions",
        "A prediction hangs",
        "All workers serve again within the limit (`GLUONSERVE_HUNG_AFTER`, here 2 s) and one second, and no request "
        "of others fails.",
        "Where a worker stops altogether or keeps the interpreter to itself, requests that are in flight on it get no "
        "answer from it; nginx asks another worker. With 60 % of what two workers can do, the one that is left cannot "
        "keep up for these seconds, and others wait. Between two hangs there are 2 s of calm: where they follow each "
        "other at once, so many wait that some are refused, as [Overload](overload.md) has it.",
    ),
    Part(
        "lethal_requests",
        "A request kills its worker",
        "Each body takes two workers at most and is refused within 10 ms from then on; no other request fails.",
        "Behind nginx both die of the same call: it asks the second worker when the first one has died, and the third "
        "one refuses it. A request that was beside it on both of them is answered by the third.",
    ),
    Part(
        "stopping",
        "The server is stopped and started again",
        "0 requests fail behind nginx, and none when workers are replaced; each server has ended within its grace "
        "period (here 2 s) and one second.",
        "Two servers stand behind nginx, as `server` lines of upstream.conf, and one at a time is stopped, ends, is "
        "started again and is ready before it is the other one's turn: what a rolling update does. With a single "
        "server there is nobody to ask between its end and the next start.",
    ),
    Part(
        "slow_clients",
        "Clients are slow",
        "Behind nginx, p99 of the others is at most 10 ms higher than without them.",
        "A third each sends heads, sends bodies (a byte a second), and asks for a large answer that it never reads. "
        "Whoever is cut off comes again. It holds as long as 60 % stay 60 %: of nine runs on this machine, which other "
        "machines slow down at times, five held; where it became slower by a quarter after its capacity was measured, "
        "p99 rose by 10 to 60 ms, once by 150, and no request failed.",
    ),
    Part(
        "surroundings",
        "What stands around it breaks",
        "No prediction fails.",
        "The database is PostgreSQL. Each request needs Redis (its caller has a limit) and a key of the database; keys "
        "that a worker has seen stay good for five minutes. The disk is a volume of its own that holds models, logs "
        "and all other state.",
    ),
)


def read_findings(directory: Path) -> list[Finding]:
    return [Finding(**orjson.loads(path.read_bytes())) for path in sorted(directory.glob("*.json"))]


def render_page(findings: Sequence[Finding], machine: Machine) -> str:
    sections = (section for part in PARTS for section in _render_part(part, findings))
    return "\n\n".join([*_render_introduction(findings, machine), *sections]) + "\n"


def render_summary(findings: Iterable[Finding]) -> str:
    """A line for each finding, for a terminal."""
    return "\n".join(
        f"{'holds' if finding.holds else 'FAILS'}  {_name(finding)}: {_describe_failed(finding)}; {_describe(finding)}"
        for finding in findings
    )


def _render_introduction(findings: Sequence[Finding], machine: Machine) -> Iterator[str]:
    yield "# What breaks, and who notices"
    yield (
        "Written by `make chaos` from its run: real processes, the real nginx with deploy/nginx, Redis and PostgreSQL. "
        "`make chaos ONLY=slow_clients` runs one part. The same tests, shorter, are part of the suite "
        "(tests/flows/faults)."
    )
    yield (
        f"Measured from {min(finding.at for finding in findings)} to {max(finding.at for finding in findings)} (UTC): "
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:.0f} GB of memory, {machine.system}, "
        f"Python {machine.python}. Callers, nginx and the server share these cores."
    )
    yield (
        "The load is 60 % of what the server answers to 8 callers, measured at the start of each test; controls are "
        "shorter and take less. Requests begin at a constant rate, whatever becomes of the others; a latency counts "
        "from when a request was due. The model is an ensemble of all families of tiny models, as a compiled plan; "
        "where it has to be caught in the act or made to hang, each prediction waits for 20 or 100 ms besides.\n\n"
        "**0 of n** proves no more than that fewer than 3 / n fail, with a confidence of 95 %: that is the figure in "
        "brackets. Each check was also made with its guard switched off, and had to find something then."
    )


def _render_part(part: Part, findings: Sequence[Finding]) -> Iterator[str]:
    own = [finding for finding in findings if finding.part == part.name]
    yield f"## {part.title}"
    yield part.promise
    rows = [
        (finding.fault, _describe_failed(finding), _describe(finding), _mark(finding))
        for finding in own
        if finding.guard is None
    ]
    yield render_table(("what was done", "failed", "measured", "holds"), rows)
    controls = [
        (str(finding.guard), finding.fault, _describe_failed(finding), _describe(finding), _mark(finding))
        for finding in own
        if finding.guard is not None
    ]
    if controls:
        yield render_table(("without", "what was done", "failed", "measured", "found"), controls)
    if part.notes:
        yield part.notes


def _name(finding: Finding) -> str:
    return f"{finding.fault} (without {finding.guard})" if finding.guard else finding.fault


def _mark(finding: Finding) -> str:
    return "yes" if finding.holds else "**no**"


def _describe(finding: Finding) -> str:
    return "; ".join(f"{name}: {value}" for name, value in finding.measured.items()) or "–"


def _describe_failed(finding: Finding) -> str:
    if not finding.requests:
        return "–"
    counted = f"{finding.failed:,} of {finding.requests:,}"
    return counted if finding.failed else f"{counted} (< {3 / finding.requests:.2%})"
