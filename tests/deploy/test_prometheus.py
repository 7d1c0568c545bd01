"""Rules and dashboard ask for metrics that exist, and each alert says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.monitoring.metrics.full_page import read_full_page
from tests.rules.repository import ROOT

PLACE = ROOT / "deploy" / "prometheus"
_RECORDED = re.compile(r"\b[a-z_]+:gluonserve_[a-z0-9_]+:[a-z0-9_]+")
_METRIC = re.compile(r"(?<![:\w])gluonserve_[a-z0-9_]+(?![:\w])")
_SELECTED = re.compile(r"(gluonserve_[a-z0-9_]+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*[=!]~?")
# Prometheus itself adds them to what it scrapes.
_ADDED = {"job", "instance"}


def read_rules(name: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load((PLACE / name).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def read_panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads((PLACE / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return panels


def read_expressions() -> Iterator[str]:
    yield from (rule["expr"] for name in ("recording.yaml", "alerts.yaml") for rule in read_rules(name))
    yield from (target["expr"] for panel in read_panels() for target in panel.get("targets", ()))


def find_unknown(expression: str) -> list[str]:
    """What an expression asks for and nobody has: metrics, recorded ones, labels."""
    samples = {name: one for one in read_full_page().values() for name in one.names}
    recorded = {rule["record"] for rule in read_rules("recording.yaml")}
    plain = re.sub(r'"[^"]*"', '""', _RECORDED.sub("", expression))
    unknown = [name for name in _METRIC.findall(plain) if name not in samples]
    unknown += [name for name in _RECORDED.findall(expression) if name not in recorded]
    for name, selector in _SELECTED.findall(plain):
        known = {*samples[name].labels, *_ADDED} if name in samples else set(_LABEL.findall(selector))
        unknown += [f"{name}{{{label}}}" for label in _LABEL.findall(selector) if label not in known]
    return unknown


def test_all_that_is_asked_for_exists() -> None:
    assert [unknown for expression in read_expressions() for unknown in find_unknown(expression)] == []
    assert sum(1 for _ in read_expressions()) > 80


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("rate(gluonserve_request_total[5m])", ["gluonserve_request_total"]),
        ('gluonserve_workers{model="3"} > 1', ["gluonserve_workers{model}"]),
        ("job:gluonserve_latency:p99", ["job:gluonserve_latency:p99"]),
        ('up{job="gluonserve"} == 0', []),
        ('rate(gluonserve_requests_total{route="/predict", instance="a"}[5m])', []),
        ("rate(gluonserve_request_duration_seconds_bucket[5m])", []),
    ],
)
def test_what_does_not_exist_is_found(expression: str, unknown: list[str]) -> None:
    assert find_unknown(expression) == unknown


def test_every_alert_says_how_grave_it_is_what_it_means_and_where_to_read_on() -> None:
    alerts = read_rules("alerts.yaml")
    assert [rule for rule in alerts if rule["labels"] not in ({"severity": "critical"}, {"severity": "warning"})] == []
    assert [
        rule for rule in alerts if not (rule["annotations"]["summary"] and rule["annotations"]["description"])
    ] == []
    assert [rule["annotations"]["runbook_url"] for rule in alerts] == [
        f"docs/monitoring/runbook.md#{rule['alert'].lower()}" for rule in alerts
    ]


def test_the_configuration_names_the_rules_that_lie_beside_it() -> None:
    configuration = yaml.safe_load((PLACE / "prometheus.yaml").read_text(encoding="utf-8"))
    assert all((PLACE / name).is_file() for name in configuration["rule_files"])
    assert [job["job_name"] for job in configuration["scrape_configs"]] == ["gluonserve"]


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads((PLACE / "dashboard.json").read_text(encoding="utf-8"))
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "job"]
    panels = read_panels()
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == [
        "Now",
        "Traffic",
        "Latency",
        "Errors and warnings",
        "Drift",
        "Quality",
        "Workers and versions",
        "System",
    ]
    assert [panel["title"] for panel in panels if panel["type"] != "row" and not panel["description"]] == []
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
