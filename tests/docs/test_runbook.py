"""The runbook has an entry for every alert, and names only commands, metrics and settings that exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml

import config
from app.cli.main import main
from app.monitoring.alerts.messages import PAGE
from app.monitoring.alerts.rules import AlertRule, read_alert_rules
from config.settings import describe_settings
from tests.docs.pages import read_anchors
from tests.monitoring.metrics.full_page import read_full_page
from tests.rules.repository import ROOT

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
RULES = read_alert_rules(Path(config.__file__).with_name("alerts.yaml")).rules
PARTS = ("Means", "Look first", "Do", "Ends")

_ENTRY = re.compile(r"^### (.+)\n\n((?:- .+\n)+)", re.MULTILINE)
_PART = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Entry:
    """What the runbook says of one alert, or of two that tell the same."""

    names: tuple[str, ...]
    parts: dict[str, str]


def read_entries(text: str) -> list[Entry]:
    return [Entry(tuple(names.split(", ")), dict(_PART.findall(parts))) for names, parts in _ENTRY.findall(text)]


def list_prometheus_alerts() -> set[str]:
    document = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return {rule["alert"] for group in document["groups"] for rule in group["rules"]}


def find_unknown(code: str) -> list[str]:
    """What somebody would type or look for in vain: a command, a metric, a setting."""
    words = code.split()
    if words[0] == "gluonserve":
        return [] if leads_to_a_command(words[1:]) else [code]
    if code.startswith("gluonserve_"):
        return [] if code in read_full_page() else [code]
    if re.match(r"(GLUONSERVE_\w+|LOG_PATH|WEB_CONCURRENCY)", code):
        return [] if code.partition("=")[0] in {name for name, *_ in describe_settings()} else [code]
    return []


def leads_to_a_command(words: list[str]) -> bool:
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            break
        if word not in command.commands:
            return False
        command = command.commands[word]
    return not isinstance(command, click.Group)


def test_every_rule_has_an_entry_and_every_entry_a_rule() -> None:
    named = [name for entry in read_entries(TEXT) for name in entry.names]
    assert sorted(named) == sorted({rule.name for rule in RULES} | list_prometheus_alerts())


def test_messages_and_annotations_lead_to_entries() -> None:
    anchors = read_anchors(TEXT)
    assert [name for entry in read_entries(TEXT) for name in entry.names if name.lower() not in anchors] == []


@pytest.mark.parametrize("entry", read_entries(TEXT), ids=lambda entry: entry.names[0])
def test_an_entry_says_what_it_means_where_to_look_what_to_do_and_when_it_ends(entry: Entry) -> None:
    assert tuple(entry.parts) == PARTS
    codes = [code for part in entry.parts.values() for code in _CODE.findall(part)]
    assert [unknown for code in codes for unknown in find_unknown(code)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_end_of_an_alert_is_that_of_its_rule(rule: AlertRule) -> None:
    (ends,) = (entry.parts["Ends"] for entry in read_entries(TEXT) if rule.name in entry.names)
    if rule.resolve_minutes:
        assert f"{rule.resolve_minutes:g} minute" in ends
    else:
        assert ends.startswith(("with the first", "at once"))


@pytest.mark.parametrize("code", ["gluonserve models show", "gluonserve_workers", "GLUONSERVE_MONITOR=off", "top"])
def test_what_exists_is_not_complained_of(code: str) -> None:
    assert find_unknown(code) == []


@pytest.mark.parametrize("code", ["gluonserve models undo", "gluonserve models", "gluonserve_worker", "GLUONSERVE_X"])
def test_what_does_not_exist_is_found(code: str) -> None:
    assert find_unknown(code) == [code]
