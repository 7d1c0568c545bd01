"""What a collector says, in a form that is easy to compare."""

from __future__ import annotations

from prometheus_client.registry import Collector


def read_collector(collector: Collector) -> dict[str, float]:
    """Every sample as `name[values of labels]`."""
    return {
        f"{sample.name.removeprefix('gluonserve_')}{list(sample.labels.values())}": sample.value
        for metric in collector.collect()
        for sample in metric.samples
    }
