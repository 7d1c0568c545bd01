"""What a process forgets, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.runtime.loading import LoadedRelease
from app.serving.cache.clearing import CLEARED, order_clearing
from app.serving.cache.counts import CacheCounts
from app.serving.cache.prediction_cache import PredictionCache
from app.serving.cache.shared.redis_rows import NoSharedRows
from tests.serving.cache.builders import CountingExecutor, make_release


def make_cache(store: Path) -> PredictionCache:
    return PredictionCache(store, memory_bytes=1_000_000, counts=CacheCounts(), shared=NoSharedRows())


def load(cache: PredictionCache, version: str) -> LoadedRelease:
    release = make_release(CountingExecutor(), version)
    return replace(release, cached=cache.stand_before(release))


def is_known(release: LoadedRelease) -> bool:
    return release.answering.predict([(1,)]).cached_rows == 1


def test_a_version_that_is_let_go_is_forgotten_and_the_others_are_not(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    first, second = load(cache, "1"), load(cache, "2")
    for release in (first, second):
        release.answering.predict([(1,)])
    cache.follow(["1", "2"])
    cache.follow(["2"])
    assert [is_known(release) for release in (first, second)] == [False, True]
    assert len(cache.memory) == 1


def test_a_version_that_is_being_loaded_is_not_taken_for_one_that_was_let_go(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    release = load(cache, "1")
    cache.follow([])
    release.answering.predict([(1,)])
    assert is_known(release)


def test_what_is_ordered_to_be_forgotten_is_once_by_name_and_version(tmp_path: Path) -> None:
    order_clearing(tmp_path, "churn:*")
    cache = make_cache(tmp_path)
    first, second = load(cache, "1"), load(cache, "2")
    for release in (first, second):
        release.answering.predict([(1,)])
    cache.follow(["1", "2"])
    assert len(cache.memory) == 2
    order_clearing(tmp_path, "churn:2")
    cache.follow(["1", "2"])
    assert len(cache.memory) == 1
    assert [is_known(release) for release in (first, second)] == [True, False]
    cache.follow(["1", "2"])
    assert len(cache.memory) == 2


def test_a_damaged_file_of_orders_clears_nothing_and_the_next_order_is_followed(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    release = load(cache, "1")
    release.answering.predict([(1,)])
    (tmp_path / CLEARED).write_text("{")
    cache.follow(["1"])
    assert len(cache.memory) == 1
    order_clearing(tmp_path, "*")
    cache.follow(["1"])
    assert len(cache.memory) == 0


def test_a_version_that_answered_wrongly_is_forgotten_and_trusted_when_it_is_loaded_anew(tmp_path: Path) -> None:
    cache = make_cache(tmp_path)
    wrong = load(cache, "1")
    wrong.answering.predict([(1,)])
    cache.distrust(wrong)
    assert not is_known(wrong)
    anew = load(cache, "1")
    assert not is_known(anew)
    assert is_known(anew)
    cache.distrust(wrong)
    assert is_known(anew)
