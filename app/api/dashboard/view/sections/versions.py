"""Versions: which one answers, how it came to be, and who did what to this installation."""

from __future__ import annotations

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Fact, Facts, Note, Section, TableBlock
from app.api.dashboard.view.presence import DATABASE_SILENT
from app.api.dashboard.view.words import write_moment, write_written_moment
from app.charts.table import Cell, State, Table, make_row
from app.charts.text import show_text, write_number, write_share
from app.release.candidate import CandidatePointer
from app.release.manifest import Manifest
from app.release.pointer import HistoryEntry
from app.security.audit import AuditEntry
from app.serving.rollout.versions import VersionSummary

_MOST_VERSIONS = 10
_MOST_ACTIVATIONS = 10
_OUTCOMES: dict[str, State] = {"done": "good", "failed": "alarm", "started": "unknown"}


def describe_versions(findings: Findings) -> Section:
    """The active version, all others, the activations and the last acts."""
    blocks: list[Block] = [_describe_active(findings)]
    if findings.candidate is not None:
        blocks.append(_describe_trial(findings.candidate, findings))
    if findings.versions.versions:
        blocks.append(TableBlock(_tabulate_versions(findings)))
    if findings.versions.activations:
        blocks.append(TableBlock(_tabulate_activations(findings.versions.activations, findings)))
    if findings.acts:
        blocks.append(TableBlock(_tabulate_acts(findings)))
    if findings.is_database_silent:
        blocks.append(DATABASE_SILENT)
    return Section("versions", "Versions", tuple(blocks))


def _describe_active(findings: Findings) -> Block:
    model = findings.model
    if model is None:
        return Note(
            "No version answers: nothing is active, or it could not be loaded.",
            "alarm",
            "Publish one with gluonserve train, then: gluonserve models activate VERSION",
        )
    executed = "its compiled plan" if findings.execution == "plan" else "AutoGluon itself"
    return Facts(
        (
            Fact("active", f"version {show_text(model.version, most=20)}"),
            Fact("model", show_text(model.name)),
            Fact("predicts", f"{show_text(model.label)}, {model.problem_type}"),
            Fact("published", write_written_moment(model.created, findings.now)),
            Fact(f"{show_text(model.eval_metric, most=30)} then", _write_quality(model)),
            Fact("executed by", executed),
        )
    )


def _write_quality(model: Manifest) -> str:
    metric = model.quality.get(model.eval_metric)
    if metric is None:
        return "–"
    return f"{write_number(metric.value)} ({write_number(metric.low)} to {write_number(metric.high)})"


def _describe_trial(trial: CandidatePointer, findings: Findings) -> Note:
    version, since = show_text(trial.version, most=20), write_written_moment(trial.since, findings.now)
    does = "answers" if trial.mode == "canary" else "sees a copy of"
    of = "callers" if trial.mode == "canary" else "requests"
    return Note(
        f"On trial as {trial.mode}: version {version} {does} {write_share(trial.share)} of the {of} since {since}, "
        f"asked for by {show_text(trial.who, most=60)}."
    )


def _tabulate_versions(findings: Findings) -> Table:
    newest = list(reversed(findings.versions.versions))
    left_out = len(newest) - _MOST_VERSIONS
    return Table(
        caption="Published versions, the newest first",
        columns=("version", "state", "published", "metric", "value", "95 % interval", "size, MB"),
        rows=tuple(_describe_version(version, findings) for version in newest[:_MOST_VERSIONS]),
        numeric=frozenset({4, 5, 6}),
        note=f"And {left_out:,} older ones: gluonserve models list" if left_out > 0 else "",
    )


def _describe_version(version: VersionSummary, findings: Findings) -> tuple[Cell, ...]:
    quality = version.quality
    return make_row(
        show_text(version.version, most=20),
        _describe_state(version, findings),
        write_written_moment(version.created, findings.now),
        show_text(version.eval_metric or "–", most=30),
        write_number(quality.value if quality else None),
        f"{write_number(quality.low)} to {write_number(quality.high)}" if quality else "–",
        write_number(version.size_mb),
    )


def _describe_state(version: VersionSummary, findings: Findings) -> Cell:
    if version.is_active:
        return Cell("active", state="good")
    if version.name is None:
        return Cell("not readable or not trusted", state="alarm")
    if findings.candidate is not None and findings.candidate.version == version.version:
        return Cell(f"on trial ({findings.candidate.mode})")
    return Cell("before the active one" if version.is_previous else "published")


def _tabulate_activations(activations: list[HistoryEntry], findings: Findings) -> Table:
    return Table(
        caption="Activations and rollbacks, the newest first",
        columns=("version", "in place of", "at", "by"),
        rows=tuple(
            make_row(
                show_text(entry.get("version") or "–", most=20),
                show_text(entry.get("previous") or "–", most=20),
                write_written_moment(entry.get("activated"), findings.now),
                show_text(entry.get("by") or "–", most=60),
            )
            for entry in activations[:_MOST_ACTIVATIONS]
        ),
    )


def _tabulate_acts(findings: Findings) -> Table:
    return Table(
        caption="Who did what, the newest first",
        columns=("act", "outcome", "at", "by", "to", "before and after"),
        rows=tuple(_describe_act(entry, findings) for entry in findings.acts),
        is_folded=True,
        note="More of it: gluonserve audit",
    )


def _describe_act(entry: AuditEntry, findings: Findings) -> tuple[Cell, ...]:
    change = [show_text(value, most=40) for value in (entry.before, entry.after) if value is not None]
    return make_row(
        show_text(entry.action.replace("_", " "), most=40),
        Cell(entry.outcome, state=_OUTCOMES.get(entry.outcome)),
        write_moment(entry.at, findings.now),
        show_text(entry.actor, most=60),
        show_text(entry.target, most=60),
        " → ".join(change) or "–",
    )
