"""What a run does to a server under load, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from app.runtime.loading import Execution

SHARE_OF_CAPACITY = 0.6
FIRST_MEMORY, LAST_MEMORY = 3, 50


@dataclass(frozen=True, kw_only=True)
class SwitchingScope:
    """How much is done. Quiet phases lie between all others, so that what is compared saw the same machine.

    Attributes:
        quiet_seconds: Length of each phase without switching.
        pause_seconds: After each activation and rollback.
        activations: In groups; between two versions that are held ready.
        rollbacks: In groups.
        loads: Activations of a version that has to be tried and loaded first, in groups.
    """

    execution: Execution
    quiet_seconds: float
    pause_seconds: float
    activations: tuple[int, ...]
    rollbacks: tuple[int, ...]
    loads: tuple[int, ...]


def choose_scope(execution: Execution, *, quick: bool) -> SwitchingScope:
    if quick:
        return SwitchingScope(
            execution=execution,
            quiet_seconds=2,
            pause_seconds=0.1,
            activations=(FIRST_MEMORY, 5),
            rollbacks=(4,),
            loads=(2,),
        )
    return SwitchingScope(
        execution=execution,
        quiet_seconds=4 if execution == "plan" else 8,
        pause_seconds=0.2,
        activations=(FIRST_MEMORY, 7, 10, 10, 10, 10),
        rollbacks=(5, 5, 5, 5),
        loads=(2, 2, 2),
    )
