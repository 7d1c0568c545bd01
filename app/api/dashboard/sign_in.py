"""GET and POST /dashboard/sign-in, POST /dashboard/sign-out: a key, sent once, becomes a session of the browser."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Response, request

from app.api.access.session import end_session, read_session, write_session
from app.api.dashboard.problems import SESSION_SECONDS, answer_for_people, answer_sign_in, lead_to, refuse_sign_in
from app.api.guard import public
from app.api.monitoring.observing import note_key
from app.api.services import current_services
from app.errors import Forbidden, ServiceError
from app.security.authentication import Credentials
from app.security.tokens.issuer import NewToken

blueprint = Blueprint("sign_in", __name__, url_prefix="/dashboard")
blueprint.register_error_handler(ServiceError, answer_for_people)

_MOST_FORM_BYTES = 4096
_OTHER_SITES = ("cross-site", "same-site")


@blueprint.get("/sign-in")
@public
def show_sign_in() -> Response:
    return answer_sign_in()


@blueprint.post("/sign-in")
@public
def sign_in() -> Response:
    """Wrong keys count as they do everywhere."""
    _check_own_page()
    try:
        session = _open_session(_read_key())
    except ServiceError as refusal:
        return refuse_sign_in(refusal)
    response = lead_to("dashboard")
    write_session(response, session.text, lifetime_seconds=session.claims.expires_at - session.claims.issued_at)
    return response


@blueprint.post("/sign-out")
@public
def sign_out() -> Response:
    """Ends the session for good, also for whoever may have copied it. One that has ended is only forgotten."""
    _check_own_page()
    response = lead_to("dashboard/sign-in")
    with suppress(ServiceError):
        _revoke_session()
    end_session(response)
    return response


def _open_session(key: str) -> NewToken:
    services = current_services()
    caller = services.authenticator.authenticate(Credentials(api_key=key, address=request.remote_addr))
    note_key(request.environ, caller.id)
    return services.sessions.issue(caller.key, permissions=("admin",), lifetime_seconds=SESSION_SECONDS)


def _revoke_session() -> None:
    services = current_services()
    caller = services.authenticator.authenticate(Credentials(session=read_session(), address=request.remote_addr))
    if caller.token is not None:
        services.sessions.revoke(caller.token.id, key_id=caller.id, by=f"key:{caller.id}")


def _read_key() -> str:
    request.max_content_length = request.max_form_memory_size = _MOST_FORM_BYTES
    return request.form.get("key", "").strip()


def _check_own_page() -> None:
    """Refuse forms of other pages. Over TLS and on this machine, browsers say where a form stands."""
    if request.headers.get("Sec-Fetch-Site") in _OTHER_SITES:
        raise Forbidden("This form was sent from another page.", code="cross_site")
