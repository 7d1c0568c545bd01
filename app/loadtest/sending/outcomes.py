"""What became of a request, as a short name: the status and stable code of an answer, or why there was none."""

from __future__ import annotations

import errno
import re
import ssl

import orjson

from app.loadtest.sending.connection import Answer, AnswerCutOff, NoAnswer, NotHttp

SUCCESS = "success"
OTHER = "other"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_KINDS = 100
_GOOD = range(200, 300)

# From the special to the general: the first that fits gives the name.
_NAMES: tuple[tuple[type[OSError], str], ...] = (
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "connection refused"),
    (NoAnswer, "connection closed without an answer"),
    (AnswerCutOff, "connection closed before the whole answer"),
    (NotHttp, "answer is not HTTP"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "connection reset"),
    (ssl.SSLCertVerificationError, "certificate not accepted"),
    (ssl.SSLEOFError, "connection reset"),
    (ssl.SSLError, "TLS failed"),
)


def name_answer(answer: Answer) -> str:
    """`success`, or the status with the code of a problem document: `503 overloaded`."""
    if answer.status in _GOOD:
        return SUCCESS
    return f"{answer.status} {_read_code(answer.body)}".rstrip()


def name_fault(fault: OSError) -> str:
    for kind, name in _NAMES:
        if isinstance(fault, kind):
            return name
    if fault.errno == errno.EADDRNOTAVAIL:
        return "no local port left"
    return f"connection failed: {errno.errorcode.get(fault.errno or 0, type(fault).__name__)}"


class Kinds:
    """Numbers for names of outcomes, success being 0. A server that invents codes does not fill the memory."""

    def __init__(self) -> None:
        self._numbers = {SUCCESS: 0, OTHER: 1}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def number(self, name: str) -> int:
        known = self._numbers
        return known.setdefault(name, len(known)) if name in known or len(known) < _MOST_KINDS else known[OTHER]


def _read_code(body: bytes) -> str:
    """The member `error` of a problem document, or nothing."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    code = document.get("error") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
