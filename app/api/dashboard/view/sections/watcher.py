"""The watcher itself: who watches those who watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Fact, Facts, Note, Section, TableBlock
from app.api.dashboard.view.presence import explain_absence, find_last_sign, is_watched
from app.api.dashboard.view.words import count, write_bytes, write_moment
from app.charts.table import Cell, Table, make_row
from app.charts.text import show_text, write_number

_MUCH_LAG_SECONDS = 120.0


def describe_watcher(findings: Findings) -> Section:
    """Where it runs, how far behind it is, and what of it failed."""
    watcher, last = findings.watcher, find_last_sign(findings)
    blocks: list[Block] = []
    if not is_watched(findings):
        blocks.append(explain_absence(findings, "Nobody watches.", ""))
    if watcher is not None and last is not None:
        document = watcher.document
        place = f"{show_text(document.get('host') or '–', most=60)}, process {document.get('pid')}"
        blocks.append(
            Facts(
                (
                    Fact("runs on", place),
                    Fact("last sign", write_moment(last, findings.now)),
                    _describe_lag(document),
                    Fact("read so far", count(int(document.get("records") or 0), "record")),
                    Fact("a cycle takes", f"{write_number(document.get('cycle_seconds'))} s"),
                )
            )
        )
        failures = {name: told for name, told in (document.get("failures") or {}).items() if told.get("count")}
        if failures:
            blocks.append(TableBlock(_tabulate_failures(failures)))
        elif is_watched(findings):
            blocks.append(Note("All of its parts work.", "good"))
    return Section("watcher", "Watcher", tuple(blocks))


def list_failing(findings: Findings) -> list[str]:
    """Parts of the watcher that have failed."""
    failures = (findings.watcher.document.get("failures") or {}) if findings.watcher else {}
    return [show_text(name, most=40) for name, told in failures.items() if told.get("count")]


def _describe_lag(document: Mapping[str, Any]) -> Fact:
    seconds = float(document.get("lag_seconds") or 0.0)
    text = f"{write_number(round(seconds, 1))} s ({write_bytes(document.get('lag_bytes') or 0)})"
    return Fact("behind the log", text, "notice" if seconds > _MUCH_LAG_SECONDS else None)


def _tabulate_failures(failures: Mapping[str, Mapping[str, Any]]) -> Table:
    return Table(
        caption="Parts that failed",
        columns=("part", "failures", "last"),
        rows=tuple(
            make_row(
                show_text(name, most=40),
                Cell(f"{int(told['count']):,}", state="alarm"),
                show_text(told.get("last") or "–", most=300),
            )
            for name, told in failures.items()
        ),
        numeric=frozenset({1}),
    )
