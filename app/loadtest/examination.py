"""A look at the server before the load: which columns its model knows, and whether it takes such requests at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from app.loadtest.refusals import LoadRefused
from app.loadtest.sending.connection import Answer, Connection, Dial
from app.loadtest.sending.outcomes import name_answer, name_fault
from app.loadtest.sending.requests import write_get
from app.loadtest.sending.target import PREDICT, Target

_SCHEMA = "/model/schema"
_OK = 200
# What no later request would change.
_HOPELESS = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 413, 415})


def ask_known_columns(target: Target, dial: Dial, *, key: str | None, timeout_seconds: float) -> frozenset[str] | None:
    """The features of the model that a gluonserve serves; None when the server does not tell or is another one."""
    if target.path != PREDICT:
        return None
    answer = _ask(dial, write_get(target, _SCHEMA, key=key), timeout_seconds)
    document = _read_document(answer)
    if answer.status != _OK:
        return None
    try:
        return frozenset(feature["name"] for feature in document["features"])
    except (KeyError, TypeError):
        return None


def try_request(dial: Dial, request: bytes, *, timeout_seconds: float) -> None:
    """Send one request of the load.

    Raises:
        LoadRefused: when there is no answer, or one that every other request would get too, such as 401.
    """
    answer = _ask(dial, request, timeout_seconds)
    if answer.status in _HOPELESS:
        detail = _read_document(answer).get("detail")
        reason = f": {detail}" if isinstance(detail, str) else "."
        raise LoadRefused(f"The server answers {name_answer(answer)}{reason}")


def _ask(dial: Dial, request: bytes, timeout_seconds: float) -> Answer:
    connection = Connection(dial)
    try:
        return connection.exchange(request, timeout_seconds=timeout_seconds)
    except OSError as fault:
        raise LoadRefused(f"The server gives no answer: {name_fault(fault)}.") from None
    finally:
        connection.close()


def _read_document(answer: Answer) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
