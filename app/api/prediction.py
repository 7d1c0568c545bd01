"""POST /predict: rows in, predictions out."""

from __future__ import annotations

from flask import Blueprint, Response

from app.api.bodies.reading import load_rows
from app.api.caching import CACHE_HEADER, CACHE_SCHEMA
from app.api.deadline import TIMEOUT_HEADER, TIMEOUT_SCHEMA
from app.api.formats.answering import predict_body
from app.api.guard import require_auth
from app.api.limits.cost import limit_by_cost
from app.api.openapi.operation import describe
from app.api.schemas import PredictionAnswer, PredictionRequest

blueprint = Blueprint("prediction", __name__)

_REQUEST = PredictionRequest()


@blueprint.post("/predict")
@describe(
    "Predict rows",
    accepts=PredictionRequest,
    takes_tables=True,
    gives_tables=True,
    answers={200: PredictionAnswer},
    errors=(406, 413, 422, 503, 504),
    headers={TIMEOUT_HEADER: TIMEOUT_SCHEMA, CACHE_HEADER: CACHE_SCHEMA},
)
@require_auth("predict")
@limit_by_cost
def predict() -> Response:
    """Every fault of every row is reported at once; when one row has a fault nothing is predicted.

    Rows may be JSON, CSV, JSON Lines, Parquet or an Arrow stream, each compressed or not; so may the answer.

    What cannot be predicted in time is answered 504, or 503 at once when too many others wait.
    """
    return predict_body(lambda: load_rows(_REQUEST)["data"])
