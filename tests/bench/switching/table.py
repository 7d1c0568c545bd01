"""The figures of a run as a table of Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.switching.judging import OK
from tests.bench.switching.results import SwitchingResult

_HEAD = ("meanwhile", "answers", "failed", "mixed", "old", "p50 ms", "p99 ms", "slowest ms")


def render_table(result: SwitchingResult) -> str:
    rows = [
        (
            _name(result, phase.kind),
            str(phase.requests),
            str(phase.failed),
            str(phase.mixed),
            str(phase.old),
            f"{phase.p50_ms:.1f}",
            f"{phase.p99_ms:.1f}",
            f"{phase.slowest_ms:.0f}",
        )
        for phase in result.phases
    ]
    lines = [_HEAD, tuple("---" if place == 0 else "--:" for place in range(len(_HEAD))), *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *_describe(result)])


def _name(result: SwitchingResult, kind: str) -> str:
    return "nothing" if kind == "quiet" else kind


def _describe(result: SwitchingResult) -> Iterator[str]:
    yield f"{result.execution}: {result.rate:.0f} of {result.capacity:.0f} requests a second."
    for action in ("activate", "rollback"):
        seconds = result.list_seconds(action)
        if seconds:
            yield f"{action}: {len(seconds)} calls, median {median(seconds):.2f} s, longest {max(seconds):.2f} s."
    refused = [
        f"{call.action} {call.status} {call.document.get('error')}" for call in result.calls if call.status != OK
    ]
    for words in sorted(set(refused)):
        yield f"refused: {refused.count(words)} x {words}."
    for count, workers in result.memory.items():
        sizes = ", ".join(f"{worker.pss:.0f} MB PSS, {worker.rss:.0f} MB RSS" for worker in workers)
        yield f"memory after {count} activations: {sizes}."
    late = sum(phase.late_starts for phase in result.phases)
    yield f"{late} requests began more than 5 ms late in the generator itself."
