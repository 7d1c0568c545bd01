"""A manifest as one of a small churn model would be, and the one key of all tests, which their settings trust."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.release.manifest import FeatureImportance, FileEntry, Manifest, MetricValue
from app.release.signing import Signer, Trust
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE


def make_signer(name: str) -> Signer:
    """The signer of a name: the same one in every process of a run."""
    return Signer(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


SIGNER = make_signer("key of the tests")
TRUST = Trust(keys=(SIGNER.public_key,))


def make_manifest(**changes: Any) -> Manifest:
    manifest = Manifest(
        name="churn",
        version="3",
        created="2026-11-23T04:19:03Z",
        label="churn",
        problem_type="binary",
        eval_metric="log_loss",
        best_model="WeightedEnsemble_L2",
        class_labels=("No", "Yes"),
        positive_class="Yes",
        decision_threshold=0.5,
        quantile_levels=None,
        rows_train=5000,
        rows_held_out=1000,
        quality={"log_loss": MetricValue(value=0.42, low=0.4, high=0.44, higher_is_better=False)},
        feature_importance={
            "tenure": FeatureImportance(importance=0.01, stddev=0.001),
            "contract": FeatureImportance(importance=0.2, stddev=0.02),
        },
        checks={"one_row_latency_ms": 4.5},
        size_before_mb=12.5,
        libraries={"autogluon.tabular": "1.6.3"},
        files={"native.tar.zst": FileEntry(size=1_500_000, sha256="0" * 64)},
    )
    return replace(manifest, **changes)


def sign_again(directory: Path) -> None:
    """Vouch for a manifest that a test has changed."""
    (directory / SIGNATURE).write_bytes(SIGNER.sign((directory / MANIFEST).read_bytes()))


def copy_version(store: ReleaseStore, version: str, *numbers: str) -> None:
    """Publish the same release again under other numbers."""
    for number in numbers:
        directory = store.path / number
        shutil.copytree(store.directory(version), directory)
        manifest = orjson.loads((directory / MANIFEST).read_bytes())
        (directory / MANIFEST).write_bytes(orjson.dumps({**manifest, "version": number}))
        sign_again(directory)
