"""The verdict: every limit against what was measured. One failed check and the model is not published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.release.manifest import MetricValue
from app.training.gate.checks import Check, GateReport
from app.training.gate.footprint import Footprint
from app.training.gate.limits import MEASUREMENTS, Direction, Limit
from app.training.gate.stability import Stability

_CLASSIFICATION = ("binary", "multiclass")
_FOOTPRINT_NAMES = ("latency_ms", "latency_p99_ms", "rows_per_second", "memory_mb", "size_mb")


def choose_default_limits(problem_type: str, *, memory_gb: float) -> tuple[Limit, ...]:
    """What every model must show when nobody says otherwise."""
    spread = [Limit("stability", "max", 0.1)] if problem_type in _CLASSIFICATION else []
    return (
        *spread,
        Limit("repeat_difference", "max", 0.0),
        Limit("batch_difference", "max", 1e-6),
        Limit("latency_ms", "max", 2000.0),
        Limit("memory_mb", "max", memory_gb * 1024),
    )


def collect_measurements(stability: Stability, footprint: Footprint | None) -> dict[str, float | None]:
    """Everything that the gate knows by the names of `MEASUREMENTS`; None where it could not be measured."""
    return {
        "stability": stability.fold_spread,
        "repeat_difference": stability.repeat_difference,
        "batch_difference": stability.batch_difference,
        **{name: getattr(footprint, name, None) for name in _FOOTPRINT_NAMES},
    }


def judge(
    limits: Iterable[Limit],
    *,
    defaults: Iterable[Limit],
    quality: Mapping[str, MetricValue],
    measurements: Mapping[str, float | None],
    findings: Iterable[Check] = (),
) -> GateReport:
    """Check every limit; a limit of one's own replaces the default one of the same name and direction.

    Args:
        findings: Checks that were made already; they come behind those of metrics.
    """
    asked = {(limit.metric, limit.direction): limit for limit in limits}
    standard = {(limit.metric, limit.direction): limit for limit in defaults}
    checks = [_check_metric(limit, quality) for limit in asked.values() if limit.metric not in MEASUREMENTS]
    checks += findings
    for name, measured in measurements.items():
        wanted = [limit for limit in {**standard, **asked}.values() if limit.metric == name]
        checks += [_check_measurement(limit, measured, is_asked=limit in asked.values()) for limit in wanted]
        if not wanted:
            checks.append(Check(name=name, measured=measured, limit=None, direction=None, passed=True))
    return GateReport(tuple(checks))


def _check_metric(limit: Limit, quality: Mapping[str, MetricValue]) -> Check:
    metric = quality.get(limit.metric)
    if metric is None:
        return _fail(limit, note="not defined on the held-out rows")
    expected: Direction = "min" if metric.higher_is_better else "max"
    better = "higher" if metric.higher_is_better else "lower"
    return Check(
        name=limit.metric,
        measured=metric.value,
        limit=limit.bound,
        direction=limit.direction,
        passed=limit.allows(metric.value),
        note="" if limit.direction == expected else f"{better} is better: is --{expected} meant?",
    )


def _check_measurement(limit: Limit, measured: float | None, *, is_asked: bool) -> Check:
    if measured is None and is_asked:
        return _fail(limit, note=f"cannot be measured: {_explain_absence(limit.metric)}")
    return Check(
        name=limit.metric,
        measured=measured,
        limit=limit.bound,
        direction=limit.direction,
        passed=measured is None or limit.allows(measured),
        note=_explain_absence(limit.metric) if measured is None else "",
    )


def _explain_absence(name: str) -> str:
    return "the release could not be loaded" if name in _FOOTPRINT_NAMES else "no bag has several folds"


def _fail(limit: Limit, *, note: str) -> Check:
    return Check(
        name=limit.metric, measured=None, limit=limit.bound, direction=limit.direction, passed=False, note=note
    )
