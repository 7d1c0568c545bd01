"""Who may call a view: each names a permission or says that it is public, else the application does not start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Flask, g, request

from app.api.access.session import read_session
from app.api.limits.rates import limit_requests
from app.api.monitoring.observing import note_key
from app.api.services import current_services
from app.errors import Forbidden
from app.security.authentication import Credentials
from app.security.permissions import Permission, permits

API_KEY_HEADER = "X-API-Key"
_ENVIRON_KEY = "HTTP_X_API_KEY"
_SAFE_METHODS = {"GET", "HEAD"}

View = Callable[..., Any]


@dataclass(frozen=True)
class Guard:
    """What a caller needs: nothing where it is public, else a valid credential and, unless None, a permission.

    Attributes:
        takes_tokens: Whether a token does; else the API key itself has to be sent.
        takes_session: Whether the cookie of the dashboard does too: only where nothing can be changed, because
            browsers send it along with what other pages ask for.
    """

    permission: Permission | None
    is_public: bool = False
    takes_tokens: bool = True
    takes_session: bool = False


class UnguardedRoute(Exception):
    """A route was registered without `require_auth` or `public`, or with a guard that is too weak for it."""


def require_auth(
    permission: Permission | None,
    *,
    takes_tokens: bool = True,
    takes_session: bool = False,
    unless: Callable[[], bool] | None = None,
) -> Callable[[View], View]:
    """Let only callers with this permission reach the view, for None any caller; who it is is then in `g.caller`.

    The credential is checked before anything of the request's body is read. What outlives a token is done with a key:
    else a token that leaked for minutes would be worth as much as a key.

    Args:
        unless: Whoever sends no credential is let through where this holds; there is no `g.caller` then.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if unless is not None and not _sends_credential() and unless():
                return view(*args, **kwargs)
            services = current_services()
            caller = services.authenticator.authenticate(_read_credentials(request.environ, takes_session))
            note_key(request.environ, caller.id)
            if permission is not None and not permits(caller.permissions, permission):
                raise Forbidden(f"This {caller.credential} lacks the permission '{permission}'.")
            if not takes_tokens and caller.token is not None:
                raise Forbidden("This is done with an API key, not with a token.", code="api_key_required")
            g.caller = caller
            limit_requests(services, caller.key)
            return view(*args, **kwargs)

        return _mark(guarded, Guard(permission, takes_tokens=takes_tokens, takes_session=takes_session))

    return decorate


def public(view: View) -> View:
    """Declare that anyone may call the view."""
    return _mark(view, Guard(None, is_public=True))


def name_caller() -> str:
    """Who calls, for the audit table and the pointer's history."""
    return f"key:{g.caller.id}"


def find_guard(view: View) -> Guard | None:
    return view.__dict__.get("guard")


def check_every_route_is_guarded(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        guard = find_guard(app.view_functions[rule.endpoint])
        if guard is None:
            raise UnguardedRoute(f"{rule.rule} ({rule.endpoint}) needs require_auth(...) or public.")
        if guard.takes_session and (rule.methods or set()) - _SAFE_METHODS:
            raise UnguardedRoute(f"{rule.rule} ({rule.endpoint}) may change something: it takes no cookie.")


def _read_credentials(environ: Mapping[str, Any], takes_session: bool) -> Credentials:
    return Credentials(
        api_key=environ.get(_ENVIRON_KEY),
        authorization=environ.get("HTTP_AUTHORIZATION"),
        session=read_session() if takes_session else None,
        address=environ.get("REMOTE_ADDR"),
    )


def _sends_credential() -> bool:
    return _ENVIRON_KEY in request.environ or "HTTP_AUTHORIZATION" in request.environ


def _mark(view: View, guard: Guard) -> View:
    view.__dict__["guard"] = guard
    return view
