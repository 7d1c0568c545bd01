"""What is seen first: how things are in one sentence, and six numbers."""

from __future__ import annotations

from collections.abc import Sequence

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Headline, Overview, Tile
from app.api.dashboard.view.presence import describe_silence
from app.api.dashboard.view.sections import drift, quality
from app.api.dashboard.view.sections.alerts import list_firing
from app.api.dashboard.view.sections.watcher import list_failing
from app.api.dashboard.view.series import Step, list_steps
from app.api.dashboard.view.words import count, join, write_briefly, write_moment
from app.charts.scale import Scale
from app.charts.table import State
from app.charts.text import show_text, write_share

_SPARK_WIDTH, _SPARK_HEIGHT = 100.0, 24.0
_MANY_FAILED = 0.01


def describe_overview(findings: Findings) -> Overview:
    steps = list_steps(findings)
    tiles = (
        _count_requests(steps, findings),
        _tell_latency(steps, findings),
        _tell_errors(steps, findings),
        _tell_drift(findings),
        _tell_quality(findings),
        _count_workers(findings),
    )
    return Overview(headline=_write_headline(findings), tiles=tiles)


def _write_headline(findings: Findings) -> Headline:
    """The worst first; the others follow it."""
    said: list[tuple[State, str]] = []
    if findings.model is None:
        said.append(("alarm", "No model answers."))
    if findings.is_database_silent:
        said.append(("alarm", "The database does not answer: most of this page is empty."))
    elif silence := describe_silence(findings):
        said.append(("alarm", silence))
    firing = list_firing(findings.alerts)
    if firing:
        names = join(show_text(alert.document.get("rule"), most=40) for alert in firing[:3])
        is_critical = firing[0].document.get("severity") == "critical"
        more = f" and {len(firing) - 3:,} more" if len(firing) > 3 else ""
        verb = "fires" if len(firing) == 1 else "fire"
        said.append(("alarm" if is_critical else "notice", f"{count(len(firing), 'alert')} {verb}: {names}{more}."))
    if failing := list_failing(findings):
        said.append(("notice", f"Of the watcher, {join(failing)} failed."))
    if not said:
        return Headline("good", "All is well: the model answers, the watcher watches, nothing fires.")
    said.sort(key=lambda each: each[0] != "alarm")
    return Headline(said[0][0], said[0][1], tuple(text for _, text in said[1:]))


def _count_requests(steps: Sequence[Step], findings: Findings) -> Tile:
    total = sum(step.requests for step in steps)
    rows = sum(step.rows for step in steps)
    return Tile(
        title="Requests",
        value=f"{total:,}" if steps else "–",
        unit="",
        words=f"{count(rows, 'row')} in {findings.range.words}" if total else f"none in {findings.range.words}",
        state=None,
        section="traffic",
        spark=_draw_spark([float(step.requests) if step.document or step.is_known else None for step in steps]),
    )


def _tell_latency(steps: Sequence[Step], findings: Findings) -> Tile:
    last = next((step for step in reversed(steps) if step.read_ms("p99_ms") is not None), None)
    words = "nothing was answered"
    if last is not None:
        words = f"median {write_briefly(last.read_ms('p50_ms'))} ms, {write_moment(last.start, findings.now)}"
    return Tile(
        title="99 % within",
        value=write_briefly(last.read_ms("p99_ms") if last else None),
        unit="ms" if last else "",
        words=words,
        state=None,
        section="traffic",
        spark=_draw_spark([step.read_ms("p99_ms") for step in steps]),
    )


def _tell_errors(steps: Sequence[Step], findings: Findings) -> Tile:
    total, failed = sum(step.requests for step in steps), sum(step.failed for step in steps)
    share = failed / total if total else None
    refused = sum(step.refused for step in steps)
    return Tile(
        title="Failed",
        value="–" if share is None else write_share(share).removesuffix(" %"),
        unit="" if share is None else "%",
        words=f"{failed:,} failed, {refused:,} refused in {findings.range.words}" if total else "no requests",
        state=None if share is None else _judge_failures(share),
        section="traffic",
        spark=_draw_spark([float(step.failed) if step.document or step.is_known else None for step in steps]),
    )


def _judge_failures(share: float) -> State:
    if share >= _MANY_FAILED:
        return "alarm"
    return "notice" if share else "good"


def _tell_drift(findings: Findings) -> Tile:
    if not findings.drift:
        return Tile(title="Drift", value="–", unit="", words="no full window yet", state="unknown", section="drift")
    document = findings.drift[0].document
    drifted, drifting = drift.count_drifted(document, 2), drift.count_drifted(document, 1)
    state: State = "alarm" if drifted else "notice" if drifting else "good"
    worst = next(iter(document.get("features", ())), None)
    words = "all as in training"
    if worst is not None and state != "good":
        words = f"the worst is {show_text(worst['name'], most=30)}"
    return Tile(
        title="Drifted features",
        value=f"{drifted:,}",
        unit=f"of {len(document.get('features', ())):,}",
        words=words,
        state=state,
        section="drift",
    )


def _tell_quality(findings: Findings) -> Tile:
    metrics = (findings.quality[0].document.get("metrics") or ()) if findings.quality else ()
    wanted = findings.model.eval_metric if findings.model else None
    metric = next((each for each in metrics if each["name"] == wanted), next(iter(metrics), None))
    if metric is None:
        return Tile(title="Quality", value="–", unit="", words="no outcomes yet", state="unknown", section="quality")
    state, verdict = quality.judge_metric(metric)
    return Tile(
        title=show_text(metric["name"], most=30),
        value=write_briefly(metric.get("value")),
        unit="",
        words=f"{verdict}: {write_briefly(metric.get('published'))}",
        state=state,
        section="quality",
    )


def _count_workers(findings: Findings) -> Tile:
    alive, ready = len(findings.workers), sum(worker.active is not None for worker in findings.workers)
    wrong = sum(worker.golden_ok is False for worker in findings.workers)
    state: State = "alarm" if wrong or not ready else "good" if ready == alive else "notice"
    words = f"{count(wrong, 'golden row')} wrong" if wrong else "ready to answer"
    return Tile(title="Workers", value=f"{ready:,}", unit=f"of {alive:,}", words=words, state=state, section="system")


def _draw_spark(values: Sequence[float | None]) -> str:
    """A line without axes; empty where there are fewer than two values."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    scale = Scale(0.0, max(known) or 1.0)
    width = _SPARK_WIDTH / max(1, len(values) - 1)
    path, follows = "", False
    for at, value in enumerate(values):
        if value is not None:
            y = 1 + (1 - scale.place(value)) * (_SPARK_HEIGHT - 2)
            path += f"{'L' if follows else 'M'}{at * width:.1f} {y:.1f}"
        follows = value is not None
    return path
