"""The codes that a problem document may carry under `error`, explained on the page that its `type` points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorCode:
    status: int
    meaning: str


ERROR_CODES: Mapping[str, ErrorCode] = {
    "bad_request": ErrorCode(400, "The request could not be read, for example because it ended early."),
    "invalid_json": ErrorCode(
        400, "The body is not JSON in UTF-8, nests too deeply or holds NUL; the detail says which."
    ),
    "duplicate_field": ErrorCode(400, "An object or a header of the body names the same field twice."),
    "invalid_tensor": ErrorCode(400, "The bytes of a tensor are missing, too many or not values of its datatype."),
    "invalid_encoding": ErrorCode(400, "The body is not what its Content-Encoding says, damaged or cut off."),
    "invalid_table": ErrorCode(
        400, "A table is damaged or not of its media type; the detail names the line or the fault."
    ),
    "unknown_permission": ErrorCode(400, "A key was asked for with no permission, or with one that does not exist."),
    "unknown_role": ErrorCode(400, "A key was asked for with a role that does not exist."),
    "invalid_owner": ErrorCode(400, "A key was asked for with an owner that is no short printable text."),
    "invalid_lifetime": ErrorCode(400, "A key was asked for with a lifetime that is not possible."),
    "invalid_overlap": ErrorCode(400, "A rotated key goes on for an overlap that is not possible."),
    "invalid_limit": ErrorCode(400, "A key was asked for with a limit that is not possible."),
    "invalid_network": ErrorCode(400, "A key was asked for with a network that is none; the detail names it."),
    "invalid_timeout": ErrorCode(400, "X-Request-Timeout-Ms has to be a whole number from 1 to 600000."),
    "invalid_page": ErrorCode(
        400, "A list has a limit from 1 to 100 and goes on before what the last answer has told as next."
    ),
    "unknown_result_format": ErrorCode(400, "The result of a job is csv, jsonl or parquet."),
    "invalid_share": ErrorCode(400, "A share of callers or requests has to be above 0 and at most 1."),
    "invalid_routing": ErrorCode(400, "Callers are told apart by 'key' or by the name of a header."),
    "missing_token_id": ErrorCode(400, "A token was to be revoked, but none was named or sent."),
    "invalid_token_id": ErrorCode(
        400, "The id of a token has 22 letters, digits, - or _; see token_id of /auth/token."
    ),
    "missing_api_key": ErrorCode(401, "The request has no X-API-Key header."),
    "invalid_api_key": ErrorCode(401, "The key is unknown, expired or revoked; which of these is not told."),
    "invalid_token": ErrorCode(
        401, "The token is not one of ours, expired or revoked, or its key is; which of these is not told."
    ),
    "two_credentials": ErrorCode(401, "The request has both a key and a token; send one of them."),
    "permission_denied": ErrorCode(403, "The credential is valid but lacks the permission that the detail names."),
    "api_key_required": ErrorCode(403, "Keys and tokens are made with an API key, not with a token."),
    "cross_site": ErrorCode(403, "A form of the dashboard was sent from a page of another site."),
    "key_revoked": ErrorCode(
        403, "Stands in a job: it has failed because the API key that handed it in was revoked meanwhile."
    ),
    "place_not_allowed": ErrorCode(
        403, "Tables of jobs are read from the places of GLUONSERVE_JOB_PLACES only, and from plain addresses."
    ),
    "network_not_permitted": ErrorCode(
        403, "The key is valid but not from this address: it is bound to networks; see GET /keys."
    ),
    "not_found": ErrorCode(404, "There is nothing at this address."),
    "method_not_allowed": ErrorCode(405, "The address exists but not with this method; see the Allow header."),
    "not_acceptable": ErrorCode(406, "The Accept header takes none of the formats that the detail names."),
    "job_not_found": ErrorCode(
        404, "There is no job with this id, or another key has handed it in, or it was removed."
    ),
    "job_not_done": ErrorCode(409, "The job has no result, or none yet; the detail tells its state."),
    "key_not_found": ErrorCode(404, "There is no API key with this id."),
    "version_not_found": ErrorCode(404, "There is no version with this number."),
    "no_candidate": ErrorCode(404, "No version is on trial, or not the one that was meant."),
    "nothing_active": ErrorCode(409, "No version is active that a candidate could be compared with."),
    "already_active": ErrorCode(409, "The version is the active one already and cannot be a candidate."),
    "candidate_on_trial": ErrorCode(409, "Another version is on trial; promote it or withdraw it first."),
    "candidate_unreadable": ErrorCode(409, "The file that names the candidate is damaged; withdraw the candidate."),
    "activation_in_progress": ErrorCode(409, "Another activation or rollback is under way; try again afterwards."),
    "activation_failed": ErrorCode(409, "A worker could not make the version ready; the active one stays."),
    "no_previous_version": ErrorCode(409, "There is nothing to go back to: only one version was ever active."),
    "version_in_use": ErrorCode(409, "The version is active, previous or candidate and cannot be deleted."),
    "feature_not_found": ErrorCode(404, "That version has no feature of this name."),
    "feature_not_rejected": ErrorCode(
        404, "Unseen values of that feature are not refused, so they cannot be accepted again."
    ),
    "rejections_unreadable": ErrorCode(409, "What is refused feature by feature cannot be read; the log says why."),
    "rollback_refused": ErrorCode(409, "A rule asked for a rollback that would help nobody; the detail says why."),
    "no_feature": ErrorCode(409, "A rule asked to refuse values of a feature, and its figure is of none."),
    "not_active": ErrorCode(409, "Another version has become the active one meanwhile."),
    "key_not_active": ErrorCode(409, "The key is expired or revoked and cannot be rotated; create a new one."),
    "key_already_rotated": ErrorCode(409, "The key was rotated before; rotate the key that replaced it."),
    "too_many_revocations": ErrorCode(409, "The key has revoked very many tokens within an hour; revoke the key."),
    "conflict": ErrorCode(409, "The request does not fit the present state."),
    "too_large": ErrorCode(413, "The body has too many bytes; send it in parts."),
    "too_many_rows": ErrorCode(413, "The request has more rows than one request may hold; send it in parts."),
    "address_too_long": ErrorCode(414, "The first line of the request is longer than the server reads."),
    "unsupported_media_type": ErrorCode(415, "The body is of none of the media types, or encodings, that are named."),
    "headers_too_large": ErrorCode(431, "The request has more or longer headers than the server reads."),
    "invalid_body": ErrorCode(422, "Something in the body is not what the route takes; every fault is listed."),
    "invalid_rows": ErrorCode(422, "Something in the request does not fit its schema; every fault is listed."),
    "release_refused": ErrorCode(
        422, "The version is damaged, not trusted or not fit to be served here; see the detail."
    ),
    "lethal_request": ErrorCode(
        422, "Two workers ended while they were at a request with this body; the Retry-After header tells until when."
    ),
    "rate_limited": ErrorCode(429, "The caller has used what it may for now; the Retry-After header tells until when."),
    "internal_error": ErrorCode(500, "The server failed; it logged the reason under the request id."),
    "prediction_failed": ErrorCode(500, "The model failed on rows that fit its schema; logged under the request id."),
    "unavailable": ErrorCode(503, "Try again after the seconds in the Retry-After header."),
    "storage_unwritable": ErrorCode(
        503, "The server cannot write where it keeps its state: its disk is full or read-only; make room and try again."
    ),
    "draining": ErrorCode(503, "The server is stopping: it still answers, and whoever asks should ask another one."),
    "model_not_ready": ErrorCode(503, "No model is loaded yet, or none is usable; see the server's log."),
    "model_store_unreachable": ErrorCode(
        503, "The version is active here, but the store that machines share could not be told of it: activate it again."
    ),
    "overloaded": ErrorCode(503, "More requests wait than can be answered soon; try again after Retry-After."),
    "deadline_exceeded": ErrorCode(504, "The request could not be answered in the time that it had."),
    "keys_unavailable": ErrorCode(503, "Keys cannot be checked at the moment; try again."),
}
