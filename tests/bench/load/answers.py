"""Whether servers answered what AutoGluon answers to the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tests.bench.results import AnswerCheck

TOLERANCE = 1e-6


def check_answers(answers: Mapping[int, bytes], *, rows_per_request: int, expected: Sequence[Any]) -> AnswerCheck:
    """Compare bodies, by the position of their requests, with what is expected of each row of the data.

    Expected is a mapping from class to probability, or a number. A difference above 1e-6 is a wrong answer, a missing
    one counts as infinitely different.
    """
    differences = []
    for position, body in answers.items():
        given = read_answers(body)
        for offset in range(rows_per_request):
            wanted = expected[(position * rows_per_request + offset) % len(expected)]
            got = given[offset] if offset < len(given) else None
            differences.append(compute_difference(got, wanted))
    wrong = sum(difference > TOLERANCE for difference in differences)
    return AnswerCheck(len(differences), wrong, max(differences, default=0.0))


def read_answers(body: bytes) -> list[Any]:
    """The probabilities of each row by class, or the predicted numbers where there are none."""
    document = orjson.loads(body)
    return list(document.get("probabilities") or document["predictions"])


def compute_difference(got: Any, wanted: Any) -> float:
    """The largest of one row; relative to numbers larger than 1."""
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or got.keys() != wanted.keys():
            return float("inf")
        return float(max(abs(got[name] - value) for name, value in wanted.items()))
    if not isinstance(got, int | float):
        return float("inf")
    return float(abs(got - wanted) / max(1.0, abs(wanted)))
