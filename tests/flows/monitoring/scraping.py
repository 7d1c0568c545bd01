"""The metrics of a running server, as Prometheus would read them."""

from __future__ import annotations

import itertools

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.server import RunningServer

Sample = tuple[str, tuple[str, ...]]


def scrape(server: RunningServer, key: str | None) -> dict[Sample, float]:
    """Every sample by its name and the values of its labels, in the order of the page."""
    page = server.get("/metrics", key)
    assert page.status_code == requests.codes.ok, page.text
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for metric in text_string_to_metric_families(page.text)
        for sample in metric.samples
    }


def count_predictions(samples: dict[Sample, float]) -> float:
    """Requests to /predict that were answered 200, by whichever version."""
    name = "gluonserve_requests_total"
    return sum(
        value for (found, labels), value in samples.items() if found == name and labels[:2] == ("/predict", "200")
    )


def add_up_totals(samples: dict[Sample, float]) -> dict[str, float]:
    """Whatever only goes up, over all labels; without processes, whose times go with them."""
    totals: dict[str, float] = {}
    for (name, _), value in samples.items():
        if name.endswith(("_total", "_count", "_sum", "_bucket")) and not name.startswith("gluonserve_process_"):
            totals[name] = totals.get(name, 0.0) + value
    return totals


def find_falls(pages: list[dict[Sample, float]]) -> list[str]:
    """The totals that were less on one page than on the page before it."""
    totals = [add_up_totals(page) for page in pages]
    return [
        f"{name}: {value} -> {after.get(name, 0.0)}"
        for before, after in itertools.pairwise(totals)
        for name, value in before.items()
        if after.get(name, 0.0) < value
    ]
