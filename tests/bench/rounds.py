"""The measuring itself: all servers of one predictor at once, each load on one after the other, round after round.

The machine is never equally fast for long, so what is compared is measured side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tests.bench.load.answers import check_answers
from tests.bench.load.client import LoadResult, generate_load
from tests.bench.load.requests import count_different_requests, make_requests
from tests.bench.models.reference import Reference, running_reference
from tests.bench.results import AnswerCheck, Sample, SubjectResult
from tests.bench.scope import NATIVE, NOOP, PLAN, TUTORIAL, WORKERS, Load, Scope, Subject
from tests.bench.servers.processes import WorkerMemory
from tests.bench.servers.running import BenchServer, bench_server

WARM_UP = Load(rows=1, concurrency=4)
WARM_UP_SECONDS = 1.0
MOST_FAULTS_KEPT = 3
ROWS_COMPARED = 100  # After each load, for every server that predicts.

Say = Callable[[str], None]


def measure_subject(
    subject: Subject, prepared: Mapping[str, Any], cache: Path, scope: Scope, say: Say
) -> SubjectResult:
    """Start the servers, measure all loads in all rounds, stop the servers."""
    predictor, rows_path = Path(prepared["predictor"]), Path(prepared["rows"])
    stores = {PLAN: Path(prepared["store"]), NATIVE: Path(prepared["without_plan"])}
    names = [NOOP, *([PLAN] if prepared["has_plan"] else []), NATIVE, TUTORIAL]
    with ExitStack() as stack:
        servers = []
        for name in names:
            say(f"{subject.name}: starting {name}")
            home = cache / "homes" / f"{subject.directory}-{name}"
            models = stores.get(name, stores[NATIVE])
            servers.append(stack.enter_context(bench_server(name, home, models=models, predictor=predictor)))
        reference = stack.enter_context(running_reference(predictor, rows_path))
        measurement = _Measurement(subject, servers, orjson.loads(rows_path.read_bytes()), reference, scope, say)
        measurement.run()
        return measurement.report(has_plan=bool(prepared["has_plan"]))


class _Measurement:
    def __init__(
        self,
        subject: Subject,
        servers: Sequence[BenchServer],
        rows: Sequence[Any],
        reference: Reference,
        scope: Scope,
        say: Say,
    ) -> None:
        self._subject = subject
        self._servers = servers
        self._rows = rows
        self._reference = reference
        self._scope = scope
        self._say = say
        self._requests: dict[tuple[str, int], list[bytes]] = {}
        self._spent: dict[tuple[str, Load], float] = defaultdict(float)
        self._samples: list[Sample] = []
        self._left_out: dict[str, list[Load]] = defaultdict(list)
        self._memory: dict[str, dict[str, list[WorkerMemory]]] = {"one_row": {}, "end": {}}
        self._in_process_seconds: list[float] = []
        self._checks: dict[str, AnswerCheck] = {}
        self._faults: dict[str, list[str]] = defaultdict(list)

    def run(self) -> None:
        self._expected = self._reference.answer(len(self._rows))
        for server in self._servers:
            self._apply(server, WARM_UP, WARM_UP_SECONDS)
        for number in range(self._scope.rounds):
            self._say(f"{self._subject.name}: round {number + 1} of {self._scope.rounds}")
            self._in_process_seconds.append(self._reference.measure_seconds())
            for load in sorted(self._scope.loads):
                self._measure_load(load, number)
        self._remember_memory("end")

    def report(self, *, has_plan: bool) -> SubjectResult:
        return SubjectResult(
            name=self._subject.name,
            has_plan=has_plan,
            samples=self._samples,
            left_out=dict(self._left_out),
            starts={server.name: server.start for server in self._servers},
            memory=self._memory,
            in_process_seconds=self._in_process_seconds,
            checks=self._checks,
            faults={server: faults[:MOST_FAULTS_KEPT] for server, faults in self._faults.items()},
        )

    def _measure_load(self, load: Load, number: int) -> None:
        for server in self._servers:
            spent = self._spent[server.name, load]
            if spent > self._scope.seconds_per_server or load in self._left_out[server.name]:
                continue
            if self._foresee_seconds(server.name, load) > self._scope.longest_seconds:
                self._left_out[server.name].append(load)
                continue
            result = self._apply(server, load, self._scope.seconds)
            self._spent[server.name, load] += result.seconds
            self._samples.append(_summarise(server.name, load, number, result))
        if number == 0 and load.rows == 1:
            self._remember_memory("one_row")

    def _foresee_seconds(self, server: str, load: Load) -> float:
        """One request on every connection, all workers busy, each as fast as a request that was alone."""
        alone = Load(load.rows, 1)
        known = [sample.p50_ms for sample in self._samples if (sample.server, sample.load) == (server, alone)]
        return known[0] / 1000 * load.concurrency / min(load.concurrency, WORKERS) if known else 0.0

    def _apply(self, server: BenchServer, load: Load, seconds: float) -> LoadResult:
        result = generate_load(
            server.address,
            self._get_requests(server, load.rows),
            concurrency=load.concurrency,
            seconds=seconds,
            kept_answers=max(1, ROWS_COMPARED // load.rows),
        )
        self._faults[server.name].extend(result.faults)
        if server.name != NOOP:
            self._check(server.name, load, result)
        return result

    def _check(self, server: str, load: Load, result: LoadResult) -> None:
        check = check_answers(result.answers, rows_per_request=load.rows, expected=self._expected)
        known = self._checks.get(server, AnswerCheck(0, 0, 0.0))
        self._checks[server] = AnswerCheck(
            known.rows + check.rows,
            known.wrong + check.wrong,
            max(known.largest_difference, check.largest_difference),
        )

    def _get_requests(self, server: BenchServer, rows: int) -> list[bytes]:
        if (server.name, rows) not in self._requests:
            count = count_different_requests(len(self._rows), rows)
            self._requests[server.name, rows] = make_requests(
                self._rows, rows_per_request=rows, key=server.key, count=count
            )
        return self._requests[server.name, rows]

    def _remember_memory(self, stage: str) -> None:
        self._memory[stage] = {server.name: server.measure_memory() for server in self._servers}


def _summarise(server: str, load: Load, number: int, result: LoadResult) -> Sample:
    latencies = result.latencies_ms or [float("nan")]
    p50, p99 = (float(value) for value in np.percentile(latencies, (50, 99)))
    requests = len(result.latencies_ms)
    return Sample(
        server=server,
        load=load,
        round=number,
        requests=requests,
        errors=len(result.faults),
        seconds=result.seconds,
        requests_per_second=requests / result.seconds,
        p50_ms=p50,
        p99_ms=p99,
    )
