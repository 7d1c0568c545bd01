"""Releases whose answers say who gave them, and what a trial needs beside them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.release.candidate import CandidatePointer, TrialMode
from app.release.schema import Feature, FeatureSchema
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from tests.manifests import make_manifest

VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=9)
CITY = Feature(name="city", type="category", dtype="object", nullable=False, categories=("Oslo", "Rome"))
ROW = {"visits": 3}


@dataclass(frozen=True)
class SayingExecutor:
    """Answers every row with one word, after a while."""

    word: str
    seconds: float = 0.0

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        time.sleep(self.seconds)
        return Predictions([self.word for _ in rows], [{"a": 0.25, "b": 0.75} for _ in rows])


class BrokenExecutor:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        raise RuntimeError(f"broken on {len(rows)} rows")


def make_release(version: str, executor: Executor | None = None, *features: Feature) -> LoadedRelease:
    schema = FeatureSchema(features or (VISITS,))
    return LoadedRelease(make_manifest(version=version), schema, executor or SayingExecutor(version), "plan")


def make_pointer(
    version: str = "2", *, mode: TrialMode = "canary", share: float = 1.0, routed_by: str = "key"
) -> CandidatePointer:
    return CandidatePointer(
        version=version,
        mode=mode,
        share=share,
        by=routed_by,
        since="2026-11-23T04:19:03.123Z",
        who="cli:ada",
        trial="t1",
    )
