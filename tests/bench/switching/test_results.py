from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.load.open_loop import Answer
from tests.bench.servers.processes import WorkerMemory
from tests.bench.switching.judging import Faults
from tests.bench.switching.operator import Call
from tests.bench.switching.results import PhaseResult, SwitchingResult, summarise
from tests.bench.switching.table import render_table

QUIET = PhaseResult(
    kind="quiet",
    requests=1000,
    failed=0,
    mixed=0,
    old=0,
    late_starts=1,
    p50_ms=2.0,
    p99_ms=10.0,
    slowest_ms=40.0,
    examples=[],
)
SWITCHING = replace(QUIET, kind="activations", requests=500)
GOOD = SwitchingResult(
    execution="plan",
    capacity=100.0,
    rate=60.0,
    phases=[QUIET, SWITCHING],
    calls=[
        Call("activate", 200, {"version": "2"}, 0.5),
        Call("activate", 200, {"version": "1"}, 1.5),
        Call("rollback", 409, {"error": "activation_in_progress"}, 0.1),
    ],
    memory={3: [WorkerMemory(pss=100.0, rss=120.0)], 50: [WorkerMemory(pss=104.0, rss=125.0)]},
)


def make_answer(latency_ms: float, *, late_ms: float = 0.0) -> Answer:
    return Answer(0, 10.0, 10.0 + late_ms / 1000, 10.0 + latency_ms / 1000, 200, b"")


def test_a_phase_is_summed_up_with_latencies_from_when_requests_were_due() -> None:
    answers = [make_answer(1.0), make_answer(2.0), make_answer(30.0, late_ms=20.0)]
    found = summarise("rollbacks", answers, Faults(failed=["a", "b"], mixed=["c"], old=[]))
    assert (found.requests, found.failed, found.mixed, found.old, found.late_starts) == (3, 2, 1, 0, 1)
    assert found.examples == ["a", "b", "c"]
    assert [found.p50_ms, found.slowest_ms] == pytest.approx([2.0, 30.0])


def test_a_good_run_breaks_no_promise() -> None:
    assert list(GOOD.find_broken_promises()) == []


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (replace(SWITCHING, failed=1, examples=["503: x"]), "activations: 1 of 500 answers failed: 503: x"),
        (replace(SWITCHING, mixed=2), "activations: 2 of 500 answers mixed: "),
        (replace(SWITCHING, old=3), "activations: 3 of 500 answers old: "),
        (replace(SWITCHING, p99_ms=30.5), "activations: p99 is 30 ms, without switching it is 10 ms"),
        (replace(SWITCHING, slowest_ms=101.0), "activations: the slowest answer took 101 ms"),
    ],
)
def test_whatever_does_not_hold_is_said(broken: PhaseResult, sentence: str) -> None:
    assert list(replace(GOOD, phases=[QUIET, broken]).find_broken_promises()) == [sentence]


def test_growing_memory_is_said() -> None:
    grown = replace(GOOD, memory={**GOOD.memory, 50: [WorkerMemory(pss=106.0, rss=127.0)]})
    assert list(grown.find_broken_promises()) == ["memory grew by 6.0% from the third to the fiftieth activation"]
    assert replace(GOOD, memory={3: GOOD.memory[3]}).memory_added is None


def test_the_table_holds_every_phase_and_what_else_was_found() -> None:
    assert render_table(GOOD).splitlines() == [
        "| meanwhile | answers | failed | mixed | old | p50 ms | p99 ms | slowest ms |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        "| nothing | 1000 | 0 | 0 | 0 | 2.0 | 10.0 | 40 |",
        "| activations | 500 | 0 | 0 | 0 | 2.0 | 10.0 | 40 |",
        "",
        "plan: 60 of 100 requests a second.",
        "activate: 2 calls, median 1.00 s, longest 1.50 s.",
        "refused: 1 x rollback 409 activation_in_progress.",
        "memory after 3 activations: 100 MB PSS, 120 MB RSS.",
        "memory after 50 activations: 104 MB PSS, 125 MB RSS.",
        "2 requests began more than 5 ms late in the generator itself.",
    ]
