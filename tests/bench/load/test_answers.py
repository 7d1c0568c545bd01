from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.bench.load.answers import check_answers
from tests.bench.results import AnswerCheck

NO, YES = {"No": 0.9, "Yes": 0.1}, {"No": 0.25, "Yes": 0.75}
EXPECTED = [NO, YES, NO]


def body(**answer: Any) -> bytes:
    return orjson.dumps(answer)


def test_answers_are_compared_with_those_of_the_rows_they_belong_to() -> None:
    answers = {1: body(probabilities=[NO, NO]), 2: body(probabilities=[YES, NO])}
    assert check_answers(answers, rows_per_request=2, expected=EXPECTED) == AnswerCheck(4, 0, 0.0)


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        ({"probabilities": [{"No": 0.5, "Yes": 0.5}]}, 0.4),
        ({"probabilities": [{"No": 0.9}]}, float("inf")),
        ({"predictions": []}, float("inf")),
    ],
)
def test_another_answer_is_wrong(answer: dict[str, Any], difference: float) -> None:
    found = check_answers({0: body(**answer)}, rows_per_request=1, expected=EXPECTED)
    assert (found.rows, found.wrong) == (1, 1)
    assert found.largest_difference == pytest.approx(difference)


def test_numbers_differ_relative_to_their_size() -> None:
    found = check_answers(
        {0: body(predictions=[5000.001, 0.25], probabilities=None)}, rows_per_request=2, expected=[5000.0, 0.25]
    )
    assert found.wrong == 0
    assert found.largest_difference == pytest.approx(2e-7, rel=1e-3)
