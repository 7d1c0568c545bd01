"""Change which version is active: try it, make it ready in every worker, replace the pointer, see them all follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from app.errors import Conflict, ModelStoreUnreachable, NotFound, ReleaseRefused, ReleaseUnusable, ServiceError
from app.release.candidate import read_candidate, remove_candidate
from app.release.pointer import ActivePointer, activating
from app.release.store import ReleaseStore
from app.runtime.loading import DEFAULT_RULES, Execution
from app.runtime.rows import RowRules
from app.runtime.switching.workers import (
    Instruction,
    WorkerState,
    list_live_workers,
    withdraw_instruction,
    write_instruction,
)
from app.runtime.trial import try_release
from app.serving.identifiers import make_identifier

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.01
# For how long workers keep a version ready after the last moment at which it could become active.
_INSTRUCTION_GRACE_SECONDS = 30

Action = Literal["activate", "rollback"]
OnStep = Callable[[str], None]


class AuditTrail(Protocol):
    """Where acts are recorded; it must never raise."""

    def record(
        self,
        *,
        actor: str,
        action: str,
        target: str,
        outcome: Literal["started", "done", "failed"],
        before: str | None = None,
        after: str | None = None,
        detail: str | None = None,
    ) -> None: ...


class NoAuditTrail:
    """Records nothing."""

    def record(self, **_: object) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class ActivationLimits:
    """How long the steps of an activation may take, in seconds.

    Attributes:
        trial: For the release to be verified, loaded and tried in a process of its own.
        preparation: For all workers to load it beside what they serve.
        confirmation: For all workers to say that they serve it and have answered their older requests.
    """

    trial: int = 600
    preparation: float = 600
    confirmation: float = 10


DEFAULT_LIMITS = ActivationLimits()


@dataclass(frozen=True, kw_only=True)
class Activation:
    """What became of an activation or a rollback.

    Attributes:
        version: The active version.
        previous: The version that a rollback would bring back.
        workers: How many workers serve the version.
        unconfirmed: Workers, as host:pid, that did not say in time that they do.
    """

    version: str
    previous: str | None
    workers: int
    unconfirmed: tuple[str, ...]
    seconds: float


class Activator:
    """Activations and rollbacks of one store, one at a time among all processes that share it."""

    def __init__(
        self,
        store: ReleaseStore,
        *,
        audit: AuditTrail,
        prefer: Execution = "plan",
        rules: RowRules = DEFAULT_RULES,
        limits: ActivationLimits = DEFAULT_LIMITS,
        share: Callable[[ActivePointer], None] = lambda _: None,
    ) -> None:
        """Args: share: Tells other machines of a version that has become the active one."""
        self._store = store
        self._audit = audit
        self._prefer: Execution = prefer
        self._rules = rules
        self._limits = limits
        self._share = share

    def activate(self, version: str, *, by: str, on_step: OnStep = lambda _: None) -> Activation:
        """Make a version the active one; to activate the active one changes nothing.

        Raises:
            NotFound: when there is no such version.
            ReleaseRefused: when it is damaged, not trusted, or not fit to be served here.
            Conflict: when somebody else is at it, or a worker cannot make it ready. The active version then stays.
            ModelStoreUnreachable: when it became active, and other machines could not be told.
        """
        started = time.monotonic()
        self._require_version(version)
        with activating(self._store.path):
            before = self._read_pointer()
            if before is not None and before.version == version:
                self._tell_others(before)
                return self._describe(before, started, self._wait_until_served(version))
            with self._audited("activate", version, before, by):
                if not self._is_held_everywhere(version):
                    self._try(version, on_step)
                else:
                    self._verify(version, on_step)
                self._prepare(version, on_step)
                pointer = self._switch(version, by)
            return self._finish("activate", pointer, before, by, started)

    def rollback(self, *, by: str, expected: str | None = None, on_step: OnStep = lambda _: None) -> Activation:
        """Make the previous version the active one again. Workers hold it ready, so it takes less than a second.

        Args:
            expected: Only from this version; None means from whichever is active.

        Raises:
            ReleaseRefused: when its files are not what was published any more.
            Conflict: when there is no previous version, somebody else is at it, or a worker cannot make it ready.
        """
        started = time.monotonic()
        with self._activating_what_exists():
            before = self._read_pointer()
            if before is None or before.previous is None:
                raise Conflict("There is no previous version to go back to.", code="no_previous_version")
            if expected not in (None, before.version):
                raise Conflict(f"Version {before.version} has become the active one meanwhile.", code="not_active")
            version = before.previous
            with self._audited("rollback", version, before, by, announce=False):
                self._verify(version, on_step)
                self._prepare(version, on_step)
                pointer = self._switch(version, by)
            return self._finish("rollback", pointer, before, by, started)

    def _require_version(self, version: str) -> None:
        try:
            self._store.fetch(version)
        except ReleaseUnusable as fault:
            logger.info("%s", fault)
            raise NotFound(f"There is no version {version[:20]!r}.", code="version_not_found") from None

    @contextmanager
    def _activating_what_exists(self) -> Iterator[None]:
        if not self._store.path.is_dir():
            raise Conflict("There is no previous version to go back to.", code="no_previous_version")
        with activating(self._store.path):
            yield

    def _read_pointer(self) -> ActivePointer | None:
        """Fallback: a damaged pointer counts as none, so that an activation repairs it; logged."""
        try:
            return self._store.active()
        except ReleaseUnusable as fault:
            logger.warning("%s The next activation replaces it.", fault)
            return None

    @contextmanager
    def _audited(
        self, action: Action, version: str, before: ActivePointer | None, by: str, *, announce: bool = True
    ) -> Iterator[None]:
        """Record the beginning and a failure; whatever fails, what was asked of the workers is withdrawn."""
        old = before.version if before else None
        if announce:
            self._audit.record(actor=by, action=action, target="model", before=old, after=version, outcome="started")
        try:
            yield
        except BaseException as fault:
            self._withdraw()
            detail = fault.detail if isinstance(fault, ServiceError) else f"{type(fault).__name__}: {fault}"
            logger.info("%s of version %s by %s failed: %s", action, version, by, detail)
            self._audit.record(
                actor=by, action=action, target="model", before=old, after=version, outcome="failed", detail=detail
            )
            raise

    def _verify(self, version: str, on_step: OnStep) -> None:
        on_step(f"Verifying the files of version {version}")
        try:
            self._store.verify(version)
        except ReleaseUnusable as fault:
            raise self._refuse(fault) from fault

    def _try(self, version: str, on_step: OnStep) -> None:
        on_step(f"Trying version {version} in a process of its own")
        try:
            report = try_release(
                self._store.directory(version),
                trust=self._store.trust,
                prefer=self._prefer,
                rules=self._rules,
                seconds=self._limits.trial,
            )
        except ReleaseUnusable as fault:
            raise self._refuse(fault) from fault
        logger.info("Version %s passed its trial (%s).", version, report)

    def _refuse(self, fault: ReleaseUnusable) -> ReleaseRefused:
        logger.warning("%s", fault)
        return ReleaseRefused(fault.sentence)

    def _is_held_everywhere(self, version: str) -> bool:
        """Whether there are workers and all of them hold the version: it was verified and tried in each."""
        workers = list_live_workers(self._store.path).values()
        return bool(workers) and all(version in worker.held for worker in workers)

    def _prepare(self, version: str, on_step: OnStep) -> None:
        """Have every worker load the version beside what it serves. One that dies meanwhile does not count."""
        if not list_live_workers(self._store.path):
            return
        until = time.time() + self._limits.preparation + _INSTRUCTION_GRACE_SECONDS
        instruction = Instruction(token=make_identifier(), version=version, until=until)
        write_instruction(self._store.path, instruction)
        on_step(f"Waiting for every worker to make version {version} ready")

        def is_waited_for(worker: WorkerState) -> bool:
            if worker.token == instruction.token and worker.outcome == "failed":
                raise Conflict(f"The worker {worker.name} cannot serve it. {worker.reason}", code="activation_failed")
            return not (worker.token == instruction.token and worker.outcome == "ready")

        late = self._wait(is_waited_for, seconds=self._limits.preparation)[1]
        if late:
            names = ", ".join(worker.name for worker in late)
            raise Conflict(
                f"These workers did not make it ready within {self._limits.preparation:.0f} seconds: {names}.",
                code="activation_failed",
            )

    def _switch(self, version: str, by: str) -> ActivePointer:
        try:
            return self._store.point_at(version, by=by)
        except ReleaseUnusable as fault:
            raise self._refuse(fault) from fault

    def _end_trial_of(self, version: str) -> None:
        """A version that has become active is no candidate any more: a rollback shall not put it on trial again.

        Fallback: a candidate that cannot be read or removed stays; logged.
        """
        try:
            candidate = read_candidate(self._store.path)
            if candidate is not None and candidate.version == version:
                remove_candidate(self._store.path)
        except (ReleaseUnusable, OSError) as fault:
            logger.warning("The candidate stays on trial (%s)", type(fault).__name__)

    def _finish(
        self, action: Action, pointer: ActivePointer, before: ActivePointer | None, by: str, started: float
    ) -> Activation:
        """See all workers follow: the version is the active one. All that can fail is to tell other machines."""
        self._end_trial_of(pointer.version)
        workers = self._wait_until_served(pointer.version)
        self._withdraw()
        result = self._describe(pointer, started, workers)
        detail = f"{result.workers} workers, {result.seconds:.2f} s"
        if result.unconfirmed:
            detail += f", not confirmed by {', '.join(result.unconfirmed)}"
        old = before.version if before else None
        logger.info("%s of version %s by %s: %s", action, pointer.version, by, detail)
        self._audit.record(
            actor=by,
            action=action,
            target="model",
            before=old,
            after=pointer.version,
            outcome="done",
            detail=detail,
        )
        self._tell_others(pointer)
        return result

    def _tell_others(self, pointer: ActivePointer) -> None:
        try:
            self._share(pointer)
        except ModelStoreUnreachable as fault:
            raise ModelStoreUnreachable(
                f"Version {pointer.version} is active here, and other machines do not know it. {fault.detail} "
                "Activate it again to tell them."
            ) from fault

    def _wait_until_served(self, version: str) -> tuple[Sequence[WorkerState], Sequence[WorkerState]]:
        def is_waited_for(worker: WorkerState) -> bool:
            return worker.active != version or worker.older_requests > 0

        return self._wait(is_waited_for, seconds=self._limits.confirmation)

    def _wait(
        self, is_waited_for: Callable[[WorkerState], bool], *, seconds: float
    ) -> tuple[Sequence[WorkerState], Sequence[WorkerState]]:
        """Wait until no live worker is waited for, or for so long; return who is done and who is not."""
        deadline = time.monotonic() + seconds
        while True:
            workers = list_live_workers(self._store.path).values()
            late = [worker for worker in workers if is_waited_for(worker)]
            if not late or time.monotonic() > deadline:
                return [worker for worker in workers if worker not in late], late
            time.sleep(_LOOK_SECONDS)

    def _withdraw(self) -> None:
        try:
            withdraw_instruction(self._store.path)
        except OSError as fault:
            logger.warning("The workers keep what they made ready until the next activation (%s).", fault.strerror)

    def _describe(
        self,
        pointer: ActivePointer,
        started: float,
        workers: tuple[Sequence[WorkerState], Sequence[WorkerState]],
    ) -> Activation:
        done, late = workers
        return Activation(
            version=pointer.version,
            previous=pointer.previous,
            workers=len(done),
            unconfirmed=tuple(worker.name for worker in late),
            seconds=time.monotonic() - started,
        )
