from __future__ import annotations

import pytest

from tests.bench.report.targets import Verdict, judge
from tests.bench.results import AnswerCheck, Growth, GrowthPoint, Sample, SubjectResult
from tests.bench.scope import NATIVE, NOOP, PLAN, TUTORIAL, Load
from tests.bench.servers.processes import WorkerMemory
from tests.bench.servers.running import StartTimes

LOADS = (Load(1, 1), Load(1, 8), Load(1, 32), Load(10_000, 1))
SPEEDS = {NOOP: (2000.0, 2000.0), PLAN: (1200.0, 1300.0), NATIVE: (100.0,), TUTORIAL: (2.0,)}


def make_samples(server: str, load: Load) -> list[Sample]:
    return [
        Sample(server, load, number, 100, 0, 1.0, speed / load.rows, 1000 / speed, 5.0)
        for number, speed in enumerate(SPEEDS[server])
    ]


def make_result(name: str) -> SubjectResult:
    return SubjectResult(
        name=name,
        has_plan=True,
        samples=[sample for server in SPEEDS for load in LOADS for sample in make_samples(server, load)],
        left_out={},
        starts={PLAN: StartTimes(0.5, 0.4, "Serving churn version 1")},
        memory={"one_row": {PLAN: [WorkerMemory(50, 90), WorkerMemory(60, 100)]}},
        in_process_seconds=[10.0, 20.0],
        checks={PLAN: AnswerCheck(100, 0, 0.0)},
        faults={},
    )


def make_growth(*, largest_ms: float) -> Growth:
    points = [GrowthPoint("LightGBM", 100, 10, 1.0, 9.0), GrowthPoint("LightGBM", 400, 40, largest_ms, 9.0)]
    return Growth(1000, points, points)


def judge_churn() -> list[Verdict]:
    return judge({"churn_ens": make_result("churn_ens")}, None)


def find(verdicts: list[Verdict], start: str) -> Verdict:
    return next(verdict for verdict in verdicts if verdict.promise.startswith(start))


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    found = find(judge_churn(), "churn_ens, c=8: requests/s of the plan to the no")
    assert found.measured == pytest.approx(0.625)
    assert found.holds is True


def test_only_rounds_that_both_servers_have_are_compared() -> None:
    found = find(judge_churn(), "churn_ens, c=8: requests/s of the plan to the tut")
    assert found.measured == pytest.approx(600)


def test_latency_and_memory_have_an_upper_limit() -> None:
    verdicts = judge_churn()
    latency, memory = find(verdicts, "churn_ens, c=1: p50"), find(verdicts, "churn_ens: resident")
    assert (latency.holds, memory.measured, memory.holds) == (True, 100, True)
    assert Verdict("", 2, False, 2.1).holds is False


def test_what_was_not_measured_neither_holds_nor_fails() -> None:
    assert find(judge_churn(), "hpc_ens").holds is None


@pytest.mark.parametrize(("largest_ms", "holds"), [(3.9, True), (4.1, False)])
def test_four_times_the_size_may_take_four_times_as_long(largest_ms: float, holds: bool) -> None:
    assert find(judge({}, make_growth(largest_ms=largest_ms)), "Growth of the plan's time with trees").holds is holds
