"""A version that ends its workers while they load it: the server goes on with the version before it."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.release.store import ReleaseStore
from tests.server import running_server, wait_until

PATIENCE = 60


def test_a_version_that_ends_three_workers_is_replaced_by_the_one_before(
    published_pair: ReleaseStore, tmp_path: Path
) -> None:
    shutil.copytree(published_pair.path, tmp_path / "models")
    ReleaseStore(tmp_path / "models").activate("2")
    application = "tests.flows.survival.fatal_version:app"
    with running_server(tmp_path, workers=1, application=application) as server:
        wait_until(server.is_ready, seconds=PATIENCE)
        assert server.get("/health").json()["model_info"]["version"] == "1"
        told = [(event["level"], event["message"]) for event in server.log_events() if "version 2" in event["message"]]
        assert [level for level, _ in told] == ["WARNING", "WARNING", "ERROR", "ERROR"]
        assert told[2][1].startswith("3 workers ended, one after another, as they loaded version 2: ")
        assert told[3][1].startswith("Version 1 answers in place of version 2. ")
