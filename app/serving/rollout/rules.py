"""Declared rules: when a candidate is withdrawn, and when it is promoted, by the figures of its comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from marshmallow import Schema, ValidationError, fields, validate

from app.release.candidate import CandidatePointer, TrialMode
from app.serving.rollout.comparison.figures import FIGURES, Comparison
from app.serving.rollout.comparison.intervals import Estimate

SECONDS_PER_HOUR = 3600


class RulesUnusable(Exception):
    """The file of rules cannot be used. The message is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class WithdrawalRule:
    """Withdraw when a figure is above a limit, from so many requests of the candidate on."""

    figure: str
    above: float
    least_requests: int


@dataclass(frozen=True, kw_only=True)
class Limit:
    figure: str
    at_most: float


@dataclass(frozen=True, kw_only=True)
class PromotionRule:
    """Promote when the candidate had so many requests over so many hours and every limit holds."""

    least_requests: int
    least_hours: float
    limits: tuple[Limit, ...]


@dataclass(frozen=True, kw_only=True)
class ModeRules:
    """The rules of canaries, or of shadows."""

    withdraw: tuple[WithdrawalRule, ...] = ()
    promote: PromotionRule | None = None


@dataclass(frozen=True, kw_only=True)
class RolloutRules:
    """All rules; `act` says whether they are carried out or only shown."""

    act: bool
    modes: Mapping[TrialMode, ModeRules]


@dataclass(frozen=True)
class Verdict:
    """What the rules ask for, and why, in one sentence that holds the figures."""

    decision: Literal["withdraw", "promote", "wait"]
    reason: str


def read_rules(path: Path) -> RolloutRules:
    """Read and check a file of rules.

    Raises:
        RulesUnusable: naming the file and what is wrong in it.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        values: Any = _RulesDocument().load(document if document is not None else {})
    except OSError as fault:
        raise RulesUnusable(f"The rollout rules {path} cannot be read: {fault.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        line = str(fault).replace("\n", " ")
        raise RulesUnusable(f"The rollout rules {path} are not YAML: {line}.") from None
    except ValidationError as fault:
        raise RulesUnusable(f"The rollout rules {path} do not fit: {_describe_faults(fault.messages)}.") from None
    return RolloutRules(
        act=values["act"],
        modes={"canary": _build_rules(values.get("canary", {})), "shadow": _build_rules(values.get("shadow", {}))},
    )


def judge(rules: ModeRules, comparison: Comparison, *, hours: float) -> Verdict:
    """Say what the rules of the candidate's mode ask for after so many hours."""
    requests = comparison.candidate.requests
    for rule in rules.withdraw:
        figure = comparison.figures.get(rule.figure)
        if figure and requests >= rule.least_requests and figure.value > rule.above:
            return Verdict(
                "withdraw", f"{_describe(rule.figure, figure)}, above {rule.above:g}, in {requests} requests"
            )
    if rules.promote is None:
        return Verdict("wait", "no rule asks for a withdrawal, and none for a promotion")
    reason = _find_what_is_missing(rules.promote, comparison, hours=hours)
    if reason:
        return Verdict("wait", reason)
    held = "; ".join(_describe(limit.figure, comparison.figures[limit.figure]) for limit in rules.promote.limits)
    return Verdict("promote", f"{requests} requests in {hours:.1f} hours and all limits hold: {held}")


def count_hours(candidate: CandidatePointer, now: datetime) -> float:
    since = datetime.fromisoformat(candidate.since.replace("Z", "+00:00"))
    return (now - since).total_seconds() / SECONDS_PER_HOUR


def _find_what_is_missing(rule: PromotionRule, comparison: Comparison, *, hours: float) -> str:
    """Say what keeps a candidate from being promoted; nothing when all holds."""
    if comparison.candidate.requests < rule.least_requests:
        return f"{comparison.candidate.requests} of {rule.least_requests} requests that a promotion needs"
    if hours < rule.least_hours:
        return f"{hours:.1f} of {rule.least_hours:g} hours that a promotion needs"
    for limit in rule.limits:
        figure = comparison.figures.get(limit.figure)
        if figure is None:
            return f"{limit.figure} is not known, and a promotion needs it"
        if (figure.value if figure.high is None else figure.high) > limit.at_most:
            return f"{_describe(limit.figure, figure)}, and a promotion needs at most {limit.at_most:g}"
    return ""


def _describe(name: str, figure: Estimate) -> str:
    if figure.low is None or figure.high is None:
        return f"{name} is {figure.value:.4g}"
    return f"{name} is {figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g})"


def _build_rules(values: Mapping[str, Any]) -> ModeRules:
    promote = values.get("promote")
    return ModeRules(
        withdraw=tuple(WithdrawalRule(**rule) for rule in values.get("withdraw", ())),
        promote=promote
        and PromotionRule(**{**promote, "limits": tuple(Limit(**limit) for limit in promote["limits"])}),
    )


def _describe_faults(messages: Any, place: str = "") -> str:
    if isinstance(messages, Mapping):
        return "; ".join(_describe_faults(item, f"{place}.{name}".lstrip(".")) for name, item in messages.items())
    return f"{place}: {' '.join(str(message).rstrip('.') for message in messages)}"


def _number(**limits: Any) -> fields.Float:
    return fields.Float(required=True, allow_nan=False, validate=validate.Range(min=0, **limits))


def _count() -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


def _figure(names: Sequence[str]) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(names, error="not one of {choices}"))


def _describe_mode(mode: TrialMode) -> fields.Nested:
    """The schema of one mode's section: only figures that this mode measures may be named."""
    names = list(FIGURES[mode])
    withdrawal = _nest(figure=_figure(names), above=_number(), least_requests=_count())
    limits = fields.List(
        _nest(figure=_figure(names), at_most=_number()), required=True, validate=validate.Length(min=1)
    )
    promotion = _nest(least_requests=_count(), least_hours=_number(), limits=limits)
    return _nest(withdraw=fields.List(withdrawal), promote=promotion)


def _nest(**members: fields.Field[Any]) -> fields.Nested:
    return fields.Nested(Schema.from_dict(members))


class _RulesDocument(Schema):
    act = fields.Boolean(required=True, truthy={True}, falsy={False})
    canary = _describe_mode("canary")
    shadow = _describe_mode("shadow")
