from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import ReleaseUnusable
from app.runtime.switching.load_watch import LoadWatch


class Noting:
    """A survivor that notes what it is told, and knows of deaths."""

    def __init__(self, deaths: int = 0) -> None:
        self.deaths = deaths
        self.told: list[object] = []

    def begin(self, version: str, activated: int) -> int:
        self.told.append((version, activated))
        return self.deaths

    def end(self, *, is_loaded: bool) -> None:
        self.told.append(is_loaded)


def test_the_survivor_is_told_of_what_is_loaded_since_which_activation(tmp_path: Path) -> None:
    survivor = Noting()
    with LoadWatch(tmp_path, survivor).loading("4"):
        assert survivor.told == [("4", 0)]
    (tmp_path / "ACTIVE").write_text("")
    with LoadWatch(tmp_path, survivor).loading("4"):
        pass
    activated = (tmp_path / "ACTIVE").stat().st_mtime_ns
    assert survivor.told == [("4", 0), True, ("4", activated), True]


def test_a_version_that_ended_three_workers_is_refused(tmp_path: Path) -> None:
    survivor = Noting(deaths=3)
    with (
        pytest.raises(ReleaseUnusable, match="Version 4 has ended 3 workers, one after another, as they loaded it"),
        LoadWatch(tmp_path, survivor).loading("4"),
    ):
        raise AssertionError
    assert survivor.told == [("4", 0)]
    with LoadWatch(tmp_path, Noting(deaths=2)).loading("4"):
        pass


def test_a_version_that_asks_for_the_end_of_the_process_is_unusable(tmp_path: Path) -> None:
    survivor = Noting()
    with pytest.raises(ReleaseUnusable, match="asks for the end"), LoadWatch(tmp_path, survivor).loading("4"):
        raise SystemExit(3)
    assert survivor.told == [("4", 0), False]


def test_a_failure_ends_the_watch_and_passes(tmp_path: Path) -> None:
    survivor = Noting()
    with pytest.raises(ZeroDivisionError), LoadWatch(tmp_path, survivor).loading("4"):
        _ = 1 / 0
    assert survivor.told == [("4", 0), False]
