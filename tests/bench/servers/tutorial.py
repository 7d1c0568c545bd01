"""A plain Flask server as tutorials show it: the predictor loaded at start, a DataFrame and two calls per request."""

from __future__ import annotations

import os

import pandas as pd
from autogluon.tabular import TabularPredictor
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
predictor = TabularPredictor.load(os.environ["BENCH_PREDICTOR"], verbosity=0)


@app.post("/predict")
def predict() -> Response:
    frame = pd.DataFrame(request.get_json()["data"])
    answer = {"predictions": predictor.predict(frame).tolist()}
    if predictor.can_predict_proba:
        answer["probabilities"] = predictor.predict_proba(frame).to_dict("records")
    return jsonify(answer)


@app.get("/health/ready")
def ready() -> Response:
    return jsonify(status="ready")
