"""The versions of a store at a glance: what each is, and which one is active."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import ReleaseUnusable
from app.release.manifest import MetricValue
from app.release.pointer import ActivePointer, HistoryEntry
from app.release.store import ReleaseStore


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """One version; all but its number is None when its manifest cannot be read or is not trusted.

    Attributes:
        quality: The evaluation metric on held-out rows.
    """

    version: str
    is_active: bool
    is_previous: bool
    name: str | None = None
    problem_type: str | None = None
    eval_metric: str | None = None
    quality: MetricValue | None = None
    size_mb: float | None = None
    created: str | None = None


@dataclass(frozen=True, kw_only=True)
class VersionList:
    """All versions, and how the active one came to be.

    Attributes:
        activations: The last activations and rollbacks, newest first: `version`, `previous`, `activated` and `by`.
    """

    active: str | None
    previous: str | None
    versions: list[VersionSummary]
    activations: list[HistoryEntry]


def describe_versions(store: ReleaseStore) -> VersionList:
    """The versions and their activations. Fallback: a damaged pointer counts as none; the followers log it."""
    try:
        pointer = store.active()
    except ReleaseUnusable:
        pointer = None
    return VersionList(
        active=pointer.version if pointer else None,
        previous=pointer.previous if pointer else None,
        versions=_summarise_all(store, pointer),
        activations=list(reversed(pointer.history)) if pointer else [],
    )


def list_versions(store: ReleaseStore) -> list[VersionSummary]:
    """All published versions, oldest first.

    Raises:
        ReleaseUnusable: when the pointer exists and cannot be read.
    """
    return _summarise_all(store, store.active())


def _summarise_all(store: ReleaseStore, pointer: ActivePointer | None) -> list[VersionSummary]:
    active, previous = (pointer.version, pointer.previous) if pointer else (None, None)
    return [
        _summarise(store, version, is_active=version == active, is_previous=version == previous)
        for version in store.versions()
    ]


def _summarise(store: ReleaseStore, version: str, *, is_active: bool, is_previous: bool) -> VersionSummary:
    try:
        manifest = store.manifest(version)
    except ReleaseUnusable:
        return VersionSummary(version=version, is_active=is_active, is_previous=is_previous)
    return VersionSummary(
        version=version,
        is_active=is_active,
        is_previous=is_previous,
        name=manifest.name,
        problem_type=manifest.problem_type,
        eval_metric=manifest.eval_metric,
        quality=manifest.quality.get(manifest.eval_metric),
        size_mb=manifest.size_mb,
        created=manifest.created,
    )
