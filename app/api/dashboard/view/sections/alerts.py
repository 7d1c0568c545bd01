"""Alerts: what fires now, and what did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Note, Section, TableBlock
from app.api.dashboard.view.presence import explain_absence, is_watched
from app.api.dashboard.view.words import read_moment, write_duration, write_moment
from app.charts.table import Cell, State, Table, make_row
from app.charts.text import show_text, write_number
from app.monitoring.snapshots import Snapshot

_MOST_SHOWN = 20
_NEVER = "The rules stand in alerts.yaml. Try where messages go with: gluonserve alerts test"
_COMPARISONS = {"above": "above", "below": "below", ">": "above", "<": "below"}


def describe_alerts(findings: Findings) -> Section:
    """What fires first, then the last changes."""
    if findings.is_database_silent or (not findings.alerts and not is_watched(findings)):
        return Section("alerts", "Alerts", (explain_absence(findings, "No alerts are judged.", ""),))
    firing = list_firing(findings.alerts)
    blocks: list[Block] = [_describe_firing(alert, findings) for alert in firing]
    if not firing:
        blocks.append(Note("Nothing fires.", "good", "" if findings.alerts else _NEVER))
    if findings.alerts:
        blocks.append(TableBlock(_tabulate(findings.alerts[:_MOST_SHOWN], findings)))
    return Section("alerts", "Alerts", tuple(blocks))


def list_firing(changes: Sequence[Snapshot]) -> list[Snapshot]:
    """Of changes, newest first, those that nothing took back: critical ones first, then the newest."""
    newest: dict[tuple[str, str], Snapshot] = {}
    for change in changes:
        newest.setdefault((str(change.document.get("rule")), str(change.document.get("labels"))), change)
    firing = [change for change in newest.values() if change.document.get("state") == "firing"]
    return sorted(firing, key=lambda change: change.document.get("severity") != "critical")


def read_state(alert: Snapshot) -> State:
    if alert.document.get("state") != "firing":
        return "good"
    return "alarm" if alert.document.get("severity") == "critical" else "notice"


def _describe_firing(alert: Snapshot, findings: Findings) -> Note:
    document = alert.document
    since = read_moment(document.get("since")) or alert.window_end
    ago = write_duration(findings.now - since)
    summary = show_text(document.get("summary") or document.get("rule"), most=300).rstrip(".")
    of = ", ".join(filter(None, (str(document.get("severity", "")).capitalize(), _describe_labels(document))))
    words = f"{of}: {summary}. Since {write_moment(since, findings.now)}"
    return Note(f"{words}, for {ago}.", read_state(alert), _describe_deliveries(alert))


def _describe_deliveries(alert: Snapshot) -> str:
    deliveries = alert.document.get("deliveries") or ()
    told = [f"{show_text(each.get('destination'), most=60)}: {_describe_delivery(each)}" for each in deliveries]
    return f"Told to {'; '.join(told)}." if told else "Told to nobody: no destination is set."


def _describe_delivery(delivery: dict[str, object]) -> str:
    words = show_text(delivery.get("state") or "waits", most=30)
    error = delivery.get("error")
    attempts = delivery.get("attempts")
    return f"{words} after {attempts} attempts ({show_text(error, most=120)})" if error else words


def _tabulate(changes: Sequence[Snapshot], findings: Findings) -> Table:
    return Table(
        caption="Last changes, the newest first",
        columns=("rule", "state", "at", "value", "threshold", "of", "messages"),
        rows=tuple(_describe_change(change, findings) for change in changes),
        numeric=frozenset({3, 4}),
        is_folded=True,
    )


def _describe_change(change: Snapshot, findings: Findings) -> tuple[Cell, ...]:
    document = change.document
    comparison = _COMPARISONS.get(str(document.get("comparison")), "")
    return make_row(
        show_text(document.get("rule"), most=40),
        Cell("firing" if document.get("state") == "firing" else "recovered", state=read_state(change)),
        write_moment(change.window_end, findings.now),
        write_number(document.get("value")),
        f"{comparison} {write_number(document.get('threshold'))}".strip(),
        _describe_labels(document) or "–",
        _describe_deliveries(change),
    )


def _describe_labels(document: Mapping[str, Any]) -> str:
    """What an alert is of, such as a feature of a version."""
    labels = document.get("labels") or {}
    return ", ".join(f"{show_text(name, most=20)} {show_text(value, most=40)}" for name, value in labels.items())
