"""POST /predict: rows in, predictions out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, g, request

from app.api.bodies.faults import describe_fault
from app.api.bodies.reading import load_rows
from app.api.caching import CACHE_HEADER, CACHE_SCHEMA, wants_new_answers
from app.api.deadline import TIMEOUT_HEADER, TIMEOUT_SCHEMA, find_deadline
from app.api.guard import require_auth
from app.api.limits.cost import limit_by_cost, limit_rows
from app.api.model_info import summarise_model
from app.api.monitoring.observing import note_answer
from app.api.openapi.operation import describe
from app.api.request_id import current_request_id
from app.api.responses import answer_json
from app.api.schemas import PredictionAnswer, PredictionRequest
from app.api.services import current_services
from app.monitoring.observation import AnswerObserved
from app.serving.answering import Prediction
from app.serving.rollout.trials.trial import BY_KEY

blueprint = Blueprint("prediction", __name__)

_REQUEST = PredictionRequest()


@blueprint.post("/predict")
@describe(
    "Predict rows",
    accepts=PredictionRequest,
    answers={200: PredictionAnswer},
    errors=(413, 422, 503, 504),
    headers={TIMEOUT_HEADER: TIMEOUT_SCHEMA, CACHE_HEADER: CACHE_SCHEMA},
)
@require_auth("predict")
@limit_by_cost
def predict() -> Response:
    """Every fault of every row is reported at once; when one row has a fault nothing is predicted.

    What cannot be predicted in time is answered 504, or 503 at once when too many others wait.
    """
    deadline = find_deadline()
    envelope = load_rows(_REQUEST)
    services = current_services()
    limit_rows(services, len(envelope["data"]))
    service = services.prediction
    route_value = find_route_value(service.trial.routed_by)
    prediction = service.predict(
        envelope["data"], route_value=route_value, deadline=deadline, is_anew=wants_new_answers()
    )
    note_answer(request.environ, describe_answer(prediction, envelope["data"]))
    return answer_json(describe_prediction(prediction, request_id=current_request_id()))


def find_route_value(routed_by: str | None) -> str | None:
    """What tells this caller from others: the header that is asked for, else its API key; None when nobody asks."""
    if routed_by is None:
        return None
    key_id: str = g.caller.id
    return key_id if routed_by == BY_KEY else request.headers.get(routed_by, key_id)


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


def describe_prediction(prediction: Prediction, *, request_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "predictions": prediction.labels,
        "probabilities": prediction.probabilities,
        "model_info": summarise_model(prediction.manifest),
        "prediction_ids": prediction.prediction_ids,
    }
    if prediction.warnings:
        body["warnings"] = [describe_fault(warning) for warning in prediction.warnings]
    body["request_id"] = request_id
    body["timestamp"] = write_timestamp(time.time_ns() // 1_000_000)
    return body


def write_timestamp(milliseconds: int) -> str:
    """A moment since 1970 as ISO 8601 in UTC; the requests of one second share the work."""
    return f"{_write_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=1)
def _write_second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).replace(tzinfo=None).isoformat()
