from __future__ import annotations

import pytest

from config.survival.loads import LoadsUnderWay, name_version
from config.survival.suspects import SuspectBoard

ACTIVATED = 1_790_000_000_123_456_789


@pytest.fixture
def board() -> SuspectBoard:
    return SuspectBoard(places=3, threads=1)


def die_of(board: SuspectBoard, version: str, times: int) -> None:
    for _ in range(times):
        LoadsUnderWay(board, 0).begin(version, ACTIVATED)
        board.blame(0)


def test_deaths_while_a_version_is_loaded_are_counted_for_that_version(board: SuspectBoard) -> None:
    die_of(board, "4", 3)
    assert LoadsUnderWay(board, 1).begin("4", ACTIVATED) == 3
    assert LoadsUnderWay(board, 1).begin("3", ACTIVATED) == 0
    assert [name_version(suspect.key) for suspect in board.list_suspects()] == ["4"]


def test_what_is_refused_is_not_under_way(board: SuspectBoard) -> None:
    die_of(board, "4", 3)
    LoadsUnderWay(board, 1).begin("4", ACTIVATED)
    assert board.blame(1) == []


def test_a_worker_that_loads_it_clears_it(board: SuspectBoard) -> None:
    die_of(board, "4", 2)
    loads = LoadsUnderWay(board, 1)
    loads.begin("4", ACTIVATED)
    loads.end(is_loaded=True)
    assert loads.begin("4", ACTIVATED) == 0


def test_a_worker_that_fails_and_lives_does_not(board: SuspectBoard) -> None:
    die_of(board, "4", 2)
    loads = LoadsUnderWay(board, 1)
    loads.begin("4", ACTIVATED)
    loads.end(is_loaded=False)
    assert board.blame(1) == []
    assert loads.begin("4", ACTIVATED) == 2


def test_another_activation_is_another_try(board: SuspectBoard) -> None:
    die_of(board, "4", 3)
    assert LoadsUnderWay(board, 1).begin("4", ACTIVATED + 1) == 0


def test_a_reload_forgets_everything(board: SuspectBoard) -> None:
    die_of(board, "4", 3)
    board.acquit_all()
    assert LoadsUnderWay(board, 1).begin("4", ACTIVATED) == 0
