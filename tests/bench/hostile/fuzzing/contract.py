"""Requests that schemathesis makes from the server's own OpenAPI document, and the answers as they came."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from tests.bench.hostile.fuzzing.answers import Answer
from tests.bench.hostile.fuzzing.exchange import Attack

CONTRACT = "schemathesis"
# What the judge of all answers does not look at: whether the document says what is answered. Failures of the server it
# does, and knows which are documented.
_CHECKS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
_SECONDS_PER_REQUEST = 10
# Routes that change which version is served would change the document while it is read.
_EXCLUDED = r"/(activate|rollback|promote|canary|shadow)$"
_FAILURES_FOUND = 1


class ContractRun:
    """One run of schemathesis, recorded as HAR.

    Attributes:
        report: What it printed.
        holds: Whether its own checks found nothing.
    """

    def __init__(self, url: str, directory: Path, *, name: str, examples: int, key: str | None, seed: int = 1) -> None:
        self._har = directory / f"schemathesis-{name}.har"
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--url", url),
            *("--max-examples", str(examples), "--seed", str(seed), "--mode", "all", "--continue-on-failure"),
            *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(_CHECKS), "--no-shrink"),
            *("--exclude-path-regex", _EXCLUDED, "--request-timeout", str(_SECONDS_PER_REQUEST)),
            *("--report", "har", "--report-har-path", str(self._har)),
            *("--output-sanitize", "false", "--report-preserve-bytes", "--no-color", "--warnings", "off"),
            *(
                ()
                if key is None
                else ("--generation-with-security-parameters", "false", "--header", f"X-API-Key:{key}")
            ),
        ]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        self.report = done.stdout + done.stderr
        self.holds = done.returncode == 0

    def list_exchanges(self) -> Iterator[tuple[Attack, Answer]]:
        for entry in orjson.loads(self._har.read_bytes())["log"]["entries"]:
            yield _read_attack(entry["request"]), _read_answer(entry["response"])


def _read_attack(request: Mapping[str, Any]) -> Attack:
    path = "/" + request["url"].split("/", 3)[-1]
    body = request.get("postData", {}).get("text", "")
    payload = f"{request['method']} {path} HTTP/1.1\r\n\r\n{body}".encode(errors="replace")
    return Attack(kind=CONTRACT, payload=payload, makes_secret=path.startswith(("/keys", "/auth/token")))


def _read_answer(response: Mapping[str, Any]) -> Answer:
    if not response["status"]:
        return Answer(None, b"", b"", "schemathesis got none")
    content = response["content"]
    text = content.get("text") or ""
    body = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
    lines = [f"HTTP/1.1 {response['status']}", *(f"{item['name']}: {item['value']}" for item in response["headers"])]
    return Answer(response["status"], "\r\n".join(lines).encode("latin-1", "replace"), body)
