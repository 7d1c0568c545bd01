"""The dashboard in Chromium: what people see, and how they get along with the keyboard, by ear and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.monitoring.snapshots import SnapshotStore
from tests.api.dashboard.builders import make_alert, make_watcher
from tests.browsing.chromium import Console
from tests.flows.conftest import open_keys
from tests.server import RunningServer

SignIn = Callable[..., tuple[Page, Console]]

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 360, "height": 740}},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
}


expect.set_options(timeout=20_000)


def let_time_pass(page: Page) -> None:
    """Six seconds of the page's own clock: it asks for what is new every five."""
    page.clock.run_for(6000)


def fire(snapshots: SnapshotStore, rule: str) -> None:
    snapshots.add(make_alert(datetime.now(timezone.utc), rule=rule), make_watcher(datetime.now(timezone.utc)))


def note_requests(page: Page) -> list[str]:
    """The addresses that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.mark.parametrize("screen", SCREENS)
def test_it_is_shown_without_a_complaint_of_the_browser(sign_in: SignIn, tmp_path: Path, screen: str) -> None:
    page, console = sign_in(**SCREENS[screen])

    picture = page.screenshot(full_page=True, path=tmp_path / f"{screen}.png")

    assert console.lines == []
    assert len(picture) > 50_000
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    background = page.evaluate("getComputedStyle(document.querySelector('.tile a')).backgroundColor")
    assert background == ("rgb(18, 22, 29)" if screen == "dark" else "rgb(255, 255, 255)")


def test_a_script_inside_the_page_does_not_run_and_is_complained_of(sign_in: SignIn) -> None:
    page, console = sign_in()

    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))")

    assert page.title() != "1"
    assert [line for line in console.lines if "Content Security Policy" in line] != []


def test_it_updates_itself_and_leaves_the_reader_where_he_is(sign_in: SignIn, snapshots: SnapshotStore) -> None:
    page, console = sign_in()
    summary = page.locator("#alerts summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.evaluate("window.isTheSamePage = true")

    fire(snapshots, "a_new_rule")
    let_time_pass(page)

    expect(page.locator("#alerts table")).to_contain_text("a_new_rule")
    assert page.evaluate("window.isTheSamePage")
    assert page.evaluate("document.activeElement.textContent") == "Last changes, the newest first"
    assert page.evaluate("document.activeElement.parentElement.open")
    expect(page.get_by_role("status")).to_contain_text("a_new_rule")
    assert "a_new_rule" in page.title()
    assert console.lines == []


def test_what_is_being_selected_is_not_taken_away(sign_in: SignIn, snapshots: SnapshotStore) -> None:
    page, _ = sign_in()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#alerts h2'))")

    fire(snapshots, "while_selecting")
    let_time_pass(page)

    expect(page.locator("#overview")).to_contain_text("while_selecting")
    assert page.evaluate("getSelection().toString()") == "Alerts"


def test_paused_it_stays_as_it_is(sign_in: SignIn, snapshots: SnapshotStore) -> None:
    page, _ = sign_in()
    asked = note_requests(page)
    pause = page.get_by_role("button", name="Pause updates")
    pause.click()

    fire(snapshots, "while_paused")
    let_time_pass(page)
    assert asked == []

    pause.click()
    expect(page.locator("#overview")).to_contain_text("while_paused")


def test_without_scripts_it_is_the_same_page_with_a_link_to_reload(sign_in: SignIn) -> None:
    page, _ = sign_in(java_script_enabled=False)

    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Pause updates")).to_be_hidden()
    page.get_by_role("link", name="Reload").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()


def test_the_keyboard_reaches_all_that_the_mouse_does(sign_in: SignIn) -> None:
    page, _ = sign_in()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")

    wanted = page.locator("a:visible, button:visible, summary:visible, [tabindex='0']:visible").count()
    reached = {page.evaluate("document.activeElement.outerHTML")}
    for _ in range(wanted - 1):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        reached.add(page.evaluate("document.activeElement.outerHTML"))

    assert page.evaluate("document.activeElement.closest('footer') !== null")
    assert len(reached) == wanted


def test_by_ear_it_has_landmarks_headings_and_words_for_each_plot(sign_in: SignIn) -> None:
    page, _ = sign_in()

    heard = page.locator("body").aria_snapshot()

    assert heard.index('heading "Overview"') < heard.index('heading "Alerts"') < heard.index('heading "Traffic"')
    for words in (
        'navigation "Time range"',
        'navigation "Sections"',
        "main:",
        'region "Drift"',
        'heading "feature 0" [level=3]',
        'figure "Requests per minute"',
        'table "Live and published quality of version 1"',
    ):
        assert words in heard
    unnamed = [line for line in heard.splitlines() if line.strip() in ("- img", "- link", "- button", "- region")]
    assert unnamed == []


def test_a_session_that_has_ended_says_so_and_asks_no_more(
    sign_in: SignIn, server: RunningServer, plan_home: Path, key: str
) -> None:
    page, _ = sign_in()
    open_keys(plan_home).revoke(key.split("_")[1])
    page.wait_for_timeout(1000)  # A key that was good may be believed for half a second.
    let_time_pass(page)

    expect(page.locator("#updates")).to_contain_text("Your session has ended.")
    asked = note_requests(page)
    let_time_pass(page)
    assert asked == []
    page.get_by_role("link", name="Sign in again").click()
    expect(page).to_have_url(f"{server.url}/dashboard/sign-in")


def test_who_signs_out_has_to_sign_in_again(sign_in: SignIn, server: RunningServer) -> None:
    page, _ = sign_in()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key with the permission admin")).to_be_focused()
    page.goto(f"{server.url}/dashboard")
    expect(page).to_have_url(f"{server.url}/dashboard/sign-in")
