"""Documents of snapshots as the watcher writes them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from app.monitoring.snapshots import Snapshot, SnapshotKind

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=timezone.utc)


def make_snapshot(
    kind: SnapshotKind, document: dict[str, Any], *, version: str | None = "3", ago: int = 60
) -> Snapshot:
    """Args: ago: Seconds since its window, which was a minute, ended."""
    end = datetime.now(timezone.utc) - timedelta(seconds=ago)
    return Snapshot(
        kind=kind, version=version, window_start=end - timedelta(seconds=60), window_end=end, document=document
    )


def make_feature(name: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "importance": 0.2,
        "kind": "number",
        "level": 2,
        "psi": 0.31,
        "test": "ks",
        "statistic": 0.2,
        "p_value": 0.001,
        "effect": 0.25,
        "null_share": 0.5,
        "reference_null_share": 0.0,
        "unseen_share": None,
        "out_of_range_share": 0.125,
        "reasons": [],
        "bins": [],
    }
    return {**usual, **changes}


def make_drift(*features: dict[str, Any]) -> dict[str, Any]:
    predictions = make_feature("prediction", psi=0.07, level=0)
    return {"rows": 1000, "least_rows": 500, "features": list(features), "predictions": predictions}


def make_quality() -> dict[str, Any]:
    accuracy = {
        "name": "accuracy",
        "value": 0.75,
        "low": 0.5,
        "high": 0.875,
        "published": 0.8125,
        "published_low": 0.75,
        "published_high": 0.875,
        "higher_is_better": True,
        "drop": 0.0625,
    }
    return {
        "outcomes": 400,
        "rows": 1000,
        "metrics": [accuracy],
        "money": {"currency": "EUR", "total": -120.5, "per_row": -0.3, "by_outcome": {}},
    }


def make_estimate() -> dict[str, Any]:
    accuracy = {
        "name": "accuracy",
        "value": 0.78,
        "low": 0.7,
        "high": 0.8,
        "published": 0.8125,
        "higher_is_better": True,
    }
    return {"rows": 1000, "metrics": [accuracy], "checked": None}


def make_heartbeat() -> dict[str, Any]:
    return {
        "host": "web-1",
        "pid": 7,
        "lag_bytes": 4096,
        "lag_seconds": 1.5,
        "records": 12,
        "cycle_seconds": 0.25,
        "failures": {"drift": {"count": 2, "last": "KeyError"}},
        "standby": False,
    }
