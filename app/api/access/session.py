"""The cookie that a browser shows in place of a key, on the dashboard and nowhere else."""

from __future__ import annotations

from flask import Response, request

SESSION_COOKIE = "gluonserve_dashboard"


def read_session() -> str | None:
    return request.cookies.get(SESSION_COOKIE)


def write_session(response: Response, text: str, *, lifetime_seconds: int) -> None:
    """Let the browser keep a session: away from scripts, from other sites and, if it came by TLS, from plain HTTP.

    No path is named: browsers then send it to what lies beside the address that answers, under whichever prefix a proxy
    has put the dashboard.
    """
    response.set_cookie(
        SESSION_COOKIE,
        text,
        max_age=lifetime_seconds,
        path=None,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def end_session(response: Response) -> None:
    write_session(response, "", lifetime_seconds=0)
