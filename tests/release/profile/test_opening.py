from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.files import read_json, write_json
from app.release.profile.opening import open_profile
from app.release.profile.reference import PROFILE, ReferenceProfile
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST
from app.runtime.loading import load_release
from tests.manifests import TRUST, sign_again


def drop_profile(directory: Path) -> None:
    """Make a release such as there were before profiles."""
    (directory / PROFILE).unlink()
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    del manifest["files"][PROFILE]
    write_json(directory / MANIFEST, manifest)
    sign_again(directory)


def test_a_release_opens_with_the_profile_that_was_published(published_plan: ReleaseStore) -> None:
    opened = open_profile(published_plan.directory("1"), TRUST)
    assert opened is not None
    assert [column.name for column in opened.profile.features] == [one.name for one in opened.schema.features]
    assert set(opened.importance) == {one.name for one in opened.schema.features}
    written = opened.profile.to_dict()
    assert ReferenceProfile.from_dict(orjson.loads(orjson.dumps(written)), opened.schema) == opened.profile


def test_a_release_of_before_there_were_profiles_serves_and_has_none(plan_store: ReleaseStore) -> None:
    directory = plan_store.directory("1")
    drop_profile(directory)
    assert load_release(directory, trust=TRUST).execution == "plan"
    assert open_profile(directory, TRUST) is None


@pytest.mark.parametrize("name", [PROFILE, "schema.json"])
def test_what_was_altered_is_not_opened(plan_store: ReleaseStore, name: str) -> None:
    directory = plan_store.directory("1")
    path = directory / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ReleaseUnusable, match=f"{name} was altered"):
        open_profile(directory, TRUST)
    path.unlink()
    with pytest.raises(ReleaseUnusable, match=f"{name} cannot be read"):
        open_profile(directory, TRUST)


def test_a_signed_profile_that_is_none_is_refused(plan_store: ReleaseStore) -> None:
    directory = plan_store.directory("1")
    profile = read_json(directory / PROFILE)
    assert isinstance(profile, dict)
    profile["features"][0]["counts"].pop()
    write_json(directory / PROFILE, profile)
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    content = (directory / PROFILE).read_bytes()
    manifest["files"][PROFILE] = describe(content)
    write_json(directory / MANIFEST, manifest)
    sign_again(directory)
    with pytest.raises(ReleaseUnusable, match=r"profile\.json is damaged"):
        open_profile(directory, TRUST)


def describe(content: bytes) -> dict[str, object]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
