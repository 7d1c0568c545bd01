from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.database import create_tables, opened_database
from app.errors import InvalidRows, TooLarge
from app.monitoring.quality.feedback import FeedbackStore, ToldOutcome
from app.monitoring.quality.intake import FeedbackIntake
from app.release.store import ReleaseStore

Take = Callable[..., Any]


@pytest.fixture
def take(published_plan: ReleaseStore, tmp_path: Path) -> Iterator[Take]:
    """Tell outcomes to an installation that has published a model with the classes no and yes."""
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as database:
        create_tables(database)
        intake = FeedbackIntake(published_plan, FeedbackStore(database), most_outcomes=4)
        yield lambda *outcomes: intake.take(
            [ToldOutcome(row, f"{'0' * 24}-{row}", outcome) for row, outcome in enumerate(outcomes)], key="k"
        )


def test_a_class_that_no_published_version_knows_is_refused_with_all_others(take: Take) -> None:
    with pytest.raises(InvalidRows) as refused:
        take("yes", "Yes", 1, "no")
    expected = "Expected one of the classes no, yes."
    assert [(fault.row, fault.field, fault.message) for fault in refused.value.faults] == [
        (1, "outcome", expected),
        (2, "outcome", expected),
    ]
    assert take("yes", "yes", "yes", "no").accepted == 4


def test_more_outcomes_than_one_request_may_hold_are_refused(take: Take) -> None:
    with pytest.raises(TooLarge) as refused:
        take(*["yes"] * 5)
    assert refused.value.code == "too_many_rows"


def test_where_nothing_is_published_everything_is_kept(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as database:
        create_tables(database)
        intake = FeedbackIntake(ReleaseStore(tmp_path / "models"), FeedbackStore(database), most_outcomes=4)
        assert intake.take([ToldOutcome(0, f"{'0' * 24}-0", "yes")], key="k").accepted == 1
