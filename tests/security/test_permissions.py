"""Which permission permits what."""

from __future__ import annotations

import pytest

from app.errors import BadRequest
from app.security.permissions import PERMISSIONS, check_permissions, permits


def test_each_permission_permits_itself_and_only_admin_permits_one_more() -> None:
    pairs = {(granted, needed) for granted in PERMISSIONS for needed in PERMISSIONS if permits({granted}, needed)}
    assert pairs == {(name, name) for name in PERMISSIONS} | {("admin", "model_info")}


def test_nothing_granted_permits_nothing() -> None:
    assert not any(permits(frozenset(), needed) for needed in PERMISSIONS)


def test_known_permissions_pass() -> None:
    assert check_permissions(["predict", "jobs", "predict"]) == {"predict", "jobs"}


@pytest.mark.parametrize("names", [[], ["predict", "root"], ["Predict"], [""], ["predict "]])
def test_unknown_permissions_are_refused_with_the_known_ones(names: list[str]) -> None:
    with pytest.raises(BadRequest, match=r"predict, model_info, admin, feedback, jobs, metrics\.$") as refusal:
        check_permissions(names)
    assert refusal.value.code == "unknown_permission"
