"""The one tree of errors. Each names its HTTP status and a stable code that callers may branch on.

ServiceError
|-- BadRequest 400            not parseable
|   `-- InvalidTable          a file of rows that is damaged or not of its format
|-- Unauthenticated 401       no credential, or one that is not valid
|-- Forbidden 403             a valid credential without the permission
|-- NotFound 404
|-- NotAcceptable 406         no format that the caller takes
|-- Conflict 409
|-- TooLarge 413
|-- UnsupportedMediaType 415
|-- InvalidRows 422           rows that do not fit the schema, every fault listed
|-- ReleaseRefused 422        a version that is not fit to be served; the active one stays
|-- LethalRequest 422         workers have died of this very body
|-- RateLimited 429           a caller has used what it may for now
|-- PredictionFailed 500      the model broke on rows that fit its schema
|-- Unavailable 503           nothing is broken for good: try again later
|   |-- ModelNotReady
|   |-- KeysUnavailable
|   |-- ModelStoreUnreachable
|   |-- StorageUnwritable     the disk is full or read-only
|   `-- Overloaded
`-- DeadlineExceeded 504
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# How many faults of one request are listed, unless a setting says otherwise.
MOST_FAULTS = 1000


WarningKind = Literal["unseen", "out_of_range", "new_null", "unknown_field", "unlisted"]


@dataclass(frozen=True)
class FieldFault:
    """One thing wrong with one request: the row counts from 0, None means the request as a whole.

    Attributes:
        kind: Of what is accepted with a warning, for those who count.
    """

    row: int | None
    field: str | None
    message: str
    kind: WarningKind | None = dataclasses.field(default=None, compare=False)


class ServiceError(Exception):
    """A refusal that a caller may read. `detail` is shown to the caller as it is: no paths, no exception texts."""

    status = 500
    code = "internal_error"
    title = "Internal error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code

    @property
    def faults(self) -> Sequence[FieldFault]:
        return ()

    @property
    def retry_after_seconds(self) -> int | None:
        return None


class BadRequest(ServiceError):
    status = 400
    code = "bad_request"
    title = "The request cannot be read"


class InvalidTable(BadRequest):
    code = "invalid_table"
    title = "The table cannot be read"


class Unauthenticated(ServiceError):
    status = 401
    code = "invalid_api_key"
    title = "No valid credential"


class Forbidden(ServiceError):
    status = 403
    code = "permission_denied"
    title = "Not permitted"


class NotFound(ServiceError):
    status = 404
    code = "not_found"
    title = "Not found"


class NotAcceptable(ServiceError):
    status = 406
    code = "not_acceptable"
    title = "No format that is accepted"


class Conflict(ServiceError):
    status = 409
    code = "conflict"
    title = "Conflict"


class TooLarge(ServiceError):
    status = 413
    code = "too_large"
    title = "The request is too large"


class UnsupportedMediaType(ServiceError):
    status = 415
    code = "unsupported_media_type"
    title = "Media type not supported"


class InvalidRows(ServiceError):
    status = 422
    code = "invalid_rows"
    title = "The rows do not fit the schema"

    def __init__(self, faults: Sequence[FieldFault], *, is_complete: bool = True, code: str | None = None) -> None:
        """Refuse for these faults; `is_complete` says whether there are no more, as far as anybody looked."""
        count = len(faults)
        detail = f"{count} fault{'' if count == 1 else 's'} found; each is listed under 'errors'."
        if not is_complete:
            detail = f"More than {count} faults found; the first {count} are listed under 'errors'."
        super().__init__(detail, code=code)
        self.is_complete = is_complete
        self._faults = tuple(faults)

    @property
    def faults(self) -> Sequence[FieldFault]:
        return self._faults


class InvalidBody(InvalidRows):
    code = "invalid_body"
    title = "The body does not fit what is expected"


class ReleaseRefused(ServiceError):
    status = 422
    code = "release_refused"
    title = "The version is not fit to be served"


class LethalRequest(ServiceError):
    """Whoever tried it before has died. Not an answer that a proxy or a caller should try again."""

    status = 422
    code = "lethal_request"
    title = "The request ends those who answer it"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__("Workers have ended while they were at a request with this body. It is refused for some time.")
        self._retry_after_seconds = retry_after_seconds

    @property
    def retry_after_seconds(self) -> int | None:
        return self._retry_after_seconds


class RateLimited(ServiceError):
    """A caller has used what it may for now.

    Attributes:
        limit: Which one was reached, for those who count: requests, rows, processor_share or failed_attempts.
    """

    status = 429
    code = "rate_limited"
    title = "Too many requests"

    def __init__(
        self, detail: str, *, retry_after_seconds: int, code: str | None = None, limit: str | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.limit = limit
        self._retry_after_seconds = retry_after_seconds

    @property
    def retry_after_seconds(self) -> int | None:
        return self._retry_after_seconds


class PredictionFailed(ServiceError):
    status = 500
    code = "prediction_failed"
    title = "The model failed on this request"


class Unavailable(ServiceError):
    status = 503
    code = "unavailable"
    title = "Not available now"

    def __init__(self, detail: str, *, retry_after_seconds: int = 5, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self._retry_after_seconds = retry_after_seconds

    @property
    def retry_after_seconds(self) -> int | None:
        return self._retry_after_seconds


class ModelNotReady(Unavailable):
    code = "model_not_ready"
    title = "No model is ready"


class KeysUnavailable(Unavailable):
    code = "keys_unavailable"
    title = "API keys cannot be checked now"


class ModelStoreUnreachable(Unavailable):
    code = "model_store_unreachable"
    title = "The shared model store does not answer"


class StorageUnwritable(Unavailable):
    code = "storage_unwritable"
    title = "Nothing can be written"

    def __init__(self) -> None:
        super().__init__(
            "The server cannot write where it keeps its state: the disk is full or read-only. Nothing was changed that "
            "is not whole; its log names the place. Make room there and try again.",
            retry_after_seconds=60,
        )


_STORAGE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def is_storage_fault(fault: BaseException) -> bool:
    """Whether nothing could be written because the disk is full, a quota is reached, or all of it is read-only."""
    return isinstance(fault, OSError) and fault.errno in _STORAGE_FAULTS


class Overloaded(Unavailable):
    code = "overloaded"
    title = "Too many requests are waiting"


class DeadlineExceeded(ServiceError):
    status = 504
    code = "deadline_exceeded"
    title = "Not answered in time"


class ReleaseUnusable(Exception):
    """A release not to be opened: missing, damaged, made with other libraries.

    Attributes:
        sentence: What a caller of HTTP may read too: our own words.
        cause: What a library or the system said, or advice that names places: for the log and the command line.
            The text of the exception is both.
    """

    def __init__(self, sentence: str, *, cause: str | None = None) -> None:
        joined = f"{sentence} {cause}" if sentence.endswith(".") else f"{sentence}: {cause}"
        super().__init__(joined if cause else sentence)
        self.sentence = sentence
        self.cause = cause


class DatabaseError(Exception):
    """The database cannot be opened. The message is one sentence for the operator and never holds a password."""
