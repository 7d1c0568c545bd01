"""Tables that are scored in the background: how far each is, and what became of it."""

from __future__ import annotations

from app.api.dashboard.findings import MOST_JOBS, Findings
from app.api.dashboard.view.page import Block, Note, Section, TableBlock
from app.api.dashboard.view.presence import DATABASE_SILENT
from app.api.dashboard.view.words import write_briefly, write_moment
from app.charts.table import Cell, State, Table, make_row
from app.charts.text import show_text, write_share
from app.serving.jobs.job import JobProgress

_STATES: dict[str, State] = {"done": "good", "failed": "alarm", "queued": "unknown"}


def describe_jobs(findings: Findings) -> Section:
    """The last jobs of all keys."""
    blocks: list[Block] = []
    if findings.is_database_silent:
        blocks.append(DATABASE_SILENT)
    elif findings.jobs:
        blocks.append(TableBlock(_tabulate(findings)))
    else:
        blocks.append(Note("There are no jobs.", advice="Score long tables in the background: POST /jobs"))
    return Section("jobs", "Jobs", tuple(blocks))


def _tabulate(findings: Findings) -> Table:
    return Table(
        caption="Jobs, the newest first",
        columns=("job", "state", "handed in", "key", "version", "rows done", "of all", "rows/s", "why it failed"),
        rows=tuple(_describe(progress, findings) for progress in findings.jobs),
        numeric=frozenset({5, 6, 7}),
        note=f"The last {MOST_JOBS}; others: GET /jobs" if len(findings.jobs) == MOST_JOBS else "",
    )


def _describe(progress: JobProgress, findings: Findings) -> tuple[Cell, ...]:
    job = progress.job
    return make_row(
        job.id[:8],
        Cell(progress.state, state=_STATES.get(progress.state)),
        write_moment(job.created_at, findings.now),
        show_text(job.key_id, most=20),
        show_text(job.version, most=20),
        f"{progress.rows_done:,}",
        "–" if progress.share is None else write_share(progress.share),
        write_briefly(progress.rows_per_second),
        "–" if job.refusal is None else show_text(job.refusal.detail, most=200),
    )
