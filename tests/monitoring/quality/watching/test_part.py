from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sklearn import metrics
from sqlalchemy import Engine, select

from app.database import create_tables, feedback, opened_database
from app.monitoring.quality.measuring.values import OutcomeValues
from app.monitoring.quality.watching.part import QualityTerms
from app.monitoring.quality.watching.versions import Published
from tests.manifests import make_manifest
from tests.monitoring.quality.watching.builders import CLASSES, NOW, Watched, make_answer, make_churn, name_row

Watch = Callable[..., Watched]
ROWS = 400


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as engine:
        create_tables(engine)
        yield engine


@pytest.fixture
def watch(tmp_path: Path, database: Engine) -> Iterator[Watch]:
    made: list[Watched] = []

    def make(terms: QualityTerms | None = None, **published: Published) -> Watched:
        made.append(Watched(tmp_path, database, terms, **published))
        return made[-1]

    yield make
    for watched in made:
        watched.connection.close()


def list_states(database: Engine) -> dict[str, int]:
    with database.connect() as connection:
        states = list(connection.execute(select(feedback.c.state)).scalars())
    return {state: states.count(state) for state in states}


def answer_and_tell(
    watched: Watched, *, count: int = ROWS, odds: float = 1.0
) -> tuple[list[float], list[str], list[str]]:
    """Requests of 20 rows each, and the outcomes of all."""
    said, answered, truth = make_churn(count, odds=odds)
    for number in range(0, count, 20):
        part = slice(number, number + 20)
        watched.read(make_answer(number // 20, answered[part], said[part]))
    watched.tell((name_row(row // 20, row % 20), outcome) for row, outcome in enumerate(truth))
    return said, answered, truth


def test_live_metrics_are_those_of_scikit_learn_on_the_same_pairs(watch: Watch) -> None:
    watched = watch()
    said, answered, truth = answer_and_tell(watched)
    document = watched.look()["quality", "3"].document
    assert (document["outcomes"], document["unfit"], document["without_answers"]) == (ROWS, 0, 0)
    values = {metric["name"]: metric["value"] for metric in document["metrics"]}
    is_yes = [outcome == "Yes" for outcome in truth]
    assert values == {
        "log_loss": pytest.approx(metrics.log_loss(is_yes, said), abs=1e-12),
        "accuracy": pytest.approx(metrics.accuracy_score(truth, answered), abs=1e-12),
        "balanced_accuracy": pytest.approx(metrics.balanced_accuracy_score(truth, answered), abs=1e-12),
        "f1": pytest.approx(metrics.f1_score(truth, answered, pos_label="Yes"), abs=1e-12),
        "precision": pytest.approx(metrics.precision_score(truth, answered, pos_label="Yes"), abs=1e-12),
        "recall": pytest.approx(metrics.recall_score(truth, answered, pos_label="Yes"), abs=1e-12),
        "mcc": pytest.approx(metrics.matthews_corrcoef(truth, answered), abs=1e-12),
        "roc_auc": pytest.approx(metrics.roc_auc_score(is_yes, said), abs=1e-12),
    }
    loss = document["metrics"][0]
    assert (loss["published"], loss["published_low"], loss["published_high"]) == (0.42, 0.4, 0.44)
    assert loss["low"] < loss["value"] < loss["high"]
    assert loss["drop"] == pytest.approx(loss["value"] - 0.42)
    figures = watched.list_figures()
    assert figures["quality_log_loss", "3"] == loss["value"]
    assert figures["quality_drop_log_loss", "3"] == loss["drop"]


def test_outcomes_that_come_before_their_line_is_read_wait_for_it(watch: Watch) -> None:
    watched = watch()
    watched.tell([(name_row(7, 1), "Yes")])
    assert ("quality", "3") not in watched.look()
    watched.read(make_answer(7, ["No", "Yes"], [0.2, 0.8]))
    assert watched.look()["quality", "3"].document["outcomes"] == 1


def test_who_is_killed_before_or_after_keeping_outcomes_counts_each_once(watch: Watch, database: Engine) -> None:
    watched = watch()
    answer_and_tell(watched, count=40)
    watched.look(commit=False)
    watched.restart()
    assert watched.look()["quality", "3"].document["outcomes"] == 40
    assert list_states(database) == {"new": 40}
    watched.restart()
    watched.now += 60
    assert watched.look()["quality", "3"].document["outcomes"] == 40
    watched.look()
    assert list_states(database) == {"taken": 40}


def test_another_outcome_takes_the_place_of_the_one_before(watch: Watch) -> None:
    watched = watch()
    watched.read(make_answer(1, ["No", "Yes"], [0.2, 0.8]))
    watched.tell([(name_row(1, 0), "Yes"), (name_row(1, 1), "Yes")])
    watched.look()
    watched.tell([(name_row(1, 0), "No")])
    watched.now += 60
    document = watched.look()["quality", "3"].document
    accuracy = {metric["name"]: metric["value"] for metric in document["metrics"]}["accuracy"]
    assert (document["outcomes"], accuracy) == (2, 1.0)


def test_an_outcome_without_prediction_is_known_to_be_unknown_after_an_hour(watch: Watch, database: Engine) -> None:
    watched = watch()
    watched.read(make_answer(1, ["No"], [0.2]))
    watched.tell([(name_row(1, 0), "No"), (name_row(1, 5), "No"), (name_row(9), "No")])
    watched.look()
    watched.look()
    assert list_states(database) == {"taken": 2, "unknown": 1}
    watched.now += 3601
    watched.tell([(name_row(10), "No")])
    watched.look()
    watched.look()
    assert list_states(database) == {"taken": 2, "unknown": 2}
    assert [item.prediction_id for item in watched.tell([(name_row(9), "No"), (name_row(1), "No")]).unknown] == [
        name_row(9)
    ]


def test_where_the_log_keeps_no_answers_there_is_no_quality_and_it_is_told_why(watch: Watch) -> None:
    watched = watch()
    record = make_answer(1, ["No"], None)
    del record["labels"]
    watched.read(record)
    watched.tell([(name_row(1), "No")])
    told = watched.look()
    document = told["quality", "3"].document
    assert (document["outcomes"], document["metrics"], document["without_answers"]) == (0, [], 1)
    assert ("estimate", "3") not in told
    assert watched.list_figures() == {}


def test_a_file_that_begins_anew_takes_the_outcomes_of_before_again(watch: Watch) -> None:
    watched = watch()
    said, answered, _ = answer_and_tell(watched, count=20)
    watched.look()
    watched.look()
    watched.connection.executescript("DELETE FROM quality_pairs; DELETE FROM quality_predictions")
    watched.restart(is_new=True)
    watched.read(make_answer(0, answered, said))
    assert watched.look()["quality", "3"].document["outcomes"] == 20


def test_the_window_holds_the_last_outcomes_and_forgets_old_ones(watch: Watch) -> None:
    watched = watch(QualityTerms(window=100, days=30))
    answer_and_tell(watched, count=300)
    assert watched.look()["quality", "3"].document["outcomes"] == 100
    watched.now += 31 * 86_400
    watched.read(make_answer(900, ["No"], [0.1], seconds=31 * 86_400))
    watched.tell([(name_row(900), "No")])
    assert watched.look()["quality", "3"].document["outcomes"] == 1
    assert watched.connection.execute("SELECT count(*) FROM quality_predictions").fetchone() == (1,)


def test_a_clock_that_was_set_back_does_not_stop_the_measuring(watch: Watch) -> None:
    watched = watch()
    answer_and_tell(watched, count=10)
    assert watched.look()["quality", "3"].document["outcomes"] == 10
    watched.now -= 5 * 3600
    for outcome in CLASSES:
        watched.tell([(name_row(0), outcome)])
    assert ("quality", "3") in watched.look()


def test_each_version_is_measured_by_itself(watch: Watch) -> None:
    watched = watch(v3=Published(make_manifest()), v4=Published(make_manifest(version="4", eval_metric="f1")))
    watched.read(make_answer(1, ["No"], [0.1]), make_answer(2, ["No"], [0.2], version="4"))
    watched.tell([(name_row(1), "No"), (name_row(2), "Yes")])
    told = watched.look()
    accuracies = {
        version: {metric["name"]: metric["value"] for metric in told["quality", version].document["metrics"]}[
            "accuracy"
        ]
        for version in ("3", "4")
    }
    assert accuracies == {"3": 1.0, "4": 0.0}


def test_what_no_outcome_has_told_yet_is_estimated_and_checked_when_it_has(watch: Watch) -> None:
    watched = watch()
    said, answered, truth = make_churn(2000, seed=3)
    watched.read(make_answer(1, answered, said))
    document = watched.look()["estimate", "3"].document
    estimated = {metric["name"]: metric for metric in document["metrics"]}
    assert (document["rows"], document["checked"], document["calibration"]) == (2000, None, None)
    expected = sum(p if label == "Yes" else 1 - p for p, label in zip(said, answered, strict=True)) / 2000
    assert estimated["accuracy"]["value"] == pytest.approx(expected, abs=1e-9)
    assert estimated["accuracy"]["low"] < expected < estimated["accuracy"]["high"]
    assert watched.list_figures()["estimated_accuracy", "3"] == estimated["accuracy"]["value"]

    watched.tell((name_row(1, row), outcome) for row, outcome in enumerate(truth))
    watched.now += 60
    watched.read(make_answer(2, ["No"], [0.1]))
    checked = watched.look()["estimate", "3"].document["checked"]
    assert checked["accuracy"]["outcomes"] == 1000
    for name in ("accuracy", "f1", "roc_auc", "log_loss"):
        assert checked[name]["estimated"] == pytest.approx(checked[name]["true"], abs=0.05)


def test_figures_are_of_versions_that_still_answer_and_of_enough_outcomes(watch: Watch) -> None:
    watched = watch()
    answer_and_tell(watched, count=80)
    watched.look()
    assert watched.list_figures() == {}
    watched.read(*(make_answer(100 + number, ["No"], [0.1]) for number in range(20)))
    watched.tell((name_row(100 + number), "No") for number in range(20))
    watched.now += 60
    watched.look()
    assert ("quality_accuracy", "3") in watched.list_figures()
    watched.now = NOW + 86_401 + 60
    assert watched.list_figures() == {}


def test_outcomes_are_counted_in_money(watch: Watch) -> None:
    worth = {"true_positive": 40.0, "false_positive": -5.0, "true_negative": 0.0, "false_negative": -100.0}
    watched = watch(QualityTerms(window=1000, days=30, values=OutcomeValues(currency="EUR", binary=worth)))
    _, answered, truth = answer_and_tell(watched)
    money = watched.look()["quality", "3"].document["money"]
    cases = metrics.confusion_matrix(truth, answered, labels=["No", "Yes"])
    total = 40 * cases[1, 1] - 5 * cases[0, 1] - 100 * cases[1, 0]
    assert (money["currency"], money["total"], money["per_row"]) == (
        "EUR",
        total,
        pytest.approx(total / ROWS, abs=1e-6),
    )
    assert money["counts"]["false_negative"] == cases[1, 0]
    assert watched.list_figures()["money_per_window", "3"] == total
