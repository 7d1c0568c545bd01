"""The answers of one release in Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.serving.cache.digests import drop_owner
from app.serving.cache.shared.redis_rows import SharedRows
from app.serving.cache.worth import Worth


@dataclass(frozen=True)
class SharedAnswers:
    """What one release has to do with Redis.

    Attributes:
        release: Its name there.
        worth: Whether to look for rows pays.
    """

    release: str
    rows: SharedRows
    worth: Worth

    def find(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are there. Never raises."""
        found = self.rows.find(self.release, [drop_owner(name) for name in names])
        self.worth.note(looked_for=len(names), found=len(found))
        return {name: found[drop_owner(name)] for name in names if drop_owner(name) in found}

    def keep(self, answers: Mapping[bytes, bytes], *, are_wanted: Callable[[], bool]) -> None:
        """Have answers written soon, unless they are not wanted any more."""
        shared = {drop_owner(name): answer for name, answer in answers.items()}
        self.rows.keep(self.release, shared, are_wanted=are_wanted)

    def forget(self, *, then: Callable[[], None]) -> None:
        self.rows.forget(self.release, then=then)
