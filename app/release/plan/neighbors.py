"""Why AutoGluon's nearest neighbours have no plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from app.release.plan.columns import EncodedColumn, PlanRefused


def export_neighbors(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> NoReturn:  # noqa: ARG001
    """Refuse every KNNModel.

    Which of several training rows at one distance count as neighbours follows from the order in which scikit-learn's
    k-d tree visits its leaves, or from the rounding of its matrix products where it uses none. Which rows a caller will
    send is unknown when a plan is written, and for whole numbers such ties are the rule.

    Raises:
        PlanRefused: always.
    """
    raise PlanRefused(f"{name} chooses among equally near neighbours in scikit-learn's own order.")
