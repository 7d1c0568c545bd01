"""GET /ping and POST /invocations: what clients of MLflow and the platform of SageMaker call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response

from app.api.bodies.reading import load_rows
from app.api.caching import CACHE_HEADER, CACHE_SCHEMA
from app.api.deadline import TIMEOUT_HEADER, TIMEOUT_SCHEMA
from app.api.formats.answering import predict_body
from app.api.guard import public, require_auth
from app.api.limits.cost import limit_by_cost
from app.api.mlflow.schemas import InvocationRequest
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.schemas import PredictionAnswer, StatusAnswer
from app.api.services import current_services
from app.serving.formats.documents import list_rows

blueprint = Blueprint("mlflow", __name__)

_REQUEST = InvocationRequest()


@blueprint.get("/ping")
@describe("Tell whether predictions can be made now, as MLflow asks", answers={200: StatusAnswer}, errors=(503,))
@public
def ping() -> Response:
    current_services().require_ready()
    return answer_json({"status": "ready"})


@blueprint.post("/invocations")
@describe(
    "Predict rows, as MLflow and SageMaker ask",
    accepts=InvocationRequest,
    takes_tables=True,
    gives_tables=True,
    answers={200: PredictionAnswer},
    errors=(406, 413, 422, 503, 504),
    headers={TIMEOUT_HEADER: TIMEOUT_SCHEMA, CACHE_HEADER: CACHE_SCHEMA},
)
@require_auth("predict")
@limit_by_cost
def invoke() -> Response:
    """The same as `POST /predict` for rows in MLflow's documents; `predictions` of the answer is where MLflow has it.

    Columns are matched by name in every form: rows without names, which MLflow takes for some models, are refused.
    """
    return predict_body(_read_rows)


def _read_rows() -> Sequence[Any]:
    return list_rows(load_rows(_REQUEST))
