"""POST /feedback: what turned out to be true."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, g

from app.api.bodies.reading import load_rows
from app.api.feedback.schemas import FeedbackAnswer, FeedbackRequest
from app.api.guard import require_auth
from app.api.limits.rates import count_rows
from app.api.openapi.operation import describe
from app.api.request_id import current_request_id
from app.api.responses import answer_json
from app.api.services import current_services
from app.monitoring.quality.feedback import Receipt, ToldOutcome

blueprint = Blueprint("feedback", __name__)

_REQUEST = FeedbackRequest()
_ANSWER = FeedbackAnswer()
_NOT_FOUND = (
    "No such prediction was found: it may be too old, its line of the prediction log may be lost, or there never was "
    "one."
)


@blueprint.post("/feedback")
@describe("Report true outcomes", accepts=FeedbackRequest, answers={200: FeedbackAnswer})
@require_auth("feedback")
def report_outcomes() -> Response:
    """Any time after the prediction, in any order. To tell the same again changes nothing; of others the last counts.

    When one outcome has a fault none is kept. The watcher compares outcomes with predictions within seconds. Whether
    there is such a prediction is known only then: who repeats an outcome is told when there was none.
    """
    services = current_services()
    told = _read_outcomes(load_rows(_REQUEST))
    count_rows(services, g.caller.key, len(told))
    return answer_json(_ANSWER.dump(_describe(services.feedback.take(told, key=g.caller.id))))


def _read_outcomes(document: dict[str, Any]) -> list[ToldOutcome]:
    return [ToldOutcome(row, **item) for row, item in enumerate(document["outcomes"])]


def _describe(receipt: Receipt) -> dict[str, Any]:
    errors = [{"row": item.row, "field": "prediction_id", "message": _NOT_FOUND} for item in receipt.unknown]
    return {**asdict(receipt), "errors": errors, "request_id": current_request_id()}
