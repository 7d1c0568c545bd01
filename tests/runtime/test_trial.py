from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest

from app.errors import ReleaseUnusable
from app.release.signing import TRUST_ANYONE, Trust
from app.release.store import NATIVE, ReleaseStore
from app.runtime.trial import try_release
from tests.manifests import TRUST, sign_again
from tests.runtime.test_loading import rewrite


class _Deed:
    """What a pickle does when it is opened."""

    def __init__(self, *deed: Any) -> None:
        self._deed = deed

    def __reduce__(self) -> tuple[Any, ...]:
        return self._deed[0], self._deed[1:]


def plant(store: ReleaseStore, *deed: Any, version: str = "1") -> Path:
    """Put a deed into the predictor of a version, vouched for by the trusted key."""
    directory = store.directory(version)
    rewrite(directory, f"{NATIVE}!predictor.pkl", pickle.dumps(_Deed(*deed)))
    sign_again(directory)
    return directory


def test_a_sound_release_passes_and_tells_time_and_memory(plan_store: ReleaseStore) -> None:
    ours = b"x" * 600_000_000
    report = try_release(plan_store.directory("1"), trust=TRUST, prefer="plan", seconds=180)
    assert report.execution == "plan"
    assert report.seconds > 0
    # Not that of the process that asks.
    assert 20 < report.memory_mb < len(ours) / 1e6


def test_an_unsigned_release_is_refused_there_too(plan_store: ReleaseStore) -> None:
    with pytest.raises(ReleaseUnusable, match=r"^Version 1"):
        try_release(plan_store.directory("1"), trust=Trust(unsigned="refuse"), prefer="plan", seconds=180)


def test_a_file_that_no_plan_opens_is_verified_all_the_same(plan_store: ReleaseStore) -> None:
    path = plan_store.directory("1") / NATIVE
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ReleaseUnusable, match="was altered after publication"):
        try_release(plan_store.directory("1"), trust=TRUST_ANYONE, prefer="plan", seconds=180)


def test_a_release_that_crashes_its_process_crashes_nobody_else(plan_store: ReleaseStore) -> None:
    directory = plant(plan_store, os.abort)
    with pytest.raises(ReleaseUnusable, match=r"its trial process crashed \(SIGABRT\)"):
        try_release(directory, trust=TRUST, prefer="native", seconds=180)


def test_a_release_that_hangs_is_ended_in_time(plan_store: ReleaseStore) -> None:
    directory = plant(plan_store, signal.pause)
    with pytest.raises(ReleaseUnusable, match="was not loaded within 4 seconds in its trial"):
        try_release(directory, trust=TRUST, prefer="native", seconds=4)


def test_what_a_release_prints_does_not_reach_the_report(plan_store: ReleaseStore) -> None:
    directory = plant(plan_store, os.write, 1, b'{"execution": "plan", "seconds": 0, "memory_mb": 0}')
    with pytest.raises(ReleaseUnusable, match="AutoGluon could not load the model"):
        try_release(directory, trust=TRUST, prefer="native", seconds=180)
