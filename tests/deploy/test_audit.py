"""`make audit` with the real pip-audit against a service of this machine that knows what a test lets it know."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.rules.repository import ROOT
from tests.server import find_free_port

LOCK = "".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in ("jinja2==2.10", "click==8.1.8"))
# What the service answers about the one of them, cut to what pip-audit reads.
OF_JINJA = {
    "id": "PYSEC-2019-217",
    "details": "str.format_map allows a sandbox escape.",
    "aliases": ["CVE-2019-10906"],
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
        }
    ],
}

Answer = Callable[[Any], tuple[int, bytes]]


class Service(ThreadingHTTPServer):
    """Answers every question as `answer` says."""

    answer: Answer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Service)
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body = self.server.answer(question)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text(LOCK)
    return path


def audit(lock: Path, port: int, *options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "audit.py"), str(lock), *options],
        env={**os.environ, "PIP_AUDIT_OSV_URL": f"http://127.0.0.1:{port}/v1/query"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def know_jinja(question: Any) -> tuple[int, bytes]:
    known = question["package"]["name"] == "jinja2"
    return 200, json.dumps({"vulns": [OF_JINJA]} if known else {}).encode()


@pytest.mark.parametrize("options", [(), ("--if-reachable",)])
def test_a_known_vulnerability_fails_the_audit(service: Service, lock: Path, options: tuple[str, ...]) -> None:
    service.answer = know_jinja
    assert audit(lock, service.server_port, *options) == (
        1,
        [
            "2 packages of some.lock, 1 known vulnerabilities",
            "  jinja2 2.10: PYSEC-2019-217, fixed in 2.10.1",
            "Raise the lower bound in setup.cfg, then: make lock",
        ],
    )


def test_without_one_the_audit_passes(service: Service, lock: Path) -> None:
    service.answer = lambda _: (200, b"{}")
    assert audit(lock, service.server_port) == (0, ["2 packages of some.lock, 0 known vulnerabilities"])


NOT_CHECKED = ["Not checked for known vulnerabilities: their service cannot be reached. Run `make audit` where it can."]


@pytest.mark.parametrize("answer", [(503, b""), (404, b"{}"), (200, b"<html>log in</html>")])
def test_a_service_that_does_not_answer_is_never_taken_for_good_news(
    service: Service, lock: Path, answer: tuple[int, bytes]
) -> None:
    service.answer = lambda _: answer
    assert audit(lock, service.server_port) == (2, NOT_CHECKED)


@pytest.mark.parametrize(("options", "code"), [((), 2), (("--if-reachable",), 0)])
def test_a_service_out_of_reach_fails_the_audit_and_is_told_by_lint(
    lock: Path, options: tuple[str, ...], code: int
) -> None:
    assert audit(lock, find_free_port(), *options) == (code, NOT_CHECKED)
