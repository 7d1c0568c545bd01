"""The answer to one row, and its bytes. From the bytes comes the same answer to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from app.runtime.predictions import Predictions

# The label, and the probabilities by class where the model has such.
Answer = tuple[Any, dict[str, float] | None]


def split_answers(predictions: Predictions) -> Iterable[Answer]:
    """The answers of a pass, row by row."""
    if predictions.probabilities is None:
        return ((label, None) for label in predictions.labels)
    return zip(predictions.labels, predictions.probabilities, strict=True)


def join_answers(answers: Sequence[Answer], *, cached_rows: int) -> Predictions:
    """Answers of one release as one pass would have given them."""
    labels = [label for label, _ in answers]
    if not answers or answers[0][1] is None:
        return Predictions(labels, None, cached_rows)
    return Predictions(
        labels, [probabilities for _, probabilities in answers if probabilities is not None], cached_rows
    )


def encode_answer(answer: Answer) -> bytes:
    """JSON: numbers are written with as many digits as it takes to read the same 64 bits again."""
    return orjson.dumps(answer)


def decode_answer(content: bytes) -> Answer:
    label, probabilities = orjson.loads(content)
    return label, probabilities
