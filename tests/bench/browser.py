"""Does Chromium show the pages about the API under their strict policy? `python -m tests.bench.browser`.

Needs `chromium` on PATH. Other tests read the pages and their headers; this is what a browser makes of them, beside a
page with code inside, under the same policy, which has to be found out. tests/flows/dashboard looks at the dashboard.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import requests
from playwright.sync_api import Browser

from tests.browsing.chromium import opened_chromium, opened_page
from tests.server import running_server

# Pages below /docs, and what stands on them once their scripts have run.
PAGES = {"/docs": ".opblock-summary", "/docs#/default": ".opblock-summary", "/docs/errors": "#not_found"}
BAD_PAGE = b"<!doctype html><p style='color:red' onclick='1'>bad</p><script>document.title = 'ran'</script>"


@contextlib.contextmanager
def serving_bad_page(policy: str) -> Iterator[str]:
    """The address of a page with code inside it, under this policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(BAD_PAGE)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def find_faults(browser: Browser, url: str, content: str) -> list[str]:
    """The lines of the console about what the policy forbids; a page that never shows what it should is a fault too."""
    with opened_page(browser) as (page, console):
        page.goto(url)
        page.wait_for_selector(content)
        return [line for line in console.lines if "Content Security Policy" in line]


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as home,
        running_server(Path(home), workers=1) as server,
        opened_chromium() as browser,
    ):
        faults = {path: find_faults(browser, server.url + path, content) for path, content in PAGES.items()}
        policy = requests.get(f"{server.url}/docs", timeout=30).headers["Content-Security-Policy"]
        with serving_bad_page(policy) as url:
            violations = find_faults(browser, url, "p")
    for path, found in faults.items():
        sys.stdout.write("\n".join([f"{path}: {len(found)} faults", *found]) + "\n")
    sys.stdout.write(f"a page with code inside: {len(violations)} violations, as it should have\n")
    return 1 if any(faults.values()) or not violations else 0


if __name__ == "__main__":
    sys.exit(main())
