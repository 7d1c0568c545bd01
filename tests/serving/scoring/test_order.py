"""The release that tables are scored with."""

from __future__ import annotations

import pytest

from app.errors import InvalidRows
from app.release.store import ReleaseStore
from app.release.verification import read_schema
from app.runtime.switching.rejections import Rejection, write_rejections
from tests.serving.scoring.builders import choose


def test_it_takes_no_unseen_values_of_features_that_an_operator_excludes_also_while_it_is_held(
    plan_store: ReleaseStore,
) -> None:
    row = {**read_schema(plan_store.directory("1")).sample_row(), "visits": 10**6}
    release = choose(plan_store).load()
    assert [warning.field for warning in release.validator.check([row]).warnings] == ["visits"]

    write_rejections(plan_store.path, [Rejection(version="1", feature="visits", since="2026-11-29", by="ann")])
    with pytest.raises(InvalidRows) as refused:
        release.validator.check([row])
    assert [fault.field for fault in refused.value.faults] == ["visits"]

    write_rejections(plan_store.path, [])
    assert release.validator.check([row]).rows
