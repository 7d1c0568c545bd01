"""Samples, figures and reports without any server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.loadtest.order import LoadOrder
from app.loadtest.results.figures import compute_figures
from app.loadtest.results.report import Client, LoadReport
from app.loadtest.sending.samples import Samples
from app.loadtest.sending.target import read_target

CLIENT = Client(cpu_share=0.1, us_per_request=100.0, reconnects=0, unanswered=0)


def make_samples(
    latencies_ms: Sequence[float], *, seconds: float = 10.0, outcomes: Sequence[int] = (), names: Sequence[str] = ()
) -> Samples:
    """Requests that were due at equal distances, each with its latency."""
    latencies = np.array(latencies_ms, float)
    due = np.linspace(0.0, seconds, len(latencies), endpoint=False)
    kinds = np.array(outcomes or [0] * len(latencies), np.uint16)
    return Samples(due, due, due + latencies / 1000.0, kinds, ("success", *names))


def make_latencies(count: int = 2000, *, scale_ms: float = 5.0, seed: int = 0) -> list[float]:
    random = np.random.default_rng(seed)
    return list(random.lognormal(np.log(scale_ms), 0.5, count))


def make_order(**changes: Any) -> LoadOrder:
    url = changes.pop("url", "http://127.0.0.1:8000")
    return LoadOrder(**{"target": read_target(url), "rows": Path("rows.csv"), "users": 8, **changes})


def make_report(samples: Samples, *, seconds: float = 10.0, unsent: int = 0, **changes: Any) -> LoadReport:
    figures = compute_figures(samples, rows_per_request=1, seconds=seconds, unsent=unsent)
    return LoadReport(
        **{
            "order": make_order(seconds=seconds),
            "began_at": "2026-11-23T04:19:03Z",
            "rows": 100,
            "warm_up_requests": 0,
            "figures": figures,
            "client": CLIENT,
            "was_interrupted": False,
            **changes,
        }
    )
