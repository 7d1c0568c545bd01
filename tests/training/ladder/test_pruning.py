"""Which models of an ensemble go first."""

from __future__ import annotations

from app.training.ladder.pruning import list_pruned_weights

WEIGHTS = {"boosted": 0.5, "forest": 0.3, "linear": 0.1, "trees": 0.1}


def test_the_model_of_which_a_weight_costs_most_goes_first_and_two_stay() -> None:
    costs_ms = {"boosted": 1.0, "forest": 8.0, "linear": 0.1, "trees": 4.0}
    assert list(list_pruned_weights(WEIGHTS, costs_ms)) == [
        {"boosted": 0.5, "forest": 0.3, "linear": 0.1},
        {"boosted": 0.5, "linear": 0.1},
    ]


def test_an_ensemble_of_two_is_not_pruned() -> None:
    assert list(list_pruned_weights({"boosted": 0.6, "linear": 0.4}, {"boosted": 0.0, "linear": 1.0})) == []
