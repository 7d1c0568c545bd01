"""The comparison of times finds a difference where there is one, and our own refusals show none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from app.database import create_tables, open_database
from app.errors import Unauthenticated
from app.security.keys.format import KeyText, read_key_text
from app.security.keys.store import ApiKey, KeyStore
from app.security.keys.verifier import KeyVerifier
from tests.bench.hostile.credentials.random_keys import draw_keys, try_random_keys
from tests.bench.hostile.credentials.timing import LARGEST_T, compare_times, find_largest_t

SAMPLES = 2000
KEYS = 50


class ReturnsEarly(KeyVerifier):
    """Asks the database only about ids that exist."""

    def __init__(self, store: KeyStore) -> None:
        super().__init__(store)
        self._ids = {key.id for key in store.list()}

    def verify(self, text: str | None) -> ApiKey:
        key = read_key_text(text or "")
        if key is None or key.id not in self._ids:
            raise Unauthenticated("The API key is not valid.")
        return super().verify(text)


class LooksAtIdsOnly(KeyStore):
    """Takes whoever names a key for its holder."""

    def find_by_text(self, text: KeyText) -> ApiKey | None:
        return self.find(text.id)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    database = open_database(f"sqlite:///{tmp_path}/keys.db")
    create_tables(database)
    yield database
    database.dispose()


def refuse(verifier: KeyVerifier, key: str) -> Callable[[], object]:
    def call() -> None:
        with pytest.raises(Unauthenticated):
            verifier.verify(key)

    return call


def compare(verifier: KeyVerifier, store: KeyStore) -> float:
    known = [key.id for key in store.list()]
    keys = list(draw_keys(2 * KEYS, known_ids=known, seed=5))
    wrong, unknown = ([refuse(verifier, key) for key in keys[start::2]] for start in (0, 1))
    return compare_times(unknown, wrong, samples=SAMPLES).t


def test_a_refusal_takes_no_longer_for_an_id_that_exists(database: Engine) -> None:
    store = KeyStore(database, "pepper")
    verifier = KeyVerifier(store)
    for _ in range(KEYS):
        verifier.verify(store.create("somebody", ["predict"]).text)
    assert abs(compare(verifier, store)) < LARGEST_T


def test_a_verifier_that_returns_early_is_found_out(database: Engine) -> None:
    store = KeyStore(database, "pepper")
    for _ in range(KEYS):
        store.create("somebody", ["predict"])
    assert compare(ReturnsEarly(store), store) < -LARGEST_T


@pytest.mark.parametrize(("kind", "accepted"), [(KeyStore, 0), (LooksAtIdsOnly, 50)])
def test_random_keys_get_in_only_where_the_secret_is_not_looked_at(
    database: Engine, kind: type[KeyStore], accepted: int
) -> None:
    store = kind(database, "pepper")
    known = [store.create("somebody", ["predict"]).record.id]
    verifier = KeyVerifier(store)
    result = try_random_keys(verifier.verify, database, count=100, known_ids=known, seed=1, say=lambda _: None)
    assert (result.tried, result.accepted) == (100, accepted)
    assert result.looked_up >= 100


def test_a_difference_of_a_hundredth_is_found_among_delays_and_none_where_there_is_none() -> None:
    chooser = np.random.default_rng(1)

    def draw(mean: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        delays = np.where(chooser.random(50_000) < 0.01, chooser.exponential(5000, 50_000), 0.0)
        return chooser.normal(mean, 20, 50_000) + delays

    assert abs(find_largest_t(draw(300), draw(300))) < LARGEST_T
    assert find_largest_t(draw(303), draw(300)) > LARGEST_T


def test_times_are_taken_of_both_kinds_by_turns() -> None:
    result = compare_times([lambda: time.sleep(0.0005)], [lambda: None], samples=400)
    assert result.t > LARGEST_T
    assert result.first_median > result.second_median
