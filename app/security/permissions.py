"""What an API key may be allowed to do, and who may do what. Knows nothing of keys, tokens or requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from app.errors import BadRequest

Permission = Literal["predict", "model_info", "admin", "feedback", "jobs", "metrics"]

PERMISSIONS: Mapping[Permission, str] = MappingProxyType(
    {
        "predict": "send rows and get predictions",
        "model_info": "read the model's metadata, quality and row schema",
        "admin": "switch versions, manage API keys, open the dashboard; includes model_info",
        "feedback": "report true outcomes",
        "jobs": "score files in the background",
        "metrics": "read the Prometheus metrics",
    }
)


ROLES: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        "web-backend": frozenset({"predict", "feedback"}),
        "analyst": frozenset({"predict", "model_info"}),
        "scorer": frozenset({"jobs"}),
        "prometheus": frozenset({"metrics"}),
        "operator": frozenset({"admin", "metrics"}),
    }
)
"""What typical callers need and no more. A key keeps the permissions: a role changed later changes no key."""


def permits(granted: Collection[str], needed: Permission) -> bool:
    """Tell whether a caller with the granted permissions may do what is needed.

    Each permission stands alone, so that a key's record says all that it is used for. The one exception: admin includes
    model_info, because who switches versions has to see them.
    """
    return needed in granted or (needed == "model_info" and "admin" in granted)


def permissions_of_roles(names: Iterable[str]) -> frozenset[str]:
    """Return what the roles may do together.

    Raises:
        BadRequest: for a name that is not a role.
    """
    wanted = frozenset(names)
    if unknown := wanted - ROLES.keys():
        raise BadRequest(f"Unknown role {min(unknown)!r}; known are: {', '.join(ROLES)}.", code="unknown_role")
    return frozenset(permission for name in wanted for permission in ROLES[name])


def check_permissions(names: Iterable[str]) -> frozenset[str]:
    """Return the names as a set.

    Raises:
        BadRequest: when there is none, or one that is not a permission.
    """
    wanted = frozenset(names)
    known = ", ".join(PERMISSIONS)
    if not wanted:
        raise BadRequest(f"A key needs at least one permission of: {known}.", code="unknown_permission")
    if unknown := wanted - PERMISSIONS.keys():
        raise BadRequest(f"Unknown permission {min(unknown)!r}; known are: {known}.", code="unknown_permission")
    return wanted
