"""POST /models/<version>/canary and /shadow; GET and DELETE /models/candidate; POST /models/candidate/promote."""

from __future__ import annotations

from flask import Blueprint, Response

from app.api.bodies.reading import load_json
from app.api.guard import name_caller, require_auth
from app.api.models.candidate_schemas import (
    CanaryRequest,
    CandidateAnswer,
    ShadowRequest,
    TrialAnswer,
    WithdrawalAnswer,
)
from app.api.models.schemas import ActivationAnswer
from app.api.openapi.operation import describe
from app.api.responses import answer_json
from app.api.services import current_services

blueprint = Blueprint("candidate", __name__, url_prefix="/models")

_CANARY = CanaryRequest()
_SHADOW = ShadowRequest()
_CANDIDATE = CandidateAnswer()
_TRIAL = TrialAnswer()
_ACTIVATION = ActivationAnswer()
_WITHDRAWAL = WithdrawalAnswer()


@blueprint.post("/<version>/canary")
@describe(
    "Have a version answer a share of the callers",
    accepts=CanaryRequest,
    answers={200: CandidateAnswer},
    errors=(404, 409, 422),
)
@require_auth("admin")
def begin_canary(version: str) -> Response:
    """Each caller stays with one version. Called again for the same version, it replaces the share and counts anew."""
    wanted = load_json(_CANARY)
    candidate = current_services().candidates.begin_canary(
        version, share=wanted["share"], routed_by=wanted["by"], by=name_caller()
    )
    return answer_json(_CANDIDATE.dump(candidate))


@blueprint.post("/<version>/shadow")
@describe(
    "Have a version see a copy of a share of the requests",
    accepts=ShadowRequest,
    answers={200: CandidateAnswer},
    errors=(404, 409, 422),
)
@require_auth("admin")
def begin_shadow(version: str) -> Response:
    """It answers nobody, and uses CPU that is idle only."""
    wanted = load_json(_SHADOW)
    candidate = current_services().candidates.begin_shadow(version, share=wanted["share"], by=name_caller())
    return answer_json(_CANDIDATE.dump(candidate))


@blueprint.get("/candidate")
@describe("Compare the candidate with the active version", answers={200: TrialAnswer}, errors=(404, 409))
@require_auth("admin")
def compare_candidate() -> Response:
    """What all workers counted up to a second ago, and what the rules say to it."""
    return answer_json(_TRIAL.dump(current_services().candidates.require()))


@blueprint.delete("/candidate")
@describe("Withdraw the candidate", answers={200: WithdrawalAnswer}, errors=(404,))
@require_auth("admin")
def withdraw_candidate() -> Response:
    """From the next request on the active version answers everybody."""
    withdrawn = current_services().candidates.withdraw(by=name_caller())
    return answer_json(_WITHDRAWAL.dump({"withdrawn": withdrawn.version if withdrawn else None}))


@blueprint.post("/candidate/promote")
@describe("Activate the candidate", answers={200: ActivationAnswer}, errors=(404, 409, 422))
@require_auth("admin")
def promote_candidate() -> Response:
    """Answers when every worker serves it. When that fails, the trial goes on."""
    return answer_json(_ACTIVATION.dump(current_services().candidates.promote(by=name_caller())))
