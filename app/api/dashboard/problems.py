"""What a refusal looks like to somebody with a browser; all others get the problem document of every route."""

from __future__ import annotations

from flask import Response, redirect, request

from app.api.dashboard.rendering import answer_page, lead_to_root, render
from app.api.errors import answer_service_error
from app.api.request_id import current_request_id
from app.errors import ServiceError, Unauthenticated
from app.security.tokens.claims import MAX_LIFETIME_SECONDS

SESSION_SECONDS = MAX_LIFETIME_SECONDS

_HAS_ENDED = "Your session has ended. Sign in again."
_KEPT_HEADERS = ("Retry-After", "WWW-Authenticate")


def answer_for_people(error: ServiceError) -> Response:
    """A page where one was asked for; who has to sign in is led there."""
    if "text/html" not in request.headers.get("Accept", ""):
        return answer_service_error(error)
    if isinstance(error, Unauthenticated):
        # A browser calls every status of a page from 400 on an error, and this is the usual way in.
        return lead_to("dashboard/sign-in" if error.code == "missing_api_key" else "dashboard/sign-in?ended")
    return _refuse(error, render("problem.html", error=error, request_id=current_request_id()))


def answer_sign_in() -> Response:
    return answer_page(_render_sign_in(_HAS_ENDED if "ended" in request.args else None))


def refuse_sign_in(error: ServiceError) -> Response:
    return _refuse(error, _render_sign_in(error.detail))


def lead_to(address: str) -> Response:
    """Send a browser to another address. Relative: behind a proxy it may begin elsewhere than this process knows."""
    response: Response = redirect(lead_to_root() + address, 303)  # type: ignore[assignment]
    return response


def _render_sign_in(fault: str | None) -> str:
    return render("sign_in.html", fault=fault, minutes=SESSION_SECONDS // 60)


def _refuse(error: ServiceError, html: str) -> Response:
    problem = answer_service_error(error)
    page = answer_page(html, status=error.status)
    page.headers.extend((name, problem.headers[name]) for name in _KEPT_HEADERS if name in problem.headers)
    return page
