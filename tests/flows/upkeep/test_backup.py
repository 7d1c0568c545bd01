"""A home is copied while its server answers, and restored elsewhere, by the commands of docs/deploy/backup.md."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.release.store import ReleaseStore
from tests.flows.upkeep.shell import PROGRAMS, read_blocks, run_commands
from tests.server import RunningServer, running_server, wait_until

PAGE = "docs/deploy/backup.md"
PATIENCE = 60
NOTHING = {"systemctl": ":", "chown": ":"}


def back_up(home: Path, elsewhere: Path) -> Path:
    run_commands(
        read_blocks(PAGE, which="VACUUM INTO"),
        places={
            "/var/lib/gluonserve": str(home),
            "/var/backups/gluonserve/$(date +%F)": str(elsewhere / "copy"),
            "/opt/gluonserve/bin": str(PROGRAMS),
            "/etc/gluonserve": str(elsewhere),
        },
        stubs={},
        home=elsewhere,
    )
    return elsewhere / "copy"


def restore(copy: Path, home: Path, elsewhere: Path) -> None:
    run_commands(
        read_blocks(PAGE, which="systemctl stop"),
        places={
            "/var/backups/gluonserve/2026-11-30": str(copy),
            "/var/lib/gluonserve": str(home),
            "/etc/gluonserve": str(elsewhere),
        },
        stubs=NOTHING,
        home=elsewhere,
    )


class Callers:
    """Ask while something else goes on, so that the database, the log and the models are in use."""

    def __init__(self, server: RunningServer, key: str, row: object) -> None:
        self.statuses: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(server, key, row))

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self, server: RunningServer, key: str, row: object) -> None:
        while not self._ended.is_set():
            self.statuses.append(server.predict([row], key).status_code)
            time.sleep(0.02)


def test_a_restored_home_answers_the_same_key_the_same(
    plan_store: ReleaseStore, make_key: Callable[..., str], tmp_path: Path
) -> None:
    home, new = tmp_path / "home", tmp_path / "restored"
    shutil.move(plan_store.path, home / "models")
    (tmp_path / "settings.env").write_text("GLUONSERVE_SECRET=\n", encoding="utf-8")
    key = make_key(home)
    with running_server(home, workers=1) as server:
        row = server.get("/model/schema", key).json()["sample"]
        before = server.predict([row], key).json()
        with Callers(server, key, row) as callers:
            # What is predicted is logged in the background.
            wait_until((home / "logs" / "predictions").exists, seconds=PATIENCE)
            copy = back_up(home, tmp_path)
    shutil.rmtree(home)

    restore(copy, new, tmp_path)
    with running_server(new, workers=1) as server:
        after = server.predict([row], key).json()

    assert set(callers.statuses) == {200}
    assert (after["predictions"], after["probabilities"]) == (before["predictions"], before["probabilities"])
    assert after["model_info"] == before["model_info"]
    assert sorted(path.name for path in copy.iterdir()) == [
        "gluonserve.db",
        "logs",
        "models",
        "secret",
        "settings.env",
    ]
    assert list((new / "logs" / "predictions").iterdir()) != []
