"""HTTP: the only room that knows Flask's request. What is decided about a prediction is decided in other rooms."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask

from app.api import health, model_info, prediction
from app.api.dashboard import routes as dashboard
from app.api.dashboard import sign_in
from app.api.feedback import routes as feedback
from app.api.jobs import routes as jobs
from app.api.keys import routes as keys
from app.api.mlflow import routes as mlflow
from app.api.models import candidate, switching
from app.api.monitoring import metrics
from app.api.open_inference import routes as open_inference
from app.api.openapi import page
from app.api.tokens import routes as tokens

BLUEPRINTS = (
    prediction.blueprint,
    mlflow.blueprint,
    open_inference.blueprint,
    health.blueprint,
    model_info.blueprint,
    switching.blueprint,
    candidate.blueprint,
    keys.blueprint,
    tokens.blueprint,
    feedback.blueprint,
    jobs.blueprint,
    metrics.blueprint,
    dashboard.blueprint,
    sign_in.blueprint,
    page.blueprint,
)


def register_blueprints(app: Flask, blueprints: Sequence[Blueprint] = BLUEPRINTS) -> None:
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
