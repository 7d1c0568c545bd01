"""Quality: what true outcomes say beside what was published, what is estimated without them, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Fact, Facts, Note, Section, TableBlock
from app.api.dashboard.view.presence import explain_absence
from app.api.dashboard.view.words import count, show_version, write_moment
from app.charts.scale import Scale, cover
from app.charts.table import Cell, State, Strip, Table, make_row
from app.charts.text import show_text, write_number
from app.monitoring.snapshots import Snapshot

Metric = Mapping[str, Any]

_COLUMNS = ("metric", "live and published", "live", "95 % interval", "published", "95 % interval then", "verdict")
_NO_OUTCOMES = "No true outcomes yet."
_HOW_TO_REPORT = "Report them as they come, with POST /feedback and the prediction_ids that /predict answered."


def describe_quality(findings: Findings) -> Section:
    """Each version that is watched, by its outcomes and by its estimates."""
    blocks: list[Block] = []
    for snapshot in findings.quality:
        blocks += _describe_measured(snapshot, findings)
    if not blocks:
        blocks.append(explain_absence(findings, _NO_OUTCOMES, _HOW_TO_REPORT))
    for snapshot in findings.estimates:
        blocks += _describe_estimated(snapshot, findings)
    return Section("quality", "Quality", tuple(blocks))


def judge_metric(metric: Metric) -> tuple[State, str]:
    """What a live metric says of the published one: only intervals that lie apart tell of a difference."""
    told = [metric.get(name) for name in ("low", "high", "published_low", "published_high")]
    bounds = [float(bound) for bound in told if bound is not None]
    if len(bounds) < len(told):
        return "unknown", "not comparable"
    low, high, published_low, published_high = bounds
    if low <= published_high and published_low <= high:
        return "good", "as published"
    is_better = (low > published_high) == bool(metric.get("higher_is_better"))
    return ("good", "better than published") if is_better else ("alarm", "worse than published")


def _describe_measured(snapshot: Snapshot, findings: Findings) -> list[Block]:
    document = snapshot.document
    metrics: Sequence[Metric] = document.get("metrics") or ()
    outcomes = int(document.get("outcomes") or 0)
    if not outcomes:
        return [_explain_no_outcomes(snapshot, findings)]
    worse = [show_text(metric["name"]) for metric in metrics if judge_metric(metric)[0] == "alarm"]
    came = f"{show_version(snapshot.version).capitalize()}, {count(outcomes, 'true outcome')} up to "
    came += write_moment(snapshot.window_end, findings.now)
    verdict = f"worse than published by {', '.join(worse)}" if worse else "not worse than published"
    blocks: list[Block] = [Note(f"{came}: {verdict}.", "alarm" if worse else "good")]
    if metrics:
        blocks.append(TableBlock(_tabulate_measured(metrics, snapshot.version), is_wide=True))
    if document.get("money"):
        blocks.append(_describe_money(document["money"]))
    return blocks


def _explain_no_outcomes(snapshot: Snapshot, findings: Findings) -> Note:
    without_answers = int(snapshot.document.get("without_answers") or 0)
    if not without_answers:
        return explain_absence(findings, _NO_OUTCOMES, _HOW_TO_REPORT)
    came = f"{count(without_answers, 'true outcome')} came, and the log does not say what was answered."
    return Note(came, "notice", "GLUONSERVE_LOG_OUTPUTS has to be all.")


def _tabulate_measured(metrics: Sequence[Metric], version: str | None) -> Table:
    return Table(
        caption=f"Live and published quality of {show_version(version)}",
        columns=_COLUMNS,
        rows=tuple(_describe_metric(metric) for metric in metrics),
        numeric=frozenset({2, 3, 4, 5}),
        marked=frozenset(at for at, metric in enumerate(metrics) if judge_metric(metric)[0] == "alarm"),
        note="In the drawing the band is what was published, the dot with its line is what is live.",
    )


def _describe_metric(metric: Metric) -> tuple[Cell, ...]:
    state, verdict = judge_metric(metric)
    return make_row(
        show_text(metric["name"], most=40),
        Cell("", strip=_draw_strip(metric)),
        write_number(metric.get("value")),
        _write_interval(metric.get("low"), metric.get("high")),
        write_number(metric.get("published")),
        _write_interval(metric.get("published_low"), metric.get("published_high")),
        Cell(verdict, state=state),
    )


def _draw_strip(metric: Metric) -> Strip | None:
    names = ("published", "published_low", "published_high", "value", "low", "high")
    values = [metric.get(name) for name in names]
    known = [float(value) for value in values if value is not None]
    if len(known) < len(names):
        return None
    scale: Scale = cover(known, margin=0.15)
    return Strip(*(round(scale.place(value), 3) for value in known))


def _write_interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{write_number(low)} to {write_number(high)}"


def _describe_money(money: Mapping[str, Any]) -> Facts:
    currency = show_text(money.get("currency") or "", most=10)
    by_outcome = [
        Fact(show_text(name.replace("_", " "), most=40), f"{write_number(value)} {currency}")
        for name, value in (money.get("by_outcome") or {}).items()
        if isinstance(value, int | float)
    ]
    total = Fact("gain or cost of these outcomes", f"{money.get('total', 0):+,.2f} {currency}")
    return Facts((total, Fact("per row", f"{money.get('per_row') or 0:+,.4f} {currency}"), *by_outcome))


def _describe_estimated(snapshot: Snapshot, findings: Findings) -> list[Block]:
    document = snapshot.document
    metrics: Sequence[Metric] = document.get("metrics") or ()
    if not metrics:
        return []
    rows, end = count(int(document.get("rows") or 0), "row"), write_moment(snapshot.window_end, findings.now)
    table = Table(
        caption=f"Estimated without outcomes, {show_version(snapshot.version)}",
        columns=("metric", "estimate", "95 % interval", "published", "estimate and truth, where outcomes came"),
        rows=tuple(_describe_estimate(metric, document.get("checked") or {}) for metric in metrics),
        numeric=frozenset({1, 2, 3}),
        note=f"From the probabilities of {rows} up to {end}; it holds as long as they mean what they say.",
    )
    return [TableBlock(table, is_wide=True)]


def _describe_estimate(metric: Metric, checked: Mapping[str, Any]) -> tuple[Cell, ...]:
    check = checked.get(metric["name"])
    told = "–"
    if isinstance(check, Mapping):
        outcomes = count(int(check.get("outcomes") or 0), "outcome")
        told = f"{write_number(check.get('estimated'))} and {write_number(check.get('true'))}, {outcomes}"
    return make_row(
        show_text(metric["name"], most=40),
        write_number(metric.get("value")),
        _write_interval(metric.get("low"), metric.get("high")),
        write_number(metric.get("published")),
        told,
    )
