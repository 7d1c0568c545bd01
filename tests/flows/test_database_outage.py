"""The database of API keys fails before or after the start. The predictions of known keys go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.server import running_server, wait_until


def test_a_worker_that_starts_while_the_database_is_broken_keeps_the_server_alive(
    home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(home)
    database = home / "gluonserve.db"
    with running_server(home, workers=1) as server:
        assert server.get("/model/info", key).status_code == 200
        (killed,) = server.workers()
        # Stopped, so that it does not write into the broken file when the key was used last.
        os.kill(killed, signal.SIGSTOP)
        sound = database.read_bytes()
        for leftover in home.glob("gluonserve.db-*"):
            leftover.unlink()
        database.write_bytes(b"this is no database" * 100)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: server.workers() not in ([], [killed]) and server.is_ready(), seconds=60)
        answer = server.get("/model/info", key)
        assert (answer.status_code, answer.json()["error"]) == (503, "keys_unavailable")
        assert any("API keys cannot be checked until the database answers." in line for line in server.log_lines())
        database.write_bytes(sound)
        wait_until(lambda: server.get("/model/info", key).status_code == 200, seconds=10)


def test_a_start_without_its_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GLUONSERVE_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://someone:hidden@127.0.0.1:1/none",
    }
    command = [sys.executable, "-m", "app.cli", "serve"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "Error: The database postgresql+psycopg://someone:***@127.0.0.1:1/none cannot be used"
    )
    assert "hidden" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
