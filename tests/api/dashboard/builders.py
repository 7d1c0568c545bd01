"""Documents as the watcher writes them, and snapshots of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.monitoring.snapshots import Snapshot, SnapshotKind
from app.monitoring.watcher.tally import Tally
from tests.monitoring.watcher.builders import make_record

MINUTE = timedelta(minutes=1)


def make_traffic(
    start: datetime, *, requests: int = 60, failed: int = 0, refused: int = 0, slow: float = 1.0
) -> Snapshot:
    """A minute of traffic, as the watcher adds it up."""
    tally = Tally()
    for number in range(requests - failed - refused):
        milliseconds = slow * (1.0 + (number % 17) / 5)
        ms = {"queue": 0.1, "validate": 0.2, "predict": milliseconds - 0.3, "total": milliseconds}
        tally.add_request(make_record(ms=ms, rows=1 + number % 3))
    for status, count, error in ((500, failed, "prediction_failed"), (422, refused, "invalid_rows")):
        for _ in range(count):
            tally.add_request(make_record(status=status, error=error))
    return make_snapshot("traffic", start, tally.to_document(), length=MINUTE)


def make_snapshot(
    kind: SnapshotKind, start: datetime, document: Mapping[str, Any], *, length: timedelta = MINUTE, **others: Any
) -> Snapshot:
    return Snapshot(kind=kind, window_start=start, window_end=start + length, document=document, **others)


def make_bins(shift: float = 0.0, *, count: int = 12) -> list[dict[str, Any]]:
    """Bells over ranges of numbers, the live one moved by so many bins."""

    def weigh(middle: float) -> list[float]:
        weights = [math.exp(-(((at - middle) / 2.2) ** 2)) for at in range(count)]
        return [weight / sum(weights) for weight in weights]

    before, now = weigh(count / 2), weigh(count / 2 + shift)
    return [{"label": f"{at * 6} to {at * 6 + 6}", "reference": before[at], "live": now[at]} for at in range(count)]


def make_feature(name: str = "tenure", *, level: int = 0, **changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "name": name,
        "importance": 0.031,
        "kind": "number",
        "level": level,
        "psi": 0.04 + 0.2 * level,
        "test": "ks",
        "statistic": 0.02 + 0.1 * level,
        "p_value": 0.31 if level == 0 else 1e-9,
        "effect": 0.02 + 0.1 * level,
        "null_share": 0.0,
        "reference_null_share": 0.0,
        "unseen_share": 0.0,
        "out_of_range_share": 0.0,
        "reasons": [] if level == 0 else ["the mean moved by 0.52 standard deviations"],
        "bins": make_bins(1.4 * level),
    }
    return {**usual, **changes}


def make_drift(end: datetime, features: list[dict[str, Any]], *, version: str = "3", **changes: Any) -> Snapshot:
    document = {"rows": 1000, "least_rows": 500, "features": features, "predictions": None, **changes}
    return make_snapshot("drift", end - 10 * MINUTE, document, length=10 * MINUTE, version=version)


def make_metric(name: str = "roc_auc", **changes: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "value": 0.81,
        "low": 0.77,
        "high": 0.85,
        "published": 0.84,
        "published_low": 0.82,
        "published_high": 0.86,
        "higher_is_better": True,
        "drop": 0.03,
    }
    return {**usual, **changes}


def make_quality(end: datetime, *metrics: dict[str, Any], version: str = "3", **changes: Any) -> Snapshot:
    document = {"outcomes": 412, "rows": 1000, "metrics": list(metrics), "money": None, **changes}
    return make_snapshot("quality", end - 60 * MINUTE, document, length=60 * MINUTE, version=version)


def make_alert(at: datetime, **changes: Any) -> Snapshot:
    document = {
        "rule": "latency_is_high",
        "state": "firing",
        "severity": "warning",
        "figure": "latency_p99_ms",
        "labels": {},
        "value": 312.0,
        "threshold": 200.0,
        "comparison": "above",
        "summary": "99 % of the predictions take up to 312 ms, above 200 ms for 5 minutes",
        "since": at.isoformat(),
        "deliveries": [{"destination": "mailto://***", "state": "delivered", "attempts": 1, "error": None}],
        **changes,
    }
    return make_snapshot("alert", at, document, length=timedelta(0))


def make_system(end: datetime, **changes: Any) -> Snapshot:
    document = {
        "cpu_percent": 31.0,
        "memory_percent": 48.0,
        "disk_free_percent": 62.0,
        "disk_free_bytes": 148_000_000_000,
        "workers": [],
        **changes,
    }
    return make_snapshot("system", end - MINUTE, document)


def make_watcher(at: datetime, **changes: Any) -> Snapshot:
    document = {
        "host": "vm-1",
        "pid": 4242,
        "lag_bytes": 0,
        "lag_seconds": 0.4,
        "records": 81234,
        "cycle_seconds": 0.021,
        "failures": {},
        "standby": False,
        **changes,
    }
    snapshot = make_snapshot("watcher", at, document, length=timedelta(0), identity="watcher")
    return replace(snapshot, created_at=at)


def list_busy_hour(now: datetime, *, features: int = 30, version: str = "3") -> list[Snapshot]:
    """What is told of a model that drifts and got worse, and that somebody was told of."""
    drifted = [make_feature(f"feature {number}", level=max(0, 2 - number // 10)) for number in range(features)]
    money = {"currency": "EUR", "total": -1.5, "per_row": -0.1}
    estimate = {"rows": 1000, "metrics": [make_metric("accuracy")], "checked": None}
    return [
        *(make_traffic(now - MINUTE * back, requests=60, failed=back % 3, refused=back % 5) for back in range(2, 60)),
        *(make_system(now - MINUTE * back) for back in range(60)),
        make_drift(now, drifted, predictions=make_feature("Yes", level=1), version=version),
        make_quality(now, make_metric(), make_metric("accuracy"), money=money, version=version),
        make_snapshot("estimate", now, estimate, version=version),
        *(make_alert(now - MINUTE * back, rule=f"rule_{back}") for back in range(20)),
        make_watcher(now),
    ]
