"""What the prediction service asks at every request, and what it is without a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from app.runtime.loading import LoadedRelease
from app.serving.answering import Prediction, answer_rows

BY_KEY = "key"


class Trial(Protocol):
    """Decides which release answers a request.

    Attributes:
        routed_by: What the callers are told apart by: `key`, the name of a header, or None when that plays no part.
    """

    @property
    def routed_by(self) -> str | None: ...

    def answer(self, active: LoadedRelease, rows: Sequence[Any], route_value: str | None) -> Prediction:
        """Answer rows, with the active release or with the candidate; the answer names which.

        Args:
            route_value: What the caller is known by.

        Raises:
            InvalidRows, PredictionFailed: as the active release alone would.
        """
        ...


class NoTrial:
    """There is no candidate."""

    routed_by: str | None = None

    def answer(self, active: LoadedRelease, rows: Sequence[Any], route_value: str | None) -> Prediction:  # noqa: ARG002
        return answer_rows(active, rows)
