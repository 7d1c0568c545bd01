"""A candidate in front of a real server with two workers: as a canary, as a shadow, promoted and withdrawn."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import requests

from app.database import opened_database
from app.release.golden import read_golden_rows
from app.release.store import GOLDEN, ReleaseStore
from app.runtime.switching.workers import list_live_workers
from app.security.audit import AuditLog
from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY
from app.serving.rollout.routing import is_chosen
from config.settings import load_settings
from tests.server import RunningServer, running_server, wait_until

SECONDS = 90
SHARE = 0.4
ACTING_RULES = """
act: true
canary: {withdraw: [{figure: p99_ratio, above: 0.0, least_requests: 20}]}
shadow: {withdraw: []}
"""


class Operator:
    """Somebody with a key for everything, in front of a running server."""

    def __init__(self, server: RunningServer, store: ReleaseStore, key: str) -> None:
        self.server = server
        self.store = store
        self.row: dict[str, Any] = read_golden_rows(store.directory("1") / GOLDEN).rows[0]
        # No kept connection: each request goes to whichever worker is free.
        self._headers = {"X-API-Key": key, "Connection": "close"}

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = requests.request(method, self.server.url + path, headers=self._headers, timeout=SECONDS, **options)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.json()

    def ask(self, caller: str) -> str:
        headers = {**self._headers, "X-Customer": caller}
        answer = requests.post(
            f"{self.server.url}/predict", json={"data": [self.row]}, headers=headers, timeout=SECONDS
        )
        assert answer.status_code == requests.codes.ok, answer.text
        return str(answer.json()["model_info"]["version"])

    def ask_many(self, count: int) -> Counter[str]:
        return Counter(self.ask(f"customer-{number}") for number in range(count))

    def are_all_ready(self) -> bool:
        workers = list_live_workers(self.store.path).values()
        return [worker.active for worker in workers] == ["1", "1"]

    def compare(self) -> Any:
        return self.call("GET", "/models/candidate")["comparison"]

    def list_acts(self) -> list[tuple[str, str, str | None, str | None, str]]:
        """Oldest first."""
        url = load_settings({"GLUONSERVE_HOME": str(self.store.path.parent)}).database_url
        with opened_database(url) as database:
            acts = reversed(AuditLog(database).list())
        return [(act.actor.partition(":")[0], act.action, act.before, act.after, act.outcome) for act in acts]

    def find_log_lines(self, words: str) -> list[str]:
        return [line for line in self.server.log_lines() if words in line]

    def find_shadows(self) -> list[int]:
        found = []
        for process in psutil.Process(self.server.process.pid).children(recursive=True):
            # It may have ended since it was listed.
            with suppress(psutil.NoSuchProcess):
                if any("shadowing.process" in word for word in process.cmdline()):
                    found.append(process.pid)
        return found


def has_ended(pid: int) -> bool:
    """Also when nobody has taken notice of its end: the first process of a container need not."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def operate(pair_home: Path, make_key: Callable[..., str]) -> Callable[[RunningServer], Operator]:
    key = make_key(pair_home, "predict", "model_info", "admin")

    def operate_when_ready(server: RunningServer) -> Operator:
        operator = Operator(server, ReleaseStore(pair_home / "models"), key)
        wait_until(operator.are_all_ready, seconds=SECONDS)
        return operator

    return operate_when_ready


def count_senders(store: ReleaseStore) -> int:
    """Workers that copied requests, each in a file of its own."""
    files = (store.path / ROLLOUT_DIRECTORY).glob("trial-*/*.json")
    return sum(orjson.loads(file.read_bytes())["copies_sent"] > 0 for file in files)


