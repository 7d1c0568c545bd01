"""Which models of an ensemble go first: those of which a weight costs most time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def list_pruned_weights(weights: Mapping[str, float], costs_ms: Mapping[str, float]) -> Iterator[dict[str, float]]:
    """Ensembles of ever fewer models, down to two: at each step the one with the least weight per millisecond goes.

    No label is looked at, so that the held-out rows stay unseen until the result is measured.
    """
    order = sorted(weights, key=lambda model: weights[model] / max(costs_ms[model], 1e-6))
    for gone in range(1, len(order) - 1):
        kept = set(order[gone:])
        yield {model: weight for model, weight in weights.items() if model in kept}
