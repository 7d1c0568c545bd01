"""The candidate of a store: a version that is tried beside the active one, named in one small file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from app.errors import ReleaseUnusable
from app.release.files import read_json, sync_directory, write_json

CANDIDATE = "CANDIDATE"

TrialMode = Literal["canary", "shadow"]


@dataclass(frozen=True, kw_only=True)
class CandidatePointer:
    """Which version is on trial, and how.

    Attributes:
        mode: A canary answers requests; a shadow sees a copy of them.
        share: From 0 to 1: the part of the callers that a canary answers, of the requests that a shadow sees.
        by: What keeps a caller with one version: `key`, the API key, or the name of a header.
        since: UTC, ISO 8601.
        who: Who asked for it, as it stands in the audit table.
        trial: Names this trial; what was counted is kept under it.
    """

    version: str
    mode: TrialMode
    share: float
    by: str
    since: str
    who: str
    trial: str


def read_candidate(directory: Path) -> CandidatePointer | None:
    """The candidate of a store; None when there is none.

    Raises:
        ReleaseUnusable: when the file exists and cannot be read.
    """
    try:
        values: Any = read_json(directory / CANDIDATE)
        return CandidatePointer(**values)
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, TypeError) as fault:
        raise ReleaseUnusable(
            f"The file {CANDIDATE} of the model store cannot be read ({type(fault).__name__}). "
            "Remove the candidate with: gluonserve models withdraw"
        ) from fault


def write_candidate(directory: Path, candidate: CandidatePointer) -> None:
    """Replace the candidate of a store; a reader sees the old one or the new one, also after a crash."""
    write_json(directory / CANDIDATE, asdict(candidate))


def remove_candidate(directory: Path) -> None:
    (directory / CANDIDATE).unlink(missing_ok=True)
    sync_directory(directory)
