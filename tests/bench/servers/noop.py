"""The limit: a Flask view that parses the JSON and answers a constant, prepared bytes of the shape of our answers."""

from __future__ import annotations

import functools

import orjson
from flask import Flask, Response, request

app = Flask(__name__)


@functools.cache
def _prepare_answer(rows: int) -> bytes:
    return orjson.dumps(
        {
            "predictions": ["Yes"] * rows,
            "probabilities": [{"No": 0.38280951976776123, "Yes": 0.6171904802322388}] * rows,
            "model_info": {"name": "churn", "version": "1", "problem_type": "binary", "eval_metric": "log_loss"},
            "prediction_ids": [f"8dc51be80f955fb428792f95-{position}" for position in range(rows)],
            "request_id": "ad8956ee3dbf38b6de39a3480f5e0f9c",
            "timestamp": "2026-11-23T11:03:40.837Z",
        }
    )


@app.post("/predict")
def predict() -> Response:
    rows = orjson.loads(request.get_data(cache=False))["data"]
    return Response(_prepare_answer(len(rows)), content_type="application/json")


@app.get("/health/ready")
def ready() -> Response:
    return Response(b'{"status":"ready"}', content_type="application/json")
