"""A prediction as the JSON document of an answer, and as what observers are told of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from app.api.bodies.faults import describe_fault
from app.api.model_info import summarise_model
from app.errors import FieldFault
from app.monitoring.observation import AnswerObserved
from app.serving.answering import Prediction


def describe_answer(prediction: Prediction, inputs: Sequence[Any]) -> AnswerObserved:
    """The prediction for the observer."""
    return AnswerObserved(
        version=prediction.manifest.version,
        name=prediction.manifest.name,
        role=prediction.role,
        execution=prediction.execution,
        rows=len(prediction.labels),
        validate_seconds=prediction.validate_seconds,
        predict_seconds=prediction.model_seconds,
        cached_rows=prediction.cached_rows,
        warnings=prediction.warnings,
        prediction_ids=prediction.prediction_ids,
        inputs=inputs,
        typed_rows=prediction.typed_rows,
        labels=prediction.labels,
        probabilities=prediction.probabilities,
    )


def describe_prediction(
    prediction: Prediction, *, request_id: str, warnings: Sequence[FieldFault] | None = None
) -> dict[str, Any]:
    """The document of an answer; `warnings` are those of all its chunks where it has several."""
    warnings = prediction.warnings if warnings is None else warnings
    body: dict[str, Any] = {
        "predictions": prediction.labels,
        "probabilities": prediction.probabilities,
        "model_info": summarise_model(prediction.manifest),
        "prediction_ids": prediction.prediction_ids,
    }
    if warnings:
        body["warnings"] = [describe_fault(warning) for warning in warnings]
    body["request_id"] = request_id
    body["timestamp"] = write_timestamp(time.time_ns() // 1_000_000)
    return body


def write_timestamp(milliseconds: int) -> str:
    """A moment since 1970 as ISO 8601 in UTC; the requests of one second share the work."""
    return f"{_write_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=1)
def _write_second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).replace(tzinfo=None).isoformat()
