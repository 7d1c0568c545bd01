"""Does Chromium show the pages under their strict policy? `python -m tests.bench.browser`; needs `chromium` on PATH.

Not among the tests: those ask for nothing but Python. They read the pages and their headers; this is what a browser
makes of them, beside a page with code inside, under the same policy, which has to be found out.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import requests

from tests.server import running_server

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom")
# Pages below /docs, and what stands on them once their scripts have run.
PAGES = {"/docs": "opblock-summary", "/docs#/default": "opblock-summary", "/docs/errors": "<code>not_found</code>"}
BAD_PAGE = b"<!doctype html><p style='color:red' onclick='1'>bad</p><script>document.title = 'ran'</script>"


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page: its final HTML, and the lines of its console about what the policy forbids."""

    html: str
    violations: list[str]


def look_at(url: str) -> Seen:
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [*CHROMIUM, f"--user-data-dir={profile}", "--virtual-time-budget=10000", url],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return Seen(done.stdout, [line for line in done.stderr.splitlines() if "Content Security Policy" in line])


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


def find_faults(url: str, content: str) -> list[str]:
    seen = look_at(url)
    return seen.violations + ([] if content in seen.html else [f"{url} lacks {content}"])


def main() -> int:
    with tempfile.TemporaryDirectory() as home, running_server(Path(home), workers=1) as server:
        faults = {path: find_faults(server.url + path, content) for path, content in PAGES.items()}
        policy = requests.get(f"{server.url}/docs", timeout=30).headers["Content-Security-Policy"]
    for path, found in faults.items():
        sys.stdout.write("\n".join([f"{path}: {len(found)} faults", *found]) + "\n")
    with serving_bad_page(policy) as url:
        violations = look_at(url).violations
    sys.stdout.write(f"a page with code inside: {len(violations)} violations, as it should have\n")
    return 1 if any(faults.values()) or not violations else 0


if __name__ == "__main__":
    sys.exit(main())
