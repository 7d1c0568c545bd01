"""The measuring itself: one server under one load throughout, with phases of quiet and of switching in turn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from app.release.store import ReleaseStore
from tests.bench.load.client import generate_load, without_garbage_collection
from tests.bench.load.open_loop import Answer, open_load
from tests.bench.servers.processes import WorkerMemory
from tests.bench.servers.running import BenchServer
from tests.bench.switching.judging import OK
from tests.bench.switching.operator import Call, Operator
from tests.bench.switching.results import Phase, PhaseResult, SwitchingResult, summarise
from tests.bench.switching.scope import SHARE_OF_CAPACITY, SwitchingScope
from tests.bench.switching.traffic import Traffic

QUIET, ACTIVATING, ROLLING_BACK, LOADING = "quiet", "activations", "rollbacks", "activations with loading"
KINDS = (QUIET, ACTIVATING, ROLLING_BACK, LOADING)
_CAPACITY_CONCURRENCY = 8
_CAPACITY_SECONDS = 4.0
_SETTLING_SECONDS = 1.0

Say = Callable[[str], None]


class SwitchingMeasurement:
    """Args: store: That of the server, with three versions."""

    def __init__(
        self, server: BenchServer, store: ReleaseStore, traffic: Traffic, scope: SwitchingScope, say: Say
    ) -> None:
        host, port = server.address
        self._operator = Operator(f"http://{host}:{port}", store, key=server.key)
        self._server = server
        self._store = store
        self._traffic = traffic
        self._scope = scope
        self._say = say
        self._phases: list[Phase] = []
        self._memory: dict[int, list[WorkerMemory]] = {}
        self._chooser = random.Random(1)

    def run(self) -> SwitchingResult:
        capacity = self._measure_capacity()
        rate = SHARE_OF_CAPACITY * capacity
        self._say(f"{capacity:.0f} requests a second at most; from now on {rate:.0f} a second, answered or not")
        with (
            without_garbage_collection(),
            open_load(self._server.address, self._traffic.requests, rate=rate) as load,
        ):
            self._make_both_ready()
            self._activate_back_and_forth()
            self._roll_back()
            self._activate_what_is_not_held()
            self._be_quiet()
        return SwitchingResult(
            execution=self._scope.execution,
            capacity=capacity,
            rate=rate,
            phases=[self._judge(kind, load.answers) for kind in KINDS],
            calls=list(self._operator.calls),
            memory=self._memory,
        )

    def _measure_capacity(self) -> float:
        """As many requests a second as the server answers to some who each send the next one when one is answered."""
        for seconds in (_SETTLING_SECONDS, _CAPACITY_SECONDS):
            result = generate_load(
                self._server.address, self._traffic.requests, concurrency=_CAPACITY_CONCURRENCY, seconds=seconds
            )
        return len(result.latencies_ms) / result.seconds

    def _make_both_ready(self) -> None:
        first = self._operator.first
        for version in ("2" if first == "1" else "1", first):
            self._require_ok(self._operator.activate(version))
        time.sleep(_SETTLING_SECONDS)

    def _activate_back_and_forth(self) -> None:
        done = 0
        for count in self._scope.activations:
            self._be_quiet()
            self._say(f"{count} activations back and forth")
            with self._phase(ACTIVATING):
                for _ in range(count):
                    self._require_ok(self._operator.activate("2" if self._operator.read_active() == "1" else "1"))
                    time.sleep(self._scope.pause_seconds)
            done += count
            self._memory[done] = self._server.measure_memory()

    def _roll_back(self) -> None:
        for count in self._scope.rollbacks:
            self._be_quiet()
            self._say(f"{count} rollbacks")
            with self._phase(ROLLING_BACK):
                for _ in range(count):
                    self._require_ok(self._operator.rollback())
                    time.sleep(self._scope.pause_seconds)

    def _activate_what_is_not_held(self) -> None:
        """Somebody calls for a rollback in the middle of each: one of the two wins."""
        for count in self._scope.loads:
            self._be_quiet()
            self._say(f"{count} activations of a version that is not held, each with a rollback during it")
            with self._phase(LOADING):
                for _ in range(count):
                    self._operator.rollback_during_activation(
                        self._find_version_not_held(), after_seconds=self._chooser.uniform(0.05, 1.5)
                    )
                    time.sleep(self._scope.pause_seconds)

    def _find_version_not_held(self) -> str:
        pointer = self._store.active()
        assert pointer is not None
        return next(name for name in self._store.versions() if name not in (pointer.version, pointer.previous))

    def _be_quiet(self) -> None:
        time.sleep(_SETTLING_SECONDS)
        with self._phase(QUIET):
            time.sleep(self._scope.quiet_seconds)

    @contextmanager
    def _phase(self, kind: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._phases.append(Phase(kind, began, time.perf_counter()))

    def _require_ok(self, call: Call) -> None:
        if call.status != OK:
            self._say(f"{call.action} was answered with {call.status}: {call.document}")

    def _judge(self, kind: str, answers: Sequence[Answer]) -> PhaseResult:
        phases = [phase for phase in self._phases if phase.kind == kind]
        inside = [answer for answer in answers if any(phase.began <= answer.intended < phase.ended for phase in phases)]
        judge = self._traffic.judge_with(self._operator.changes, first=self._operator.first)
        return summarise(kind, inside, judge.judge(inside))
