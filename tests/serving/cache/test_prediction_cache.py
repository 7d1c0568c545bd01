"""What a process forgets, and when."""

from __future__ import annotations

from dataclasses import replace

from app.runtime.loading import LoadedRelease
from app.serving.cache.prediction_cache import PredictionCache
from tests.serving.cache.builders import CountingExecutor, make_release


def load(cache: PredictionCache, version: str) -> LoadedRelease:
    release = make_release(CountingExecutor(), version)
    return replace(release, cached=cache.stand_before(release))


def is_known(release: LoadedRelease) -> bool:
    return release.answering.predict([(1,)]).cached_rows == 1


def test_a_version_that_is_let_go_is_forgotten_and_the_others_are_not() -> None:
    cache = PredictionCache(memory_bytes=1_000_000)
    first, second = load(cache, "1"), load(cache, "2")
    for release in (first, second):
        release.answering.predict([(1,)])
    cache.keep_only(["1", "2"])
    cache.keep_only(["2"])
    assert [is_known(release) for release in (first, second)] == [False, True]
    assert len(cache.memory) == 1


def test_a_version_that_is_being_loaded_is_not_taken_for_one_that_was_let_go() -> None:
    cache = PredictionCache(memory_bytes=1_000_000)
    release = load(cache, "1")
    cache.keep_only([])
    release.answering.predict([(1,)])
    assert is_known(release)


def test_a_version_that_answered_wrongly_is_forgotten_and_trusted_when_it_is_loaded_anew() -> None:
    cache = PredictionCache(memory_bytes=1_000_000)
    wrong = load(cache, "1")
    wrong.answering.predict([(1,)])
    cache.distrust(wrong)
    assert not is_known(wrong)
    anew = load(cache, "1")
    assert not is_known(anew)
    assert is_known(anew)
    cache.distrust(wrong)
    assert is_known(anew)
