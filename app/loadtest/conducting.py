"""A load test from its order to its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Protocol

from app.loadtest.examination import ask_known_columns, try_request
from app.loadtest.order import LoadOrder
from app.loadtest.results.figures import compute_figures
from app.loadtest.results.report import Client, LoadReport, list_cautions
from app.loadtest.rows import Rows, read_rows
from app.loadtest.sending.pace import Pace
from app.loadtest.sending.requests import PredictionRequests, write_post_head
from app.loadtest.sending.run import LoadRun, Progress, RunResult
from app.loadtest.sending.target import Dialer, find_address


class Watcher(Protocol):
    """Somebody who is told how far a load test is."""

    def show_note(self, text: str) -> None: ...

    def begin(self, what: str, *, seconds: float | None, requests: int | None) -> None: ...

    def show_progress(self, progress: Progress) -> None: ...


@dataclass(frozen=True)
class _Prepared:
    requests: PredictionRequests
    dialer: Dialer
    rows: Rows


def conduct_load_test(order: LoadOrder, watcher: Watcher) -> LoadReport:
    """Look at the server, warm it up, send the load and report.

    Raises:
        LoadRefused: before any load is sent.
    """
    prepared = _prepare(order, watcher.show_note)
    warm_up = 0
    if order.warm_up_seconds:
        watcher.begin("Warming up", seconds=order.warm_up_seconds, requests=None)
        warmed = _run(order, prepared, order.make_warm_up_pace(), watcher)
        warm_up = len(warmed.samples)
        if warmed.was_interrupted:
            raise KeyboardInterrupt
    began_at = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    watcher.begin("Measuring", seconds=order.foresee_seconds(), requests=order.foresee_requests())
    result = _run(order, prepared, order.make_pace(), watcher)
    return _report(order, prepared.rows, result, began_at=began_at, warm_up_requests=warm_up)


def _prepare(order: LoadOrder, show_note: Callable[[str], None]) -> _Prepared:
    target = order.target
    dialer = Dialer(target, find_address(target, timeout_seconds=order.timeout_seconds))
    known = ask_known_columns(target, dialer.dial, key=order.key, timeout_seconds=order.timeout_seconds)
    rows = read_rows(order.rows, without=order.without, known=known)
    if rows.left_out:
        show_note(f"Not sent: {', '.join(rows.left_out)}.")
    if not rows.is_complete:
        show_note(f"Only the first {rows.count:,} rows of {order.rows.name} are sent.")
    head = write_post_head(target, key=order.key, keep_alive=order.keep_alive)
    requests = PredictionRequests(rows.rows, head, rows_per_request=order.rows_per_request)
    try_request(dialer.dial, requests.make(0), timeout_seconds=order.timeout_seconds)
    return _Prepared(requests, dialer, rows)


def _run(order: LoadOrder, prepared: _Prepared, pace: Pace, watcher: Watcher) -> RunResult:
    run = LoadRun(
        prepared.requests, prepared.dialer.dial, pace, users=order.users, timeout_seconds=order.timeout_seconds
    )
    return run.run(watcher.show_progress)


def _report(order: LoadOrder, rows: Rows, result: RunResult, *, began_at: str, warm_up_requests: int) -> LoadReport:
    seconds = None if result.was_interrupted else order.load_seconds
    figures = compute_figures(
        result.samples, rows_per_request=order.rows_per_request, seconds=seconds, unsent=result.unsent
    )
    client = Client(
        cpu_share=result.cpu_seconds / result.seconds,
        us_per_request=1e6 * result.cpu_seconds / max(figures.requests, 1),
        reconnects=result.reconnects,
        unanswered=result.unanswered,
    )
    return LoadReport(
        order=order,
        began_at=began_at,
        rows=rows.count,
        warm_up_requests=warm_up_requests,
        figures=figures,
        client=client,
        was_interrupted=result.was_interrupted,
        notes=tuple(list_cautions(figures, client, rows=rows.count, rows_per_request=order.rows_per_request)),
    )
