"""The id that one request carries through answers and logs: the caller's own when it is sane, else a new one."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from app.serving.identifiers import make_identifier

_ENVIRON_KEY = "gluonserve.request_id"
# No spaces, quotes or control characters: the id is written into logs as it is.
_SANE_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}", re.ASCII)


def current_request_id() -> str:
    return identify_request(request.environ)


def identify_request(environ: dict[str, Any]) -> str:
    """Return the id of a WSGI request, which it gets when first asked for."""
    known = environ.get(_ENVIRON_KEY)
    if known is None:
        known = environ[_ENVIRON_KEY] = _choose_id(environ.get("HTTP_X_REQUEST_ID"))
    return str(known)


def _choose_id(offered: str | None) -> str:
    return offered if offered is not None and _SANE_ID.fullmatch(offered) else make_identifier()
