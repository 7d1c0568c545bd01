"""/v2: server, model and health as the Open Inference Protocol has them, and inference with the active model."""

from __future__ import annotations

from flask import Blueprint, Response

from app.api.bodies.under_way import ending_body
from app.api.caching import CACHE_HEADER, CACHE_SCHEMA
from app.api.deadline import TIMEOUT_HEADER, TIMEOUT_SCHEMA, find_deadline
from app.api.formats.answering import predict_rows
from app.api.guard import public, require_auth
from app.api.limits.cost import limit_by_cost
from app.api.open_inference.answers import answer_inference, check_outputs, list_outputs
from app.api.open_inference.requests import read_inference
from app.api.open_inference.schemas import (
    InferenceAnswer,
    InferenceRequest,
    LiveAnswer,
    ModelMetadata,
    ModelReadyAnswer,
    ReadyAnswer,
    ServerMetadata,
)
from app.api.openapi.document import CONTRACT_VERSION
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services
from app.errors import NotFound
from app.runtime.loading import LoadedRelease
from app.serving.formats.tensors import find_datatype

blueprint = Blueprint("open_inference", __name__, url_prefix="/v2")

_MODEL = "/models/<name>"
_VERSION = f"{_MODEL}/versions/<version>"


@blueprint.get("")
@describe("Describe the server in the Open Inference Protocol", answers={200: ServerMetadata})
@require_auth("predict")
def server_metadata() -> Response:
    return answer_json({"name": "gluonserve", "version": CONTRACT_VERSION, "extensions": ["binary_tensor_data"]})


@blueprint.get("/health/live")
@describe("Tell that the process is alive, in the Open Inference Protocol", answers={200: LiveAnswer})
@public
def live() -> Response:
    return answer_json({"live": True})


@blueprint.get("/health/ready")
@describe(
    "Tell whether predictions can be made now, in the Open Inference Protocol",
    answers={200: ReadyAnswer},
    errors=(503,),
)
@public
def ready() -> Response:
    current_services().require_ready()
    return answer_json({"ready": True})


@blueprint.get(f"{_MODEL}/ready")
@blueprint.get(f"{_VERSION}/ready")
@describe("Tell whether a model is the active one and ready", answers={200: ModelReadyAnswer}, errors=(404, 503))
@public
def model_ready(name: str, version: str | None = None) -> Response:
    release = _find_release(name, version)
    return answer_json({"name": release.manifest.name, "ready": True})


@blueprint.get(_MODEL)
@blueprint.get(_VERSION)
@describe(
    "Describe the tensors of the active model, in the Open Inference Protocol",
    answers={200: ModelMetadata},
    errors=(404, 503),
)
@require_auth("predict")
def model_metadata(name: str, version: str | None = None) -> Response:
    """One input for each feature and one output for each class or quantile level."""
    release = _find_release(name, version)
    inputs = [(feature.name, find_datatype(feature)) for feature in release.schema.features]
    tensors = {"inputs": inputs, "outputs": list_outputs(release.manifest)}
    described = {
        kind: [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in listed]
        for kind, listed in tensors.items()
    }
    head = {"name": release.manifest.name, "versions": [release.manifest.version], "platform": "autogluon_tabular"}
    return answer_json({**head, **described})


@blueprint.post(f"{_MODEL}/infer")
@blueprint.post(f"{_VERSION}/infer")
@describe(
    "Predict rows, in the Open Inference Protocol",
    accepts=InferenceRequest,
    answers={200: InferenceAnswer},
    errors=(404, 413, 422, 503, 504),
    headers={TIMEOUT_HEADER: TIMEOUT_SCHEMA, CACHE_HEADER: CACHE_SCHEMA},
)
@require_auth("predict")
@limit_by_cost
def infer(name: str, version: str | None = None) -> Response:
    """A tensor for each feature in, a tensor for each column of the result out, in JSON or as bytes."""
    deadline = find_deadline()
    release = _find_release(name, version)
    with ending_body():
        inference = read_inference()
        check_outputs(inference, release.manifest)
        return answer_inference(inference, predict_rows(inference.rows, deadline))


def _find_release(name: str, version: str | None) -> LoadedRelease:
    """The active release, when it is the one that is meant."""
    release = current_services().active.require()
    if name != release.manifest.name or version not in (None, release.manifest.version):
        raise NotFound("The active model has another name or version; GET /model/info tells both.")
    return release
