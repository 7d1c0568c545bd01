"""Declared rules: which figures break which limits, for how long, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.monitoring.figures import FIGURE_FAMILIES, Figure, is_figure

Severity = Literal["warning", "critical"]
Comparison = Literal["above", "below"]
ReactionKind = Literal["withdraw_candidate", "roll_back", "reject_feature"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning")
REACTIONS: tuple[ReactionKind, ...] = ("withdraw_candidate", "roll_back", "reject_feature")
ANY_METRIC = "*"
_OF_A_FEATURE = ("drift_psi", "drift_level", "null_share", "unseen_share", "out_of_range_share")
_MOST_RULES = 200


class AlertRulesUnusable(Exception):
    """The file of rules cannot be used. The message is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """What is wrong, and from when on somebody is told.

    Attributes:
        figure: A name of figures; one that ends with `*` means all that begin so, as in `quality_drop_*`.
        threshold: Beyond it, on the side of `comparison`, the rule is broken; at it, it is not.
        clear: What the value has to come back to for the rule to hold again; the threshold itself, or on its good side.
        for_minutes: For how long it has to be broken before it fires.
        resolve_minutes: For how long it has to hold again before that is over.
        labels: Only figures with these labels are looked at.
        advice: What to do first, one sentence.
        react: What is done without anybody asking when it fires.
    """

    name: str
    figure: str
    comparison: Comparison
    threshold: float
    clear: float
    for_minutes: float = 0.0
    resolve_minutes: float = 5.0
    severity: Severity = "warning"
    labels: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    react: ReactionKind | None = None

    def looks_at(self, figure: Figure) -> bool:
        named = self.figure.removesuffix(ANY_METRIC)
        is_named = figure.name == named if named == self.figure else figure.name.startswith(named)
        return is_named and all(figure.labels.get(name) == value for name, value in self.labels.items())

    def is_broken_by(self, value: float) -> bool:
        return value > self.threshold if self.comparison == "above" else value < self.threshold

    def is_cleared_by(self, value: float) -> bool:
        return value <= self.clear if self.comparison == "above" else value >= self.clear


@dataclass(frozen=True, kw_only=True)
class AlertRules:
    """All rules, and how often people are told.

    Attributes:
        spacing_minutes: The least time between two messages about alerts of one severity.
        cool_down_minutes: The least time between two messages that the same alert has begun.
        repeat_hours: After which time a message says that an alert still goes on.
    """

    spacing_minutes: float
    cool_down_minutes: float
    repeat_hours: float
    rules: tuple[AlertRule, ...]


def read_alert_rules(path: Path) -> AlertRules:
    """Read and check a file of rules.

    Raises:
        AlertRulesUnusable: naming the file and what is wrong in it.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        values: Any = _RulesDocument().load(document if document is not None else {})
    except OSError as fault:
        raise AlertRulesUnusable(f"The alert rules {path} cannot be read: {fault.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        line = str(fault).replace("\n", " ")
        raise AlertRulesUnusable(f"The alert rules {path} are not YAML: {line}.") from None
    except ValidationError as fault:
        raise AlertRulesUnusable(f"The alert rules {path} do not fit: {_describe_faults(fault.messages)}.") from None
    return AlertRules(**{**values, "rules": tuple(map(_build_rule, values["rules"]))})


def _build_rule(values: Mapping[str, Any]) -> AlertRule:
    others = {name: value for name, value in values.items() if name not in ("above", "below", "clear")}
    comparison: Comparison = "above" if "above" in values else "below"
    threshold = values[comparison]
    return AlertRule(**others, comparison=comparison, threshold=threshold, clear=values.get("clear", threshold))


def _describe_faults(messages: Any, place: str = "") -> str:
    if isinstance(messages, Mapping):
        return "; ".join(_describe_faults(item, f"{place}.{name}".lstrip(".")) for name, item in messages.items())
    return f"{place}: {' '.join(str(message).rstrip('.') for message in messages)}".removeprefix("_schema: ")


def _check_figure(name: str) -> None:
    is_family = name.endswith(ANY_METRIC) and name.removesuffix(ANY_METRIC) in FIGURE_FAMILIES
    if not is_family and (ANY_METRIC in name or not is_figure(name)):
        raise ValidationError("not a figure; docs/monitoring/alerts.md lists them all")


def _minutes() -> fields.Float:
    return fields.Float(allow_nan=False, validate=validate.Range(min=0, max=60 * 24 * 30))


class _RuleDocument(Schema):
    name = fields.String(
        required=True,
        validate=validate.Regexp(r"[a-z][a-z0-9_]{0,63}\Z", error="expected a name as in error_share"),
    )
    figure = fields.String(required=True, validate=_check_figure)
    above = fields.Float(allow_nan=False)
    below = fields.Float(allow_nan=False)
    clear = fields.Float(allow_nan=False)
    for_minutes = _minutes()
    resolve_minutes = _minutes()
    severity = fields.String(validate=validate.OneOf(SEVERITIES, error="not one of {choices}"))
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    advice = fields.String(validate=validate.Length(max=500))
    react = fields.String(validate=validate.OneOf(REACTIONS, error="not one of {choices}"))

    @validates_schema
    def check_sides(self, values: Mapping[str, Any], **_: object) -> None:
        if ("above" in values) == ("below" in values):
            raise ValidationError("expected either above or below", "above")
        rule = _build_rule(values)
        if rule.is_broken_by(rule.clear):
            raise ValidationError("the rule would be broken by it", "clear")
        if rule.react == "reject_feature" and rule.figure not in _OF_A_FEATURE:
            raise ValidationError(f"reject_feature needs a figure of a feature: {', '.join(_OF_A_FEATURE)}", "react")


class _RulesDocument(Schema):
    spacing_minutes = fields.Float(required=True, allow_nan=False, validate=validate.Range(min=0, max=1440))
    cool_down_minutes = fields.Float(required=True, allow_nan=False, validate=validate.Range(min=0, max=1440))
    repeat_hours = fields.Float(required=True, allow_nan=False, validate=validate.Range(min=1, max=720))
    rules = fields.List(fields.Nested(_RuleDocument), required=True, validate=validate.Length(max=_MOST_RULES))

    @validates_schema
    def check_names(self, values: Mapping[str, Any], **_: object) -> None:
        names = [rule["name"] for rule in values["rules"]]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValidationError(f"more than one has the name {', '.join(repeated)}", "rules")
