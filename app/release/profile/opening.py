"""Opens the reference profile of a published release, its signature checked first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from app.errors import ReleaseUnusable
from app.release.profile.reference import PROFILE, ReferenceProfile
from app.release.schema import FeatureSchema
from app.release.signing import Trust
from app.release.verification import SCHEMA, read_listed_file, read_manifest

_DIGEST_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class OpenedProfile:
    """A reference profile with what belongs to it.

    Attributes:
        digest: Names this profile: counts in the bins of another one cannot be compared with it.
        importance: Of each feature, in units of the evaluation metric.
    """

    digest: str
    profile: ReferenceProfile
    schema: FeatureSchema
    importance: Mapping[str, float]


def open_profile(directory: Path, trust: Trust) -> OpenedProfile | None:
    """The profile of the release in a directory; None when it was published before there were any.

    Raises:
        ReleaseUnusable: when the release is not trusted, or a file of it is not as it was published.
    """
    manifest = read_manifest(directory, trust)
    if PROFILE not in manifest.files:
        return None
    schema_content = read_listed_file(directory, manifest, SCHEMA)
    content = read_listed_file(directory, manifest, PROFILE)
    try:
        schema = FeatureSchema.from_dict(orjson.loads(schema_content))
        profile = ReferenceProfile.from_dict(orjson.loads(content), schema)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ReleaseUnusable(f"Version {directory.name}: {PROFILE} is damaged ({type(fault).__name__}).") from fault
    importance = {name: one.importance for name, one in manifest.feature_importance.items()}
    return OpenedProfile(
        digest=manifest.files[PROFILE].sha256[:_DIGEST_LENGTH],
        profile=profile,
        schema=schema,
        importance=importance,
    )
