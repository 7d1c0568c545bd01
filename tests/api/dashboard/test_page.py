"""What the page says of what was found, and what it says where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.monitoring.snapshots import SnapshotStore
from app.security.audit import AuditLog
from config.settings import Settings
from tests.api.dashboard.builders import (
    MINUTE,
    list_busy_hour,
    make_alert,
    make_drift,
    make_feature,
    make_metric,
    make_quality,
    make_snapshot,
    make_traffic,
    make_watcher,
)
from tests.charts.page_reader import PageReader

ReadPage = Callable[..., PageReader]
MOST_BYTES = 300_000
ASSETS = ("dashboard.css", "dashboard.js", "icon.svg")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HOSTILE = (
    "<script>alert(1)</script>",
    "\u202egnirts",
    "'\"><img src=x onerror=alert(1)>",
    "x" * 500,
    "\x00",
    "{{ 7*7 }}",
)


def break_database(settings: Settings) -> None:
    database = settings.home / "gluonserve.db"
    database.with_name(f"{database.name}-wal").unlink(missing_ok=True)
    database.write_bytes(b"this is no database" * 1000)


def fill(snapshots: SnapshotStore, now: datetime, features: int = 30) -> None:
    snapshots.add(*list_busy_hour(now, features=features))


def test_the_page_may_load_nothing_from_elsewhere_and_holds_no_code(admin: FlaskClient, read_page: ReadPage) -> None:
    page = read_page()

    assert admin.get("/dashboard").headers["Content-Security-Policy"] == POLICY
    assert page.find("style") == []
    assert page.find("script") == [{"src": "dashboard/assets/dashboard.js", "defer": None}]
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)


@pytest.mark.parametrize("name", ["dashboard.css", "dashboard.js", "icon.svg"])
def test_what_the_page_loads_is_sent_once_and_then_only_confirmed(anonymous: FlaskClient, name: str) -> None:
    with anonymous.get(f"/dashboard/assets/{name}") as first:
        assert first.status_code == 200
        assert first.headers["Cache-Control"] == "no-cache"
    with anonymous.get(f"/dashboard/assets/{name}", headers={"If-None-Match": first.headers["ETag"]}) as second:
        assert (second.status_code, second.data) == (304, b"")


@pytest.mark.parametrize("name", ["dashboard.html", "..", "..%2froutes.py", "theme.css"])
def test_no_other_file_is_served(anonymous: FlaskClient, name: str) -> None:
    assert anonymous.get(f"/dashboard/assets/{name}").status_code == 404


def test_where_nobody_ever_watched_the_page_says_how_to_begin(read_page: ReadPage) -> None:
    words = read_page().words

    assert "The monitor has never run here: nothing is watched." in words
    assert "No traffic in the last hour. The monitor has never run here." in words
    assert "Start it with: gluonserve monitor" in words


def test_where_nothing_happened_yet_each_section_says_what_to_do(
    snapshots: SnapshotStore, read_page: ReadPage, now: datetime
) -> None:
    snapshots.add(make_watcher(now))

    words = read_page().words

    assert "Send a row with POST /predict" in words
    assert "No full window of rows to look for drift in yet." in words
    assert "Report them as they come, with POST /feedback" in words
    assert "Nothing fires." in words
    assert "All of its parts work." in words


def test_a_monitor_that_fell_silent_is_the_headline(
    snapshots: SnapshotStore, read_page: ReadPage, now: datetime
) -> None:
    last = now - timedelta(hours=3)
    snapshots.add(make_watcher(last), make_traffic(last - 10 * MINUTE))

    words = read_page().words

    assert "The monitor is silent since" in words
    assert "3 hours ago: nothing is watched." in words


def test_a_busy_hour_is_told_in_words_tables_and_pictures(
    snapshots: SnapshotStore, audit: AuditLog, read_page: ReadPage, now: datetime
) -> None:
    fill(snapshots, now)
    audit.record(actor="key:abcd1234", action="activate", target="model", before="2", after="3", outcome="done")

    page = read_page()

    assert "20 alerts fire: rule_0, rule_1 and rule_2 and 17 more." in page.words
    assert page.tables["Errors"][1][0] == "invalid_rows"
    assert len(page.tables["Traffic by the minute, the newest first"]) == 1 + 58
    assert "10 of 30 features drifted, 10 more began to." in page.words
    assert page.tables["Live and published quality of version 3"][1][2] == "0.81"
    assert "-1.50 EUR" in page.words
    assert page.tables["Who did what, the newest first"][1][0] == "activate"
    assert len([svg for svg in page.find("svg") if svg.get("role") == "img"]) == 3 + 1 + 20 + 3


def test_the_page_of_thirty_features_is_light(admin: FlaskClient, snapshots: SnapshotStore, now: datetime) -> None:
    fill(snapshots, now)

    sizes = [len(admin.get(f"/dashboard{path}").data) for path in ("", *(f"/assets/{name}" for name in ASSETS))]

    assert sum(sizes) < MOST_BYTES


def test_of_a_thousand_features_the_worst_are_shown_and_all_are_a_link_away(
    admin: FlaskClient, snapshots: SnapshotStore, read_page: ReadPage, now: datetime
) -> None:
    fill(snapshots, now, features=1000)

    assert len(admin.get("/dashboard").data) < MOST_BYTES
    assert len(admin.get("/dashboard/drift/3?page=2").data) < MOST_BYTES
    assert "All 1,000 features" in read_page().words
    second, last = read_page("/dashboard/drift/3?page=2"), read_page("/dashboard/drift/3?page=999")
    assert ("feature 50" in second.words, "feature 49" in second.words) == (True, False)
    assert "feature 999" in last.words


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_strangers_name_is_shown_and_nothing_else(
    snapshots: SnapshotStore, audit: AuditLog, read_page: ReadPage, now: datetime, hostile: str
) -> None:
    feature = make_feature(hostile, level=2, kind="category", reasons=[hostile])
    feature["bins"] = [{"label": hostile, "reference": 0.5, "live": 0.5}]
    money = {"currency": hostile, "total": 1.0, "by_outcome": {hostile: 2.0}}
    snapshots.add(
        make_drift(now, [feature], predictions=feature),
        make_quality(now, make_metric(hostile), money=money),
        make_alert(
            now, rule=hostile, summary=hostile, labels={hostile: hostile}, deliveries=[{"destination": hostile}]
        ),
        make_watcher(now, host=hostile, failures={hostile: {"count": 1, "last": hostile}}),
        make_snapshot("estimate", now, {"rows": 1, "metrics": [make_metric(hostile)]}, version="3"),
    )
    audit.record(actor=hostile, action=hostile, target=hostile, outcome="done", after=hostile)

    page = read_page()

    assert len(page.find("script")) == 1
    assert page.find("img") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not set(page.words) & {"\u202e", "\x00"}
    assert len(max(page.words.split(), key=len)) < 310


@pytest.mark.parametrize("key", ["hour", "day", "week"])
def test_the_range_is_the_readers(snapshots: SnapshotStore, read_page: ReadPage, now: datetime, key: str) -> None:
    snapshots.add(make_watcher(now))

    page = read_page(f"/dashboard?range={key}")

    current = [link["href"] for link in page.find("a") if "aria-current" in link]
    assert current == [f"?range={key}"]
    assert {"hour": "the last hour", "day": "the last 24 hours", "week": "the last 7 days"}[key] in page.words


def test_a_range_that_there_is_not_is_the_hour(read_page: ReadPage) -> None:
    assert "No traffic in the last hour." in read_page("/dashboard?range=<script>").words


def test_without_the_database_the_page_shows_what_lies_in_files(
    admin: FlaskClient, settings: Settings, snapshots: SnapshotStore, now: datetime, read_page: ReadPage
) -> None:
    fill(snapshots, now)
    # A key that was seen before goes on without the database.
    assert admin.get("/dashboard").status_code == 200
    break_database(settings)

    words = read_page().words

    assert "The database does not answer: most of this page is empty." in words
    assert "Predictions go on." in words
    assert "version 3" in words


def test_only_what_has_changed_is_sent_again(admin: FlaskClient, snapshots: SnapshotStore, now: datetime) -> None:
    fill(snapshots, now)
    first = PageReader(admin.get("/dashboard/sections").text)
    known = [str(section["data-digest"]) for section in first.find("section")]

    assert len(known) == 9
    snapshots.add(make_alert(now + MINUTE, rule="rule_0", state="resolved"))
    changed = PageReader(admin.get("/dashboard/sections?known=" + ",".join(known)).text)

    assert {section["id"] for section in changed.find("section")} == {"overview", "alerts"}


def test_the_page_is_whole_for_those_who_listen(snapshots: SnapshotStore, read_page: ReadPage, now: datetime) -> None:
    fill(snapshots, now)

    page = read_page()

    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = [
        attributes.get(name) for _, attributes in page.tags for name in ("aria-labelledby", "aria-describedby")
    ]
    assert {id for reference in references if reference for id in reference.split()} <= set(ids)
    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")][:2] == ["h1", "h2"]
    assert page.find("html")[0]["lang"] == "en"
    assert {"main", "header", "nav", "footer"} <= {tag for tag, _ in page.tags}
    for svg in page.find("svg"):
        assert svg.get("aria-hidden") == "true" or {"role", "aria-labelledby"} <= svg.keys()


def test_a_refusal_is_a_page_for_browsers_and_a_document_for_scripts(app: Flask, admin: FlaskClient) -> None:
    browser = {"Accept": "text/html"}

    assert admin.get("/dashboard/drift/9").get_json()["error"] == "not_found"
    page = admin.get("/dashboard/drift/9", headers=browser)
    assert (page.status_code, "No drift is known of this version." in page.text) == (404, True)
    assert app.test_client().get("/dashboard").status_code == 401
    led = app.test_client().get("/dashboard", headers=browser)
    assert (led.status_code, led.headers["Location"]) == (303, "dashboard/sign-in")
