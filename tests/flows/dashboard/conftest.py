"""One server with a busy hour behind it, one browser, and somebody who is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.database import opened_database
from app.monitoring.snapshots import SnapshotStore
from config.settings import load_settings
from tests.api.dashboard.builders import list_busy_hour
from tests.browsing.chromium import Console, NoChromium, opened_chromium, opened_page
from tests.server import RunningServer, running_server, wait_until

OpenPage = Callable[..., tuple[Page, Console]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(opened_chromium())
        except NoChromium as reason:
            pytest.skip(str(reason))


@pytest.fixture(scope="module")
def server(plan_home: Path) -> Iterator[RunningServer]:
    # Nobody watches: what is shown is what the tests have written.
    with running_server(plan_home, workers=1, environment={"GLUONSERVE_MONITOR": "off"}) as started:
        wait_until(started.is_ready, seconds=60)
        yield started


@pytest.fixture(scope="module")
def snapshots(plan_home: Path, server: RunningServer) -> Iterator[SnapshotStore]:
    with opened_database(load_settings({"GLUONSERVE_HOME": str(plan_home)}).database_url) as database:
        store = SnapshotStore(database)
        # Traffic is told by whole minutes.
        store.add(*list_busy_hour(datetime.now(timezone.utc).replace(second=0, microsecond=0), version="1"))
        yield store


@pytest.fixture
def key(plan_home: Path, make_key: Callable[..., str]) -> str:
    return make_key(plan_home, "admin")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    with ExitStack() as stack:

        def open_in_new_profile(**options: Any) -> tuple[Page, Console]:
            page, console = stack.enter_context(opened_page(browser, **options))
            page.clock.install()
            return page, console

        yield open_in_new_profile


@pytest.fixture
def sign_in(server: RunningServer, snapshots: SnapshotStore, key: str, open_page: OpenPage) -> OpenPage:
    """Open the dashboard as people do: by its address, the form, and the key."""

    def sign_in_with(**options: Any) -> tuple[Page, Console]:
        page, console = open_page(**options)
        page.goto(f"{server.url}/dashboard")
        page.fill("#key", key)
        page.click("button[type=submit]")
        page.wait_for_selector("#overview")
        return page, console

    return sign_in_with
