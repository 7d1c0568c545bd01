"""The whole page of what was found."""

from __future__ import annotations

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.overview import describe_overview
from app.api.dashboard.view.page import Page
from app.api.dashboard.view.sections.alerts import describe_alerts
from app.api.dashboard.view.sections.drift import describe_drift
from app.api.dashboard.view.sections.jobs import describe_jobs
from app.api.dashboard.view.sections.quality import describe_quality
from app.api.dashboard.view.sections.system import describe_system
from app.api.dashboard.view.sections.traffic import describe_traffic
from app.api.dashboard.view.sections.versions import describe_versions
from app.api.dashboard.view.sections.watcher import describe_watcher
from app.charts.text import show_text

_SECTIONS = (
    describe_alerts,
    describe_traffic,
    describe_drift,
    describe_quality,
    describe_versions,
    describe_jobs,
    describe_system,
    describe_watcher,
)


def build_page(findings: Findings) -> Page:
    model = findings.model
    return Page(
        subject=show_text(model.name) if model else "",
        version=show_text(model.version, most=20) if model else "",
        range=findings.range,
        overview=describe_overview(findings),
        sections=tuple(describe(findings) for describe in _SECTIONS),
    )
