from __future__ import annotations

from pathlib import Path

import pytest

import config
from app.monitoring.alerts.rules import AlertRulesUnusable, read_alert_rules

SHIPPED = Path(config.__file__).with_name("alerts.yaml")
HEAD = "spacing_minutes: 5\ncool_down_minutes: 30\nrepeat_hours: 12\n"


def write_rules(path: Path, rules: str, *, head: str = HEAD) -> Path:
    file = path / "alerts.yaml"
    file.write_text(f"{head}rules:\n{rules}", encoding="utf-8")
    return file


def test_the_shipped_rules_are_read_and_none_of_them_acts() -> None:
    rules = read_alert_rules(SHIPPED)

    assert len(rules.rules) > 12
    assert {rule.react for rule in rules.rules} == {None}
    assert all(rule.advice for rule in rules.rules)


def test_a_rule_takes_what_is_left_out_from_the_usual(tmp_path: Path) -> None:
    (rule,) = read_alert_rules(write_rules(tmp_path, "- {name: a, figure: cpu_percent, above: 90}")).rules

    assert (rule.comparison, rule.threshold, rule.clear, rule.for_minutes, rule.severity) == (
        "above",
        90,
        90,
        0,
        "warning",
    )


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{figure: cpu_percent, above: 1}", "rules.0.name: Missing data for required field"),
        ("{name: A b, figure: cpu_percent, above: 1}", "rules.0.name: expected a name as in error_share"),
        ("{name: a, figure: cpu, above: 1}", "rules.0.figure: not a figure; docs/monitoring/alerts.md lists them all"),
        ("{name: a, figure: cpu_*, above: 1}", "rules.0.figure: not a figure"),
        ("{name: a, figure: cpu_percent}", "rules.0.above: expected either above or below"),
        ("{name: a, figure: cpu_percent, above: 1, below: 0}", "rules.0.above: expected either above or below"),
        ("{name: a, figure: cpu_percent, above: .nan}", "rules.0.above: Special numeric values"),
        ("{name: a, figure: cpu_percent, above: 5, clear: 6}", "rules.0.clear: the rule would be broken by it"),
        ("{name: a, figure: cpu_percent, above: 5, for_minutes: -1}", "rules.0.for_minutes: Must be greater than or"),
        ("{name: a, figure: cpu_percent, above: 5, severity: bad}", "rules.0.severity: not one of critical, warning"),
        ("{name: a, figure: cpu_percent, above: 5, react: reboot}", "rules.0.react: not one of withdraw_candidate"),
        ("{name: a, figure: cpu_percent, above: 5, react: reject_feature}", "rules.0.react: reject_feature needs a"),
        ("{name: a, figure: cpu_percent, above: 5, fro: 1}", "rules.0.fro: Unknown field"),
        (
            "{name: a, figure: cpu_percent, above: 5}\n- {name: a, figure: cpu_percent, above: 6}",
            "rules: more than one",
        ),
    ],
)
def test_a_rule_that_does_not_fit_is_told_by_its_place(tmp_path: Path, rule: str, fault: str) -> None:
    path = write_rules(tmp_path, f"- {rule}")

    with pytest.raises(AlertRulesUnusable) as refused:
        read_alert_rules(path)

    assert str(refused.value).startswith(f"The alert rules {path} do not fit: {fault}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "rules: []", "- a", "a: [", "\x00"])
def test_what_are_no_rules_are_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(AlertRulesUnusable, match="The alert rules "):
        read_alert_rules(path)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(AlertRulesUnusable, match="cannot be read: No such file or directory"):
        read_alert_rules(Path("/nowhere/alerts.yaml"))
