"""A release to score tables with, and how its rows are checked."""

from __future__ import annotations

from app.errors import ReleaseUnusable
from app.runtime.rows import RowRules
from app.runtime.switching.active import NOTHING_ACTIVE
from app.serving.scoring.order import ReleaseChoice
from app.wiring.store.opening import open_store
from config.settings import Settings


def choose_release(settings: Settings, version: str | None = None) -> ReleaseChoice:
    """A version to score tables with, in whatever process; None for the active one.

    Raises:
        ReleaseUnusable: when there is no such version.
    """
    store = open_store(settings)
    pointer = store.active() if version is None else None
    if version is None and pointer is None:
        raise ReleaseUnusable(NOTHING_ACTIVE)
    chosen = pointer.version if pointer else str(version)
    store.fetch(chosen)
    return ReleaseChoice(
        directory=store.directory(chosen),
        trust=store.trust,
        prefer=settings.execution,
        rules=read_row_rules(settings),
    )


def read_row_rules(settings: Settings) -> RowRules:
    return RowRules(
        on_unseen_value=settings.unseen_values,
        on_unknown_field=settings.unknown_fields,
        longest_text=settings.max_text,
        most_fields=settings.max_fields,
        most_faults=settings.max_faults,
    )
