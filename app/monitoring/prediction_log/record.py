"""One request as one line of the prediction log. What of its inputs may be kept is decided by who is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import orjson

from app.monitoring.observation import AnswerObserved, RequestObserved
from app.monitoring.prediction_log.inputs import InputPolicy

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
_NO_WARNINGS = {"unseen": 0, "out_of_range": 0, "unknown_field": 0}
_NOT_ANSWERED = {
    "name": None,
    "version": None,
    "role": None,
    "execution": None,
    "rows": 0,
    "cached": 0,
    "prediction_id": None,
}


class LineWriter:
    """Writes requests as lines of JSON."""

    def __init__(self, inputs: InputPolicy, *, with_outputs: bool) -> None:
        self._inputs = inputs
        self._with_outputs = with_outputs

    def write(self, event: RequestObserved) -> bytes:
        """The line of a request, with its end."""
        answer = event.answer
        record: dict[str, Any] = {
            "kind": "request",
            "at": write_moment(event.ended_at),
            "request_id": event.request_id,
            "route": event.route,
            "status": event.status,
            "error": event.error,
            "key": event.key,
        }
        if event.is_part:
            record["part"] = True
        if answer is None:
            record.update(_NOT_ANSWERED, ms=_write_times(event, 0.0, 0.0), warnings=_NO_WARNINGS)
        else:
            self._add_answer(record, event, answer)
        return orjson.dumps(record, option=_OPTIONS)

    def _add_answer(self, record: dict[str, Any], event: RequestObserved, answer: AnswerObserved) -> None:
        record["name"] = answer.name
        record["version"] = answer.version
        record["role"] = answer.role
        record["execution"] = answer.execution
        record["rows"] = answer.rows
        record["cached"] = answer.cached_rows
        # All identifiers of a request are this one and the position of the row.
        record["prediction_id"] = answer.prediction_ids[0].rpartition("-")[0] if answer.prediction_ids else None
        record["ms"] = _write_times(event, answer.validate_seconds, answer.predict_seconds)
        record["warnings"] = _count_warnings(answer) if answer.warnings else _NO_WARNINGS
        inputs = self._inputs.keep_rows(answer.version, answer.inputs)
        if inputs is not None:
            record["inputs"] = inputs
        if self._with_outputs:
            record["labels"] = answer.labels
            if answer.probabilities:
                record["probabilities"] = [list(row.values()) for row in answer.probabilities]
                record["classes"] = list(answer.probabilities[0])


def write_loss(*, at: float, lines: int, sketches: int) -> bytes:
    """The line that stands for lines which were lost."""
    loss = {"kind": "lost", "at": write_moment(at), "lines": lines, "sketches": sketches}
    return orjson.dumps(loss, option=_OPTIONS)


def write_sketch(sketch: Mapping[str, Any]) -> bytes:
    return orjson.dumps(sketch, option=_OPTIONS)


def write_moment(seconds: float) -> str:
    """A moment since 1970 as ISO 8601 in UTC, in milliseconds; the lines of one second share the work."""
    milliseconds = int(seconds * 1000)
    return f"{_write_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _write_second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).replace(tzinfo=None).isoformat()


def _write_times(event: RequestObserved, validate: float, predict: float) -> dict[str, float]:
    """In milliseconds, to the microsecond; the total holds also what none of the parts does."""
    return {
        "queue": round(event.waited_seconds * 1000, 3),
        "validate": round(validate * 1000, 3),
        "predict": round(predict * 1000, 3),
        "total": round((event.waited_seconds + event.seconds) * 1000, 3),
    }


def _count_warnings(answer: AnswerObserved) -> dict[str, int]:
    return {**_NO_WARNINGS, **Counter(warning.kind or "other" for warning in answer.warnings)}
