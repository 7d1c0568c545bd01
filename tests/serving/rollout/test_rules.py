from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

import config
from app.release.candidate import CandidatePointer
from app.serving.rollout.comparison.figures import Comparison, GroupFigures
from app.serving.rollout.comparison.intervals import Estimate
from app.serving.rollout.rules import (
    Limit,
    ModeRules,
    PromotionRule,
    RulesUnusable,
    Verdict,
    WithdrawalRule,
    count_hours,
    judge,
    read_rules,
)

SHIPPED = Path(config.__file__).with_name("rollout.yaml")
RULES = ModeRules(
    withdraw=(WithdrawalRule(figure="error_share", above=0.01, least_requests=200),),
    promote=PromotionRule(least_requests=1000, least_hours=24, limits=(Limit(figure="error_share", at_most=0.01),)),
)


def make_comparison(*, requests: int, errors: Estimate | None) -> Comparison:
    group = GroupFigures(requests=requests, rows=requests, errors=0, p50_ms=1.0, p99_ms=2.0, labels={})
    figures = {} if errors is None else {"error_share": errors}
    return Comparison(active=group, candidate=group, figures=figures, copies_sent=0, copies_dropped=0)


@pytest.mark.parametrize(
    ("requests", "hours", "errors", "expected"),
    [
        (
            200,
            0,
            Estimate(0.02, 0.01, 0.03),
            Verdict("withdraw", "error_share is 0.02 (0.01 to 0.03), above 0.01, in 200 requests"),
        ),
        (199, 0, Estimate(0.02, 0.01, 0.03), Verdict("wait", "199 of 1000 requests that a promotion needs")),
        (1000, 23.5, Estimate(0.0, 0.0, 0.004), Verdict("wait", "23.5 of 24 hours that a promotion needs")),
        (
            1000,
            24,
            Estimate(0.009, 0.004, 0.02),
            Verdict("wait", "error_share is 0.009 (0.004 to 0.02), and a promotion needs at most 0.01"),
        ),
        (1000, 24, None, Verdict("wait", "error_share is not known, and a promotion needs it")),
        (
            1000,
            24,
            Estimate(0.0, 0.0, 0.004),
            Verdict("promote", "1000 requests in 24.0 hours and all limits hold: error_share is 0 (0 to 0.004)"),
        ),
    ],
)
def test_rules_ask_for_what_the_figures_say(
    requests: int, hours: float, errors: Estimate | None, expected: Verdict
) -> None:
    assert judge(RULES, make_comparison(requests=requests, errors=errors), hours=hours) == expected


def test_without_a_rule_of_promotion_nothing_is_promoted() -> None:
    comparison = make_comparison(requests=10**9, errors=Estimate(0.0, 0.0, 0.0))
    assert judge(ModeRules(withdraw=RULES.withdraw), comparison, hours=10**6).decision == "wait"


def test_hours_count_from_the_beginning_of_the_trial() -> None:
    pointer = CandidatePointer(
        version="4", mode="canary", share=0.1, by="key", since="2026-11-23T04:00:00.000Z", who="x", trial="t"
    )
    assert count_hours(pointer, datetime(2026, 11, 24, 5, 30, tzinfo=timezone.utc)) == 25.5


def test_the_shipped_rules_are_valid_and_are_carried_out() -> None:
    rules = read_rules(SHIPPED)
    assert rules.act
    assert rules.modes["canary"].promote is not None
    assert rules.modes["shadow"].promote is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "act: Missing data"),
        ("act: [", "are not YAML"),
        ("act: yes please", "act: Not a valid boolean"),
        ("act: true\nshdow: {}", "shdow: Unknown field"),
        ("act: true\nshadow: {withdraw: [{figure: label_share_change, above: 0.1, least_requests: 1}]}", "not one of"),
        ("act: true\ncanary: {withdraw: [{figure: error_share, above: .nan, least_requests: 1}]}", "above: Special"),
        ("act: true\ncanary: {withdraw: [{figure: error_share, above: 0.1}]}", "withdraw.0.least_requests: Missing"),
        ("act: true\ncanary: {promote: {least_requests: 1, least_hours: 1, limits: []}}", "limits: Shorter"),
    ],
)
def test_rules_that_do_not_fit_are_refused_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(RulesUnusable) as refused:
        read_rules(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_missing_rules_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesUnusable, match="No such file"):
        read_rules(tmp_path / "none.yaml")