def test_a_canary_has_the_same_callers_in_every_worker_until_it_is_withdrawn(
    pair_home: Path, operate: Callable[[RunningServer], Operator]
) -> None:
    with running_server(pair_home) as server:
        operator = operate(server)
        begun = operator.call("POST", "/models/2/canary", json={"share": SHARE, "by": "X-Customer"})
        assert (begun["version"], begun["mode"], begun["share"], begun["by"]) == ("2", "canary", SHARE, "X-Customer")
        wait_until(lambda: len(operator.find_log_lines("Version 2 answers a share of 0.4")) == 2, seconds=SECONDS)

        for number in range(60):
            caller = f"customer-{number}"
            expected = "2" if is_chosen(caller, version="2", share=SHARE) else "1"
            assert {operator.ask(caller) for _ in range(2)} == {expected}

        def are_all_counted() -> bool:
            groups = operator.compare()
            return bool(groups["active"]["requests"] + groups["candidate"]["requests"] == 120)

        wait_until(are_all_counted, seconds=SECONDS)
        record = operator.call("GET", "/models/candidate")
        assert record["comparison"]["figures"]["error_share"]["value"] == 0
        assert (record["active"], record["verdict"]["decision"], record["rules_act"]) == ("1", "wait", True)

        assert operator.call("DELETE", "/models/candidate") == {"withdrawn": "2"}
        assert operator.ask_many(60) == {"1": 60}
        assert operator.list_acts() == [("key", "canary", None, "2", "done"), ("key", "withdraw", "2", None, "done")]


def test_a_promoted_canary_has_all_callers_until_it_is_rolled_back(
    pair_home: Path, operate: Callable[[RunningServer], Operator]
) -> None:
    with running_server(pair_home) as server:
        operator = operate(server)
        operator.call("POST", "/models/2/canary", json={"share": SHARE, "by": "X-Customer"})
        promoted = operator.call("POST", "/models/candidate/promote")
        assert (promoted["version"], promoted["previous"], promoted["workers"]) == ("2", "1", 2)
        assert operator.ask_many(40) == {"2": 40}
        assert operator.call("POST", "/models/rollback")["version"] == "1"
        assert operator.ask_many(40) == {"1": 40}
        assert operator.list_acts() == [
            ("key", "canary", None, "2", "done"),
            ("key", "activate", "1", "2", "started"),
            ("key", "activate", "1", "2", "done"),
            ("key", "promote", "1", "2", "done"),
            ("key", "rollback", "2", "1", "done"),
        ]


def test_a_shadow_sees_the_requests_of_all_workers_in_one_process_that_outlives_none_of_them(
    pair_home: Path, operate: Callable[[RunningServer], Operator]
) -> None:
    with running_server(pair_home) as server:
        operator = operate(server)
        operator.call("POST", "/models/2/shadow", json={"share": 1})
        wait_until(lambda: len(operator.find_shadows()) == 1, seconds=SECONDS)

        def are_compared(count: int) -> bool:
            assert operator.ask_many(20) == {"1": 20}
            return bool(operator.compare()["candidate"]["requests"] >= count)

        wait_until(lambda: are_compared(1) and count_senders(operator.store) == 2, seconds=SECONDS)
        (first,) = operator.find_shadows()
        os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
        # A process that gets idle time only also needs some to end.
        wait_until(lambda: has_ended(first), seconds=SECONDS)
        wait_until(lambda: len(operator.find_shadows()) == 1 and operator.are_all_ready(), seconds=SECONDS)
        (second,) = operator.find_shadows()
        compared = operator.compare()
        wait_until(lambda: are_compared(compared["candidate"]["requests"] + 1), seconds=SECONDS)
        assert operator.compare()["candidate"]["errors"] == 0
        assert operator.find_shadows() == [second]
    wait_until(lambda: has_ended(second), seconds=SECONDS)


def test_rules_that_act_withdraw_a_candidate_and_say_why(
    pair_home: Path, operate: Callable[[RunningServer], Operator], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(ACTING_RULES)
    # The same row comes again and again here: what is remembered says nothing of how long a model takes.
    environment = {"GLUONSERVE_ROLLOUT_RULES": str(rules), "GLUONSERVE_CACHE": "off"}
    with running_server(pair_home, environment=environment) as server:
        operator = operate(server)
        operator.call("POST", "/models/2/canary", json={"share": SHARE, "by": "X-Customer"})

        def is_withdrawn() -> bool:
            operator.ask_many(20)
            return bool(operator.find_log_lines("Candidate 2 withdrawn by rules: p99_ratio is"))

        wait_until(is_withdrawn, seconds=SECONDS)
        assert operator.ask_many(20) == {"1": 20}
        assert len(operator.find_log_lines("withdrawn by rules")) == 1
        assert operator.list_acts() == [("key", "canary", None, "2", "done"), ("rules", "withdraw", "2", None, "done")]
