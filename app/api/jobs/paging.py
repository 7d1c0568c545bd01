"""Which jobs of a long list are asked for, and how an answer tells where the others are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from app.errors import BadRequest
from app.serving.jobs.job import JobPosition

LIMIT_PARAMETER, BEFORE_PARAMETER = "limit", "before"
_USUAL, _MOST = 20, 100
_POSITION = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
PAGE_SCHEMAS = {
    LIMIT_PARAMETER: {
        "type": "integer",
        "minimum": 1,
        "maximum": _MOST,
        "default": _USUAL,
        "description": "How many are listed.",
    },
    BEFORE_PARAMETER: {"type": "string", "description": "Where to go on: `next` of the answer before."},
}


@dataclass(frozen=True)
class WantedPage:
    """Attributes: before: None begins with the newest."""

    limit: int
    before: JobPosition | None


def read_page(arguments: Mapping[str, str]) -> WantedPage:
    """
    Raises:
        BadRequest: for what is no such number, or no position that an answer has told.
    """
    limit, before = arguments.get(LIMIT_PARAMETER, str(_USUAL)), arguments.get(BEFORE_PARAMETER)
    if not (_WHOLE_NUMBER.fullmatch(limit) and 1 <= int(limit) <= _MOST):
        raise BadRequest(f"{LIMIT_PARAMETER} has to be a whole number from 1 to {_MOST}.", code="invalid_page")
    return WantedPage(int(limit), None if before is None else _read_position(before))


def write_position(position: JobPosition) -> str:
    return f"{(position.created_at - _START) // _MICROSECOND}-{position.id}"


def _read_position(text: str) -> JobPosition:
    parts = _POSITION.fullmatch(text)
    if parts is None:
        raise BadRequest(f"{BEFORE_PARAMETER} has to be what an answer has told as next.", code="invalid_page")
    return JobPosition(_START + int(parts[1]) * _MICROSECOND, parts[2])
