"""Nearest neighbours have no plan, and the refusal says which model and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from autogluon.tabular.models import KNNModel

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.neighbors import export_neighbors


def test_nearest_neighbours_are_refused_for_their_ties(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r"^KNN_BAG_L1-0 chooses among equally near neighbours") as refused:
        export_neighbors(KNNModel(problem_type="binary"), [EncodedColumn("amount")], tmp_path, "KNN_BAG_L1-0")
    assert str(refused.value).endswith("in scikit-learn's own order.")
    assert list(tmp_path.iterdir()) == []
