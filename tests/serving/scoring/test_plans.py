"""Parts answered by plans of every problem type: by their columns as row by row, to the byte."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.errors import ServiceError
from app.release.plan.export import export_plan
from app.runtime.loading import LoadedRelease
from app.runtime.native import hold_in_memory
from app.runtime.plan.reading import read_plan
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from app.serving.formats.results import ResultLayout, open_result_writer
from app.serving.formats.tables import open_table
from app.serving.scoring.parts import TablePart, cut_table
from app.serving.scoring.scorer import PartScorer, ScoredPart
from app.training.profile import profile_features
from app.training.publication.mutations import list_edge_values
from app.training.publication.proof import frame_to_rows
from tests.fixtures import FittedModel
from tests.manifests import make_manifest
from tests.serving.scoring.builders import write_table

ROWS = 40


@dataclass(frozen=True)
class Planned:
    """Attributes: edges: The rows, and others at the edges of their features."""

    release: LoadedRelease
    rows: list[dict[str, Any]]
    edges: list[dict[str, Any]]


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression", "quantile"])
def planned(
    request: pytest.FixtureRequest, plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory
) -> Planned:
    model, directory = plannable(request.param), tmp_path_factory.mktemp("plan")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    hold_in_memory(model.predictor)
    export_plan(model.predictor, schema, directory)
    manifest = make_manifest(
        problem_type=request.param,
        class_labels=tuple(model.predictor.class_labels) if model.predictor.can_predict_proba else None,
        quantile_levels=tuple(model.predictor.quantile_levels) if request.param == "quantile" else None,
    )
    release = LoadedRelease(manifest, schema, read_plan(directory), "plan")
    rows = frame_to_rows(model.held_out[:ROWS], schema)
    return Planned(release, rows, list(add_rows_at_the_edges(rows, release)))


def add_rows_at_the_edges(rows: list[dict[str, Any]], release: LoadedRelease) -> Iterator[dict[str, Any]]:
    """Real rows, and for each feature one with each of the values at its edges that gets an answer."""
    yield from rows
    for feature in release.schema.features:
        for value in list_edge_values(feature):
            row = {**rows[0], feature.name: value}
            try:
                release.executor.predict(release.validator.check([row]).rows)
            except ServiceError:
                continue
            yield row


def score_by_rows(release: LoadedRelease, part: TablePart, result_type: str) -> ScoredPart:
    """What a part is answered without any columns."""
    with open_table(io.BytesIO(part.content), part.media_type, chunk_rows=part.rows) as table:
        checked = release.validator.check([row for chunk in table for row in chunk])
    predictions, sink = release.executor.predict(checked.rows), io.BytesIO()
    writer = open_result_writer(sink, result_type, ResultLayout.of(release.manifest))
    writer.write(predictions.labels, predictions.probabilities)
    writer.close()
    return ScoredPart(part.number, part.rows, sink.getvalue(), Counter(str(one.kind) for one in checked.warnings))


@pytest.mark.parametrize("media_type", [CSV, JSON_LINES])
@pytest.mark.parametrize("result_type", [CSV, JSON_LINES, ARROW_STREAM])
def test_rows_at_the_edges_get_the_same_bytes(planned: Planned, media_type: str, result_type: str) -> None:
    content = write_table(planned.edges, media_type)
    parts = list(cut_table(io.BytesIO(content), media_type, rows=100))
    assert len(parts) > 1
    for part in parts:
        expected = score_by_rows(planned.release, part, result_type)
        assert PartScorer(planned.release, result_type).score(part) == expected


@pytest.mark.parametrize("media_type", [PARQUET, ARROW_STREAM])
def test_real_rows_in_typed_tables_get_the_same_bytes(planned: Planned, media_type: str) -> None:
    (part,) = cut_table(io.BytesIO(write_table(planned.rows, media_type)), media_type)
    assert PartScorer(planned.release, CSV).score(part) == score_by_rows(planned.release, part, CSV)
