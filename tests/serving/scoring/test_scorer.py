"""Parts of a table answered by a release."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from app.errors import PredictionFailed
from app.release.schema import Feature, FeatureSchema
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.serving.formats.media_types import CSV, JSON_LINES
from app.serving.scoring.parts import TablePart, cut_table
from app.serving.scoring.scorer import PartRefusal, PartScorer, ScoredPart
from tests.manifests import make_manifest

VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=90)


class Doubling:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions([2.0 * float(row[0] or 0) for row in rows], None)


class Broken:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:  # noqa: ARG002 - whatever they are
        raise PredictionFailed("The model could not predict these rows.")


def make_regression(executor: Executor) -> LoadedRelease:
    manifest = make_manifest(problem_type="regression", class_labels=None)
    return LoadedRelease(manifest, FeatureSchema((VISITS,)), executor, "plan")


def cut(content: bytes, rows: int = 2) -> list[TablePart]:
    return list(cut_table(io.BytesIO(content), CSV, rows=rows))


@pytest.fixture
def scorer() -> PartScorer:
    return PartScorer(make_regression(Doubling()), CSV)


def test_each_part_is_a_result_of_its_own(scorer: PartScorer) -> None:
    first, second = map(scorer.score, cut(b"visits\n1\n2\n91\n"))
    assert first == ScoredPart(0, 2, b"prediction\n2.0\n4.0\n", {})
    assert second == ScoredPart(1, 1, b"prediction\n182.0\n", {"out_of_range": 1})


def test_rows_are_named_by_their_places_in_the_whole_table() -> None:
    def name_rows(first_row: int, count: int) -> list[str]:
        return [f"job-{number}" for number in range(first_row, first_row + count)]

    scorer = PartScorer(make_regression(Doubling()), CSV, name_rows=name_rows)
    _, second = map(scorer.score, cut(b"visits\n1\n2\n3\n"))
    assert isinstance(second, ScoredPart)
    assert second.content == b"prediction_id,prediction\njob-2,6.0\n"


def test_a_part_with_faults_has_no_result_and_names_the_rows_of_the_whole_table(scorer: PartScorer) -> None:
    _, refused, _ = map(scorer.score, cut(b"visits\n1\n2\n3\nmany\n5\n"))
    assert isinstance(refused, PartRefusal)
    assert refused.code == "invalid_rows"
    assert refused.detail == "1 fault in rows 2 to 3; rows are counted from 0."
    (fault,) = refused.faults
    assert (fault.row, fault.field) == (3, "visits")


def test_a_damaged_line_is_named_by_its_place_in_the_whole_table(scorer: PartScorer) -> None:
    _, refused = map(scorer.score, cut(b"visits\n1\n2\n3\n4,5\n"))
    assert refused == PartRefusal("invalid_table", "Line 5 has 2 cells, the header 1.")


def test_no_more_faults_are_kept_than_anybody_reads(scorer: PartScorer) -> None:
    (refused,) = map(scorer.score, cut(b"visits\n" + b"many\n" * 500, rows=500))
    assert isinstance(refused, PartRefusal)
    assert len(refused.faults) == 100
    assert refused.detail.startswith("500 faults in rows 0 to 499")


def test_a_model_that_breaks_refuses_the_part() -> None:
    (refused,) = map(PartScorer(make_regression(Broken()), CSV).score, cut(b"visits\n1\n"))
    assert refused == PartRefusal("prediction_failed", "The model could not predict these rows.")


def test_rows_of_different_fields_are_answered_one_by_one_and_it_is_told(scorer: PartScorer) -> None:
    like, unlike = b'{"visits": 1}\n{"visits": 2}\n', b'{"visits": 1}\n{"visits": 2, "note": 3}\n'
    parts = cut_table(io.BytesIO(like + unlike), JSON_LINES, rows=2)
    assert list(map(scorer.score, parts)) == [
        ScoredPart(0, 2, b"prediction\n2.0\n4.0\n", {}),
        ScoredPart(1, 2, b"prediction\n2.0\n4.0\n", {"unknown_field": 1}, is_by_rows=True),
    ]
