from __future__ import annotations

from datetime import datetime, timezone

import pytest

from app.monitoring.figures import Figure, is_figure

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize("name", ["latency_p99_ms", "quality_accuracy", "quality_drop_roc_auc", "estimated_f1"])
def test_a_figure_has_a_known_name_or_that_of_a_metric(name: str) -> None:
    assert is_figure(name)
    assert Figure(name, 0.5, NOW).labels == {}


@pytest.mark.parametrize("name", ["latency", "quality_", "estimated_", ""])
def test_other_names_are_refused(name: str) -> None:
    assert not is_figure(name)
    with pytest.raises(ValueError, match="is not a figure"):
        Figure(name, 0.5, NOW)
