"""Proof that what will be served answers as the predictor does, on held-out rows and on rows made to be difficult."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.errors import InvalidRows, PredictionFailed
from app.release.golden import GoldenRows
from app.release.schema import FeatureSchema, Scalar
from app.runtime.frames import build_frame
from app.runtime.native import predict_frame
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import RowValidator, TypedRow
from app.training.profile import to_scalar
from app.training.publication.mutations import mix_rows, mutate_rows
from app.training.refusals import TrainingRefused

_PROOF_ROWS = 500
_GOLDEN_ROWS = 16
_BATCH_SIZES = (1, 2, 97, 1000)
# One row at a time costs a call each; this many are enough to meet every value of every feature.
_MOST_CALLS = 500
# Models take other ways for thousands of rows, which only rows that differ reach: equal ones are computed once.
_MIXED_ROWS = 3000


@dataclass(frozen=True)
class ProofRows:
    """Held-out rows that fit the schema, and what the predictor itself answers to them.

    Attributes:
        typed: The rows as a model gets them, in the order of `answers.rows`.
    """

    typed: list[TypedRow]
    answers: GoldenRows

    def select_golden_rows(self) -> GoldenRows:
        """The first rows, to be replayed at every load."""
        return _take(self.answers, slice(0, _GOLDEN_ROWS))


def ask_predictor(predictor: TabularPredictor, held_out: pd.DataFrame, schema: FeatureSchema) -> ProofRows:
    """Predict held-out rows with the predictor itself, from the frame as it was loaded.

    Raises:
        TrainingRefused: when no held-out row fits the schema.
    """
    frame = held_out.head(_PROOF_ROWS)
    rows = frame_to_rows(frame, schema)
    checked = check_each(rows, schema)
    if not checked:
        raise TrainingRefused(
            f"No held-out row fits the feature schema; most often {_find_commonest_fault(rows, schema)} "
            "Hold out rows like those of training, or leave out that column."
        )
    positions = list(checked)
    expected = predict_frame(predictor, frame.iloc[positions])
    return ProofRows(
        typed=list(checked.values()),
        answers=GoldenRows(
            rows=[rows[position] for position in positions],
            labels=expected.labels,
            probabilities=expected.probabilities,
        ),
    )


def prove_answers(executor: Executor, proof: ProofRows) -> None:
    """Compare what a release answers to held-out rows, sent as a caller would, with what the predictor answers.

    Raises:
        TrainingRefused: at the first difference.
    """
    difference = _find_difference(executor.predict(proof.typed), proof.answers)
    if difference:
        raise TrainingRefused(f"The release does not answer as the predictor does: {difference}.")


def find_plan_fault(plan: Executor, predictor: TabularPredictor, schema: FeatureSchema, proof: ProofRows) -> str | None:
    """Say where a plan answers otherwise than its predictor; None when it never does.

    Compared are the held-out rows and, made of them, rows at the edges of every feature, in batches of 1, 2, 97, 1000,
    and thousands of rows mixed of the values of both, in one batch.
    """
    mutated = list(check_each(mutate_rows(schema, proof.answers.rows), schema).values())
    typed, edges = ask_what_can_be_answered(predictor, schema, mutated)
    mixed, mixtures = ask_what_can_be_answered(predictor, schema, mix_rows([*proof.typed, *typed], _MIXED_ROWS))
    try:
        for rows, answers, kind, sizes in (
            (proof.typed, proof.answers, "a held-out row", _BATCH_SIZES),
            (typed, edges, "an edge row", _BATCH_SIZES),
            (mixed, mixtures, "a row of mixed values", (_MIXED_ROWS,)),
        ):
            for size in sizes:
                difference = _find_difference_in_batches(plan, rows, answers, size)
                if difference:
                    return f"{kind} in a batch of {size}: {difference}"
    except PredictionFailed as fault:
        return f"{fault} ({type(fault.__cause__).__name__}: {fault.__cause__})"
    return None


def ask_what_can_be_answered(
    predictor: TabularPredictor, schema: FeatureSchema, rows: list[TypedRow]
) -> tuple[list[TypedRow], GoldenRows]:
    """Predict rows with the predictor itself, those left out at which it breaks: there is nothing to compare with."""
    try:
        # scikit-learn sums a batch to see whether it is finite; rows at the ends of float32 make that sum overflow.
        with np.errstate(all="ignore"):
            answers = predict_frame(predictor, build_frame(rows, schema))
    except Exception:
        if len(rows) <= 1:
            return [], GoldenRows(rows=[], labels=[], probabilities=[] if predictor.can_predict_proba else None)
        middle = len(rows) // 2
        (first, left), (second, right) = (
            ask_what_can_be_answered(predictor, schema, part) for part in (rows[:middle], rows[middle:])
        )
        probabilities = None if left.probabilities is None else [*left.probabilities, *(right.probabilities or ())]
        return [*first, *second], GoldenRows(rows=[], labels=[*left.labels, *right.labels], probabilities=probabilities)
    return rows, GoldenRows(rows=[], labels=answers.labels, probabilities=answers.probabilities)


def _find_difference_in_batches(plan: Executor, rows: Sequence[TypedRow], answers: GoldenRows, size: int) -> str | None:
    # Rows of one feature stand together, so that strides meet all of them.
    stride = max(1, len(rows) // (_MOST_CALLS * size))
    for start in range(0, len(rows), size * stride):
        part = slice(start, start + size)
        difference = _find_difference(plan.predict(rows[part]), _take(answers, part))
        if difference:
            return difference
    return None


def _find_difference(got: Predictions, expected: GoldenRows) -> str | None:
    return expected.find_difference(got.labels, got.probabilities)


def _take(answers: GoldenRows, part: slice) -> GoldenRows:
    return GoldenRows(
        rows=answers.rows[part],
        labels=answers.labels[part],
        probabilities=answers.probabilities and answers.probabilities[part],
    )


def frame_to_rows(frame: pd.DataFrame, schema: FeatureSchema) -> list[dict[str, Scalar | None]]:
    """The rows of a DataFrame as a caller would send them in JSON."""
    columns = {feature.name: [to_scalar(value) for value in frame[feature.name]] for feature in schema.features}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _find_commonest_fault(rows: Sequence[dict[str, Scalar | None]], schema: FeatureSchema) -> str:
    try:
        RowValidator(schema).check(rows)
    except InvalidRows as refused:
        counts = Counter((fault.field, fault.message) for fault in refused.faults)
        (field, message), _ = counts.most_common(1)[0]
        return f'in the field "{field}": {message}'
    return "there is none."


def check_each(rows: Sequence[dict[str, Scalar | None]], schema: FeatureSchema) -> dict[int, TypedRow]:
    """Typed rows by position; rows that a caller would be refused are left out."""
    validator = RowValidator(schema)
    checked = {}
    for position, row in enumerate(rows):
        try:
            checked[position] = validator.check([row]).rows[0]
        except InvalidRows:
            continue
    return checked
