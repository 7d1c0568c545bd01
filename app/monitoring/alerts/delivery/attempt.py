"""The process that sends a message, as seen from the one that started it. Nothing here waits, unless it says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from app.monitoring.alerts.delivery.addresses import Network
from app.monitoring.alerts.delivery.destinations import Destination, DestinationsUnusable
from app.monitoring.alerts.messages import Message

SECONDS_FOR_ATTEMPT = 20
# What a busy machine may take to begin, which does not count as the attempt.
_GRACE_SECONDS = 20.0
_LOOK_SECONDS = 0.02
# What a library of mail, HTTP or TLS goes by. No secret of the installation is among it.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_MODULE = "app.monitoring.alerts.delivery.sending"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; `error` is None when the message was taken."""

    error: str | None = None


class Attempt:
    """A process at work, which ends by itself.

    What it is given and answers goes through files: one that does not read its input holds nobody up.

    Attributes:
        answer: What it answered, when it has.
    """

    def __init__(self, order: Mapping[str, Any], *, seconds: int, environment: Mapping[str, str]) -> None:
        self.answer: Any = None
        self._seconds = seconds
        self._started = time.monotonic()
        # Neither is closed by a block: they go on while others do, and are looked at again and again.
        self._written: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as file:
            file.write(orjson.dumps({**order, "seconds": seconds}))
            file.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE],
                stdin=file,
                stdout=self._written,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[4],
                env=dict(environment),
            )

    def look(self) -> Outcome | None:
        """How it ended; None while it goes on."""
        if self._process.poll() is None:
            if time.monotonic() - self._started <= self._seconds + _GRACE_SECONDS:
                return None
            self._process.kill()
            self._process.wait()
        return self._read_answer()

    def wait(self) -> Outcome:
        """Wait for the end, which comes in time."""
        while (outcome := self.look()) is None:
            time.sleep(_LOOK_SECONDS)
        return outcome

    def end(self) -> None:
        """Give it up."""
        self._process.kill()
        self._process.wait()
        self._written.close()

    def _read_answer(self) -> Outcome:
        with self._written:
            self._written.seek(0)
            written = self._written.read()
        if self._process.returncode in (-signal.SIGALRM, -signal.SIGKILL):
            return Outcome("it did not answer in time")
        try:
            self.answer = orjson.loads(written)
        except orjson.JSONDecodeError:
            return Outcome(f"the process that sends it ended with exit code {self._process.returncode}")
        return Outcome(self.answer["error"] if isinstance(self.answer, dict) else None)


class Courier:
    """Starts attempts.

    Args:
        networks: Internal networks that may be reached.
        environment: Of which a few variables are passed on.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        seconds: int = SECONDS_FOR_ATTEMPT,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._networks = [str(network) for network in networks]
        self._seconds = seconds
        names = (*_PASSED_ON, *_PROXIES, *map(str.lower, _PROXIES))
        self._environment = {name: environment[name] for name in names if name in environment}

    def start(self, destination: Destination, message: Message) -> Attempt:
        """Start to send a message.

        Raises:
            OSError: when no process can be started.
        """
        order = {"destination": destination.url, "title": message.title, "body": message.body}
        return self._start({**order, "networks": self._networks})

    def describe(self, urls: Sequence[str]) -> list[Destination]:
        """Look at addresses without connecting to any.

        Raises:
            DestinationsUnusable: naming the number of the one that cannot be used, and why.
            OSError: when no process can be started.
        """
        if not urls:
            return []
        attempt = self._start({"destinations": list(urls)})
        error = attempt.wait().error
        if error:
            raise DestinationsUnusable(f"they could not be looked at: {error}")
        for number, answer in enumerate(attempt.answer, start=1):
            if answer["fault"]:
                raise DestinationsUnusable(f"destination {number} {answer['fault']}")
        return [
            Destination(f"{number} {answer['kind']}", url)
            for number, (url, answer) in enumerate(zip(urls, attempt.answer, strict=True), start=1)
        ]

    def _start(self, order: Mapping[str, Any]) -> Attempt:
        return Attempt(order, seconds=self._seconds, environment=self._environment)
