"""The arithmetic of the sizing guide, and that the page shows what it comes to."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.sizing.capacity import MEASURED, Request, interpolate, main, plan, read_request
from tests.rules.repository import ROOT

PAGE = ROOT / "docs" / "deploy" / "sizing.md"
_EXAMPLE = re.compile(r"^    \$ python deploy/sizing/capacity\.py (.+)\n((?:    .+\n)+)", re.MULTILINE)
REQUEST = Request(
    rows=1,
    cpu_ms=1.0,
    nginx_cpu_ms=0.2,
    redis_cpu_ms=0.05,
    watcher_cpu_ms=0.0,
    request_bytes=500,
    answer_bytes=500,
    log_bytes=400,
    worker_mb=100,
)


def test_cores_are_used_to_sixty_percent_with_one_machine_away() -> None:
    found = plan(REQUEST, requests=8000, cores_of_a_machine=8, keys=10)

    assert found.busy_cores == pytest.approx(9.6)
    assert found.cores == pytest.approx(16)
    assert (found.machines, found.workers) == (3, 24)
    left = (found.machines - 1) * found.cores_of_a_machine
    assert found.busy_cores / left == pytest.approx(0.6)


def test_what_is_shared_follows_from_the_requests() -> None:
    found = plan(REQUEST, requests=8000, cores_of_a_machine=8, keys=10)

    assert found.log_gb_a_day == pytest.approx(8000 * 400 * 86_400 / 1e9)
    assert found.network_mbit == pytest.approx(64)
    assert found.redis_share == pytest.approx(0.4)
    assert found.redis_servers == 1
    assert found.database_questions == 24 * 10 * 2
    assert found.machine_gb == pytest.approx(2.05)


def test_what_the_watcher_takes_is_counted_and_told_for_a_machine() -> None:
    found = plan(replace(REQUEST, watcher_cpu_ms=0.1), requests=8000, cores_of_a_machine=8, keys=10)

    assert found.busy_cores == pytest.approx(10.4)
    assert found.watcher_share == pytest.approx(8000 / (found.machines - 1) * 0.1 / 1000)


def test_few_requests_ask_the_database_no_more_often_than_they_come() -> None:
    assert plan(REQUEST, requests=10, cores_of_a_machine=2, keys=10).database_questions == 10


def test_redis_is_one_thread() -> None:
    assert plan(REQUEST, requests=100_000, cores_of_a_machine=32, keys=10).redis_servers == 9


@pytest.mark.parametrize(("at", "value"), [(1, 1.0), (10, 10.0), (55, 32.5), (100, 55.0), (200, 105.0)])
def test_between_two_measured_sizes_the_cost_lies_on_the_line(at: int, value: float) -> None:
    assert interpolate([(1, 1.0), (100, 55.0), (10, 10.0)], at) == pytest.approx(value)


@pytest.mark.parametrize("execution", ["plan", "native"])
def test_a_request_costs_what_was_measured(execution: str) -> None:
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    for cost in measured[execution]["requests"]:
        request = read_request(cost["rows"], execution)
        assert request.cpu_ms == pytest.approx(cost["cpu_ms"])
        assert request.log_bytes == pytest.approx(cost["log_bytes"])


@pytest.mark.parametrize(
    ("arguments", "shown"), _EXAMPLE.findall(PAGE.read_text(encoding="utf-8")), ids=lambda value: str(value)[:40]
)
def test_the_page_shows_what_is_computed(arguments: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(arguments)) == 0
    assert capsys.readouterr().out.splitlines() == [line[4:] for line in shown.splitlines()]


def test_the_page_has_a_plan_for_ten_a_thousand_and_a_hundred_thousand_requests() -> None:
    asked = {
        shlex.split(arguments)[shlex.split(arguments).index("--requests") + 1]
        for arguments, _ in _EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert {"10", "1000", "100000"} <= asked


def test_the_table_of_the_page_is_that_of_the_measurement() -> None:
    measured = json.loads(Path(MEASURED).read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    for execution in ("plan", "native"):
        for cost in measured[execution]["requests"]:
            assert f"| {execution} | {cost['rows']:,} | {cost['cpu_ms']:,.2f} |" in page
