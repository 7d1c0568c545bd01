"""What a worker inherits of its master before the application is loaded in it; a process without a master has none.

A variable of this module, which a fork carries along: gunicorn's hooks come before the application or after it, and
what kills a worker while it loads has to be noted in between.
"""

from __future__ import annotations

from config.survival.loads import LoadsUnderWay

_loads: LoadsUnderWay | None = None


def inherit(loads: LoadsUnderWay) -> None:
    """For gunicorn's master, before each fork."""
    global _loads  # noqa: PLW0603 - see above
    _loads = loads


def find_inherited_loads() -> LoadsUnderWay | None:
    return _loads
