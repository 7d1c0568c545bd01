"""GET /model/info and /model/schema: what the active model is and what a row for it must hold."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.api.guard import require_auth
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.schemas import ModelInfoAnswer, ModelSchemaAnswer
from app.api.services import current_services
from app.release.manifest import Manifest
from app.runtime.loading import LoadedRelease

blueprint = Blueprint("model_info", __name__)

_INFO = ModelInfoAnswer()
_SCHEMA = ModelSchemaAnswer()


@blueprint.get("/model/info")
@describe("Describe the active model", answers={200: ModelInfoAnswer}, errors=(503,))
@require_auth("model_info")
def model_info() -> Response:
    """Its quality on held-out rows with confidence intervals, feature importance, and what it was made with."""
    release = current_services().active.require()
    now = {"execution": release.execution, "rejected_features": sorted(release.rejected())}
    return answer_json({**_INFO.dump(release.manifest), **now})


@blueprint.get("/model/schema")
@describe("Describe the rows that the active model takes", answers={200: ModelSchemaAnswer}, errors=(503,))
@require_auth("model_info")
def model_schema() -> Response:
    """The features with what training saw of each, and a sample row that can be sent as it is."""
    release = current_services().active.require()
    return answer_json(_SCHEMA.dump(arrange_schema(release)))


def summarise_model(manifest: Manifest) -> dict[str, str]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "problem_type": manifest.problem_type,
        "eval_metric": manifest.eval_metric,
    }


def arrange_schema(release: LoadedRelease) -> dict[str, Any]:
    return {
        "name": release.manifest.name,
        "version": release.manifest.version,
        "features": release.schema.features,
        "unused": release.schema.unused,
        "sample": release.schema.sample_row(),
    }
