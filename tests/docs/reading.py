"""Somebody who reads a page and types its commands: what they print is held against what the page shows."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.rules.repository import ROOT
from tests.server import find_free_port, stop, wait_until

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"gsk_\w+")
_VARYING = re.compile(r"\b[0-9a-f]{24,32}\b|\d+(?:[.:T-]\d+)*Z?")


@dataclass(frozen=True)
class Example:
    """A command of the documentation and the lines shown below it."""

    command: str
    shown: list[str] = field(default_factory=list)


def read_examples(text: str) -> Iterator[Example]:
    """The commands of a page."""
    for block in _BLOCK.findall(text):
        example: Example | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if example:
                    yield example
                example = Example(line[2:])
            elif example and line.strip() != "...":
                example.shown.append(line)
        if example:
            yield example


class Reader:
    """Somebody who types the commands of one page into one terminal."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._home = home
        self._key = ""
        self.seen = ""
        self._url = f"http://127.0.0.1:{find_free_port()}"

    def type(self, example: Example) -> list[str]:
        """Run a command and return the lines it printed, the last one saying how it ended if it failed."""
        words = shlex.split(example.command.replace("$KEY", self._key).replace("$ID", self._key[4:12]))
        if words[0] == "curl":
            return self._call(words)
        if words[:2] == ["gluonserve", "serve"]:
            return self._serve()
        done = self._run(words[1:])
        found = _KEY.search(done.stdout)
        self._key = found.group() if found else self._key
        self.seen += done.stdout
        return [*done.stdout.splitlines(), *([f"[exit {done.returncode}]"] if done.returncode else [])]

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "app.cli", *arguments],
            cwd=self._home,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _serve(self) -> list[str]:
        command = [sys.executable, "-m", "app.cli", "serve", "--bind", self._url.removeprefix("http://")]
        process = subprocess.Popen(command, cwd=self._home, env=self._environment(), stderr=subprocess.DEVNULL)
        self._stack.callback(stop, process)
        wait_until(self._is_ready, seconds=60)
        return []

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self._url}/health/ready", timeout=60).status_code == requests.codes.ok
        except requests.ConnectionError:
            return False

    def _call(self, words: list[str]) -> list[str]:
        options = list(itertools.pairwise(words))
        headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
        body = next((value for name, value in options if name in ("-d", "--data-binary")), None)
        if body is not None and body.startswith("@"):
            body = (self._home / body[1:]).read_text(encoding="utf-8")
        url = next(word for word in words if word.startswith("http")).replace("http://127.0.0.1:8000", self._url)
        answer = requests.request("GET" if body is None else "POST", url, data=body, headers=headers, timeout=60)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return [json.dumps(answer.json())] if is_json else answer.text.splitlines()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GLUONSERVE_HOME": str(self._home),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "LOGNAME": "ann",
        }


def mask(text: str, keys: str = "") -> str:
    """Leave out what differs from run to run: numbers, times, identifiers, keys and the width of columns.

    Ids of keys look like words; they are those of the keys that stand in the other text.
    """
    masked = _KEY.sub("KEY", text)
    for key in _KEY.findall(keys):
        masked = masked.replace(key[4:12], "ID")
    return " ".join(_VARYING.sub("#", masked).split())


def outline(document: Any) -> Any:
    """A JSON answer without what differs from run to run."""
    if isinstance(document, dict):
        return {name: outline(value) for name, value in document.items()}
    if isinstance(document, list):
        return [outline(value) for value in document]
    return mask(document) if isinstance(document, str) else type(document).__name__


def find_missing(reader: Reader, example: Example, text: str) -> list[str]:
    """Type an example of a page: the lines that it shows and that are not printed."""
    printed = reader.type(example)
    if example.shown and example.shown[0].startswith("{"):
        answered, shown = (outline(json.loads("\n".join(lines))) for lines in (printed, example.shown))
        return [] if answered == shown else example.shown
    masked = [mask(line, reader.seen) for line in printed]
    return [line for line in example.shown if mask(line, text) not in masked]
