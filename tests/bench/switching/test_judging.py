"""The judge against servers that switch as they should, and against some that do not: it must find that out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson
import pytest

from tests.bench.load.open_loop import open_load
from tests.bench.load.test_client import serving
from tests.bench.switching.judging import Change, ExpectedAnswer, Faults, Judge, choose_telling_rows
from tests.bench.switching.traffic import VersionsTooAlike, make_traffic

RATE = 200
ROWS = [{"tenure": number} for number in range(20)]
NUMBERS = {"1": [0.1 + row / 100 for row in range(20)], "2": [0.6 + row / 100 for row in range(20)]}
EXPECTED = {
    version: [ExpectedAnswer("Yes" if value > 0.5 else "No", {"No": 1 - value, "Yes": value}) for value in values]
    for version, values in NUMBERS.items()
}


class StandIn:
    """A server of two workers, asked in turn, that can be told which version each of them names and computes with."""

    def __init__(self) -> None:
        self.named, self.computing = ["1", "1"], ["1", "1"]
        self.fails = False
        self._turn = 0

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self._turn += 1
        worker = self._turn % 2
        named, computing = self.named[worker], self.computing[worker]
        answers = [EXPECTED[computing][row["tenure"]] for row in orjson.loads(body)["data"]]
        content = orjson.dumps(
            {
                "predictions": [answer.label for answer in answers],
                "probabilities": [answer.numbers for answer in answers],
                "model_info": {"version": named},
            }
        )
        handler.send_response(503 if self.fails else 200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def switch(self, worker: int, version: str) -> None:
        self.named[worker] = self.computing[worker] = version


def switch_both(server: StandIn) -> None:
    server.switch(0, "2")
    server.switch(1, "2")


def switch_one_late(server: StandIn) -> None:
    server.switch(0, "2")
    threading.Timer(0.2, lambda: server.switch(1, "2")).start()


def switch_the_name_only(server: StandIn) -> None:
    server.named = ["2", "2"]


def switch_the_computing_of_one_only(server: StandIn) -> None:
    server.named = ["2", "2"]
    server.computing[0] = "2"


def fail_from_now_on(server: StandIn) -> None:
    server.fails = True


def observe(switch: Callable[[StandIn], None]) -> Faults:
    """Have a load meet a switch, and judge it."""
    server, traffic = StandIn(), make_traffic(ROWS, EXPECTED, key="gsk_1")
    with serving(server.answer) as (address, _), open_load(address, traffic.requests, rate=RATE) as load:
        time.sleep(0.2)
        began = time.perf_counter()
        switch(server)
        change = Change(began, time.perf_counter(), frozenset({"2"}), "2")
        time.sleep(0.4)
    return traffic.judge_with([change], first="1").judge(load.answers)


def test_a_switch_of_all_at_once_shows_no_fault() -> None:
    assert observe(switch_both) == Faults(failed=[], mixed=[], old=[])


def test_a_worker_that_switches_after_the_call_has_returned_is_found_by_its_old_answers() -> None:
    faults = observe(switch_one_late)
    assert set(faults.old) == {"answered by 1, possible: 2"}
    assert (faults.failed, faults.mixed) == ([], [])


@pytest.mark.parametrize("switch", [switch_the_name_only, switch_the_computing_of_one_only])
def test_answers_that_name_another_version_than_the_one_that_computed_them_are_found(
    switch: Callable[[StandIn], None],
) -> None:
    faults = observe(switch)
    assert set(faults.mixed) == {"named 2, computed by 1"}
    assert (faults.failed, faults.old) == ([], [])


def test_failures_are_found_with_what_the_server_said() -> None:
    faults = observe(fail_from_now_on)
    assert faults.failed
    assert {fault[:5] for fault in faults.failed} == {"503: "}


def make_document(*computing: str) -> dict[str, Any]:
    answers = [EXPECTED[version][row] for row, version in enumerate(computing)]
    return {
        "predictions": [answer.label for answer in answers],
        "probabilities": [answer.numbers for answer in answers],
    }


def test_rows_of_one_request_that_two_versions_computed_are_the_answer_of_none() -> None:
    judge = Judge([[0, 1]], EXPECTED, first="1", changes=[])
    assert judge.list_computing(make_document("1", "2"), [0, 1]) == []
    assert judge.list_computing(make_document("2", "2"), [0, 1]) == ["2"]
    assert judge.list_computing(make_document("1", "1"), [0, 1, 2]) == []
    wrong_label = {**make_document("1"), "predictions": ["Yes"]}
    assert judge.list_computing(wrong_label, [0]) == []


def test_an_answer_may_be_that_of_the_settled_version_or_of_one_that_a_call_under_way_may_bring() -> None:
    changes = [
        Change(10, 20, frozenset({"2"}), "2"),
        Change(30, 40, frozenset({"1"}), "1"),
        Change(50, 60, frozenset({"3"}), "1"),  # It failed.
    ]
    judge = Judge([], EXPECTED, first="1", changes=changes)
    moments = {(1, 5), (5, 15), (15, 18), (19, 21), (20, 21), (35, 45), (41, 49), (55, 56), (61, 62)}
    assert {moment: judge.list_possible(*moment) for moment in moments} == {
        (1, 5): {"1"},
        (5, 15): {"1", "2"},
        (15, 18): {"1", "2"},
        (19, 21): {"1", "2"},
        (20, 21): {"2"},
        (35, 45): {"1", "2"},
        (41, 49): {"1"},
        (55, 56): {"1", "3"},
        (61, 62): {"1"},
    }


def test_only_rows_that_tell_the_versions_apart_are_asked() -> None:
    alike = {**EXPECTED, "2": [EXPECTED["1"][0], *EXPECTED["2"][1:]]}
    assert choose_telling_rows(alike) == list(range(1, 20))
    traffic = make_traffic(ROWS, alike, key="gsk_1")
    assert [len(rows) for rows in traffic.rows].count(5) == 2
    assert all(0 not in rows for rows in traffic.rows)
    with pytest.raises(VersionsTooAlike):
        make_traffic(ROWS, {"1": EXPECTED["1"], "2": EXPECTED["1"]}, key="gsk_1")
