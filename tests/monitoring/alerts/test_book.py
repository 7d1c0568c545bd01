from __future__ import annotations

import orjson

from app.monitoring.alerts.book import MOST_ALERTS, AlertBook
from tests.monitoring.alerts.builders import DRIFT, RULE, make_figure, make_rule, make_rules

BAD, GOOD, BETWEEN = make_figure(0.05), make_figure(0.0), make_figure(0.015)


def test_a_rule_fires_after_its_time_and_not_before() -> None:
    book = AlertBook(make_rules())

    assert book.judge([BAD], 0) == []
    assert book.judge([BAD], 179) == []
    (fired,) = book.judge([BAD], 1)

    assert (fired.rule, fired.value, fired.since, fired.broken_seconds) == ("error_share", 0.05, BAD.at, 180)


def test_a_value_at_the_limit_breaks_nothing() -> None:
    rule = make_rule(for_minutes=0)
    book = AlertBook(make_rules(rule))

    assert book.judge([make_figure(0.02)], 0) == []
    assert len(book.judge([make_figure(0.0200001)], 0)) == 1


def test_one_good_value_begins_the_time_anew() -> None:
    book = AlertBook(make_rules())
    book.judge([BAD], 0)
    book.judge([BAD], 170)
    book.judge([GOOD], 10)

    assert book.judge([BAD], 10) == []
    assert book.judge([BAD], 170) == []


def test_an_alert_is_over_when_the_value_was_back_at_clear_for_its_time() -> None:
    book = make_firing_book()

    assert book.judge([BETWEEN], 600) == []
    assert book.judge([GOOD], 10) == []
    assert book.judge([BETWEEN], 10) == []
    assert book.judge([GOOD], 290) == []
    (over,) = book.judge([GOOD], 10)

    assert (over.stage, over.value) == ("resolved", 0.0)


def test_a_figure_below_its_limit_fires_too() -> None:
    book = AlertBook(
        make_rules(make_rule(figure="workers_ready", comparison="below", threshold=1, clear=1, for_minutes=0))
    )

    assert book.judge([make_figure(1, "workers_ready")], 0) == []
    assert len(book.judge([make_figure(0, "workers_ready")], 0)) == 1


def test_labels_choose_which_figures_are_looked_at() -> None:
    book = AlertBook(make_rules(make_rule(figure="drift_psi", labels={"feature": "age"}, for_minutes=0)))

    fired = book.judge([make_figure(1, "drift_psi", feature="age"), make_figure(1, "drift_psi", feature="pay")], 0)

    assert [alert.labels for alert in fired] == [{"feature": "age"}]


def test_a_family_of_figures_is_looked_at_as_a_whole() -> None:
    book = AlertBook(make_rules(make_rule(figure="quality_drop_*", threshold=0.05, clear=0.05, for_minutes=0)))

    fired = book.judge([make_figure(0.1, "quality_drop_accuracy"), make_figure(0.1, "quality_accuracy")], 0)

    assert [alert.figure for alert in fired] == ["quality_drop_accuracy"]


def test_a_figure_that_is_not_told_any_more_ends_its_alert_later_than_a_good_one() -> None:
    book = make_firing_book()

    assert book.judge([], 599) == []
    (over,) = book.judge([], 1)

    assert (over.stage, over.is_measured, over.value) == ("resolved", False, 0.05)


def test_what_is_no_number_breaks_no_rule_and_keeps_no_alert_alive() -> None:
    nothing = make_figure(float("nan"))

    assert AlertBook(make_rules(make_rule(for_minutes=0))).judge([nothing], 0) == []
    assert [alert.stage for alert in make_firing_book().judge([nothing], 600)] == ["resolved"]


def test_a_thousand_broken_rounds_are_told_once_and_their_end_once() -> None:
    book = make_firing_book()
    told = [book.take_due()]
    for _ in range(1000):
        book.judge([BAD], 10)
        told.append(book.take_due())
    for _ in range(100):
        book.judge([GOOD], 10)
        told.append(book.take_due())

    assert [(len(one.begun), len(one.lasting), len(one.over)) for one in told if one] == [(1, 0, 0), (0, 0, 1)]


def test_what_lasts_is_told_again_after_hours_for_all_alerts_together() -> None:
    second = make_rule(name="second")
    book = make_firing_book(RULE, second)
    book.take_due()

    book.judge([BAD], 12 * 3600 - 1)
    assert not book.take_due()
    book.judge([BAD], 1)
    assert [alert.rule for alert in book.take_due().lasting] == ["error_share", "second"]
    book.judge([BAD], 10)
    assert not book.take_due()


def test_an_alert_that_begins_again_and_again_is_told_once_in_its_cool_down() -> None:
    rule = make_rule(for_minutes=0, resolve_minutes=0)
    book = AlertBook(make_rules(rule))
    begun = over = 0
    for second in range(0, 1800, 20):
        for figure in (BAD, GOOD):
            book.judge([figure], 10 if second else 0)
            told = book.take_due()
            begun, over = begun + len(told.begun), over + len(told.over)

    assert (begun, over) == (1, 1)
    book.judge([BAD], 60)
    assert book.take_due().begun[0].times > 80


def test_messages_of_one_severity_keep_their_distance_and_a_critical_one_waits_for_no_warning() -> None:
    warning = make_rule(name="slow", figure="latency_p99_ms", severity="warning", for_minutes=0)
    other = make_rule(name="busy", figure="cpu_percent", severity="warning", for_minutes=0)
    book = AlertBook(make_rules(make_rule(for_minutes=0), warning, other, spacing_minutes=5))
    slow, busy = make_figure(1, "latency_p99_ms"), make_figure(1, "cpu_percent")

    book.judge([slow], 0)
    assert len(book.take_due().begun) == 1
    book.judge([slow, busy, BAD], 10)
    assert [alert.rule for alert in book.take_due().begun] == ["error_share"]
    book.judge([slow, busy, BAD], 290)
    assert [alert.rule for alert in book.take_due().begun] == ["busy"]


def test_an_end_that_could_not_be_told_yet_is_not_told_when_it_begins_again() -> None:
    book = make_firing_book(make_rule(resolve_minutes=0), spacing_minutes=5)
    book.take_due()
    book.judge([GOOD], 10)
    assert not book.take_due()
    book.judge([BAD], 10)
    book.judge([BAD], 600)

    assert not book.take_due()


def test_all_goes_on_from_its_state() -> None:
    book = AlertBook(make_rules())
    book.judge([BAD], 0)
    book.judge([BAD], 170)

    again = AlertBook(make_rules(), orjson.loads(orjson.dumps(book.to_state())))

    assert again.to_state() == book.to_state()
    assert len(again.judge([BAD], 10)) == 1


def test_an_alert_of_a_rule_that_was_taken_away_is_forgotten() -> None:
    state = make_firing_book().to_state()

    assert AlertBook(make_rules(DRIFT), state).to_state()["alerts"] == []


def test_more_alerts_than_there_is_place_for_are_counted() -> None:
    book = AlertBook(make_rules(DRIFT))

    book.judge([make_figure(1, "drift_psi", feature=str(number)) for number in range(MOST_ALERTS + 7)], 0)

    assert (len(book.take_due().begun), book.passed_over) == (MOST_ALERTS, 7)


def make_firing_book(*rules: object, **values: object) -> AlertBook:
    book = AlertBook(make_rules(*rules, **values))  # type: ignore[arg-type]
    book.judge([BAD], 0)
    book.judge([BAD], 180)
    return book
