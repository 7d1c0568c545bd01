"""From a release on disk to one that can predict, or one sentence saying why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidRows, ReleaseUnusable
from app.release.golden import GoldenRows, read_golden_rows
from app.release.libraries import find_version_fault, list_installed_libraries
from app.release.manifest import Manifest
from app.release.schema import FeatureSchema
from app.release.store import GOLDEN, NATIVE, read_manifest, read_schema, verify_files
from app.runtime.predictions import Executor
from app.runtime.rows import RowValidator


@dataclass(frozen=True)
class LoadedRelease:
    """A release in memory whose golden rows gave the answers of publication."""

    manifest: Manifest
    schema: FeatureSchema
    executor: Executor


def load_release(directory: Path) -> LoadedRelease:
    """Verify a release file by file, load it, and replay its golden rows.

    Nothing is unpickled before all files are verified.

    Raises:
        ReleaseUnusable: with one sentence for the operator, whatever is wrong.
    """
    manifest = read_manifest(directory)
    fault = find_version_fault(manifest.libraries, list_installed_libraries())
    if fault:
        raise ReleaseUnusable(f"Version {directory.name} cannot be served here: {fault}.")
    verify_files(directory, manifest)
    schema = read_schema(directory)
    release = LoadedRelease(manifest, schema, load_executor(directory, schema))
    replay_golden_rows(release.executor, schema, read_golden_rows(directory / GOLDEN), name=directory.name)
    return release


def load_executor(directory: Path, schema: FeatureSchema) -> Executor:
    """Raises ReleaseUnusable for anything that loading raises."""
    # AutoGluon takes two seconds and 200 MB to import: only a process that opens a predictor pays for it.
    from app.runtime.native import load_native_executor

    try:
        return load_native_executor(directory / NATIVE, schema)
    except ReleaseUnusable:
        raise
    except Exception as fault:
        raise ReleaseUnusable(
            f"Version {directory.name}: AutoGluon could not load the model ({type(fault).__name__}: {fault})."
        ) from fault


def replay_golden_rows(executor: Executor, schema: FeatureSchema, golden: GoldenRows, *, name: str) -> None:
    """Predict the golden rows alone and all at once and compare with the answers of publication.

    Raises:
        ReleaseUnusable: at the first difference.
    """
    try:
        rows = RowValidator(schema).check(golden.rows).rows
        together = executor.predict(rows)
        first = executor.predict(rows[:1])
    except InvalidRows as refused:
        raise ReleaseUnusable(f"Version {name}: its golden rows do not fit its schema.") from refused
    except Exception as fault:
        raise ReleaseUnusable(f"Version {name}: its golden rows could not be predicted ({fault}).") from fault
    alone = GoldenRows(
        rows=golden.rows[:1], labels=golden.labels[:1], probabilities=golden.probabilities and golden.probabilities[:1]
    )
    difference = golden.find_difference(together.labels, together.probabilities) or alone.find_difference(
        first.labels, first.probabilities
    )
    if difference:
        raise ReleaseUnusable(f"Version {name}: {difference}.")
