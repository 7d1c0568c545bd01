"""Small real parts of a running service: a release whose executor answers at once, services around it, keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.release.schema import Feature, FeatureSchema
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.security.keys.store import KeyStore, NewKey
from app.wiring.services import Services
from config.settings import Settings, load_settings, require_secret
from tests.manifests import make_manifest

ROW: dict[str, Any] = {"tenure": 1, "contract": "Month-to-month", "senior": 0, "since": "2023-05-01"}

FEATURES = (
    Feature(name="tenure", type="int", dtype="int64", nullable=False, minimum=0, maximum=72, sample=1),
    Feature(
        name="contract",
        type="category",
        dtype="object",
        nullable=False,
        categories=("Month-to-month", "One year"),
        sample="Month-to-month",
    ),
    Feature(name="senior", type="int", dtype="int64", nullable=False, two_valued=True, categories=(0, 1), sample=0),
    Feature(
        name="since",
        type="datetime",
        dtype="datetime64[ns]",
        nullable=True,
        minimum="2020-01-01",
        maximum="2024-12-31",
        date_formats=("%d.%m.%Y",),
        sample="2023-05-01",
    ),
)


class SteadyExecutor:
    """A model that answers every row alike."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions(["Yes" for _ in rows], [{"No": 0.27, "Yes": 0.73} for _ in rows])


class SteadyNumbers:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions([12.5 for _ in rows], None)


class BrokenExecutor:
    """A model that fails, with words that callers must not read."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:  # noqa: ARG002
        raise RuntimeError("cannot open /srv/models/3/native/learner.pkl")


def make_settings(home: Path, **changes: Any) -> Settings:
    return replace(load_settings({"GLUONSERVE_HOME": str(home)}), **changes)


def make_loaded_release(executor: Executor | None = None, **changes: Any) -> LoadedRelease:
    schema = FeatureSchema(FEATURES, unused=("churn",))
    return LoadedRelease(make_manifest(**changes), schema, executor or SteadyExecutor(), "plan")


def make_key(services: Services, settings: Settings, *permissions: str, **terms: Any) -> NewKey:
    return KeyStore(services.database, require_secret(settings)).create("tests", permissions, **terms)


def revoke_key(services: Services, settings: Settings, key: NewKey) -> None:
    KeyStore(services.database, require_secret(settings)).revoke(key.record.id)
