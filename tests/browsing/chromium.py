"""Starts Chromium without any of its calls home, and notes all that a page is told of by its console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

NOT_FOUND = "chromium is not on PATH; on Debian and Ubuntu: apt-get install chromium"

_NAME = "chromium"
# As root there is no sandbox, and on a closed network every call home is an error on its own.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoChromium(Exception):
    """There is no Chromium to be started; the message says how to come by it."""


@dataclass
class Console:
    """What a browser says of a page: what its policy forbids, what failed to load, and what its scripts threw."""

    lines: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", lambda message: self.lines.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.lines.append(f"thrown: {error}"))
        page.on("requestfailed", lambda request: self.lines.append(f"failed: {request.url} {request.failure}"))


@contextmanager
def opened_chromium() -> Iterator[Browser]:
    """A browser for as long as the block lasts.

    Raises:
        NoChromium
    """
    path = shutil.which(_NAME)
    if path is None:
        raise NoChromium(NOT_FOUND)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened_page(browser: Browser, **options: Any) -> Iterator[tuple[Page, Console]]:
    """A page of a browser profile of its own, with its console.

    Args:
        options: As playwright's `new_context` takes them: `viewport`, `color_scheme`, `java_script_enabled`.
    """
    context, console = browser.new_context(**options), Console()
    context.set_default_timeout(20_000)
    try:
        page = context.new_page()
        console.listen(page)
        yield page, console
    finally:
        context.close()
