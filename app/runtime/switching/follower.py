"""What a worker does beside answering: it follows the pointer, makes versions ready and says how far it is."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from app.errors import ReleaseUnusable
from app.runtime.switching.active import NOTHING_ACTIVE, ActiveRelease
from app.runtime.switching.gentle import exempt_present_objects
from app.runtime.switching.golden_checks import GoldenChecks, GoldenResult, NoGoldenChecks
from app.runtime.switching.slots import Role
from app.runtime.switching.workers import Instruction, Outcome, WorkerRecord, WorkerState, read_instruction

logger = logging.getLogger(__name__)

_MOST_ROUNDS_AT_START = 5
_SECONDS_BETWEEN_LOOKS_AT_CACHE = 2.0


class Follower:
    """A thread that looks about twenty times a second, and a second one for as long as a version is being loaded.

    Args:
        duties: Called at every look as well; they must return soon.
        golden: Whose last result this worker tells of, beside what it serves.
        describe_cache: What it remembers; told of every few seconds, as it changes with every request.
    """

    def __init__(
        self,
        active: ActiveRelease,
        *,
        poll_seconds: float = 0.05,
        duties: Sequence[Callable[[], None]] = (),
        golden: GoldenChecks | NoGoldenChecks | None = None,
        describe_cache: Callable[[], Mapping[str, int] | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._active = active
        self._slots = active.slots
        self._store = active.slots.store
        self._duties = (self._follow, *duties)
        self._golden = golden or NoGoldenChecks()
        self._describe_cache = describe_cache
        self._cache: Mapping[str, int] | None = None
        self._next_look_at_cache = 0.0
        self._poll_seconds = poll_seconds
        self._record = WorkerRecord(self._store.path)
        self._answer: tuple[str, Outcome, str | None] | None = None
        self._clock = clock
        self._known_token: str | None = None
        self._asked_until = 0.0
        self._unloadable: set[str] = set()
        self._is_silenced = False
        self._load: threading.Thread | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-active-release", daemon=True)

    def start(self) -> None:
        """Load the active release in this process and begin to follow the pointer. Never raises."""
        # Before the pointer is read: whoever replaces it from now on waits for this worker too.
        self._register()
        self._active.follow_pointer()
        for _ in range(_MOST_ROUNDS_AT_START):
            if self._active.missing is None:
                break
            self._active.load_missing()
            self._active.follow_pointer()
        if self._active.has_no_pointer:
            logger.error("No model is served. %s", NOTHING_ACTIVE)
        self._active.settle()
        exempt_present_objects()
        self._report()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in (self._thread, self._load):
            if thread is not None and thread.is_alive():
                thread.join(timeout=5)
        self._record.close()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            for duty in self._duties:
                try:
                    duty()
                except Exception:
                    # This thread has to outlive whatever goes wrong once.
                    logger.exception("Following the active release failed; the next look is due in a moment.")

    def _follow(self) -> None:
        self._active.follow_pointer()
        previous = self._active.settle()
        instruction = self._read_instruction()
        self._slots.assign({"prepared": instruction.version if instruction else None})
        if self._load is None or not self._load.is_alive():
            self._load = self._start_load(instruction, previous)
        self._report()

    def _start_load(self, instruction: Instruction | None, previous: str | None) -> threading.Thread | None:
        """Load what is most urgent of what is not held."""
        if self._active.missing is not None:
            return _start_thread(self._active.load_missing)
        if instruction is not None and (self._answer is None or self._answer[0] != instruction.token):
            return self._prepare(instruction)
        if previous is not None and previous not in self._unloadable:
            return _start_thread(lambda: self._load_previous(previous))
        return None

    def _prepare(self, instruction: Instruction) -> threading.Thread | None:
        if self._slots.get(instruction.version) is not None:
            self._answer = (instruction.token, "ready", None)
            return None
        self._answer = (instruction.token, "loading", None)
        return _start_thread(lambda: self._load_prepared(instruction))

    def _load_prepared(self, instruction: Instruction) -> None:
        reason = self._try_to_hold(instruction.version, "prepared")
        self._answer = (instruction.token, "failed" if reason else "ready", reason)

    def _load_previous(self, version: str) -> None:
        reason = self._try_to_hold(version, "previous")
        if reason:
            self._unloadable.add(version)
            logger.warning("There is no instant way back to version %s. %s", version, reason)

    def _try_to_hold(self, version: str, role: Role) -> str | None:
        """Load a version; return why it could not be, in words that callers may read."""
        try:
            self._slots.hold(version, role)
        except ReleaseUnusable as fault:
            logger.warning("Not held as the %s version. %s", role, fault)
            return fault.sentence
        except Exception as fault:
            logger.exception("Version %s could not be loaded.", version)
            return f"Version {version} could not be loaded ({type(fault).__name__})."
        return None

    def _read_instruction(self) -> Instruction | None:
        """What is asked for still. Its end is a date, which is looked at once: the clock may jump meanwhile."""
        instruction = read_instruction(self._store.path)
        if instruction is None:
            return None
        if instruction.token != self._known_token:
            self._known_token = instruction.token
            self._asked_until = time.monotonic() + instruction.until - self._clock()
        return instruction if time.monotonic() < self._asked_until else None

    def _register(self) -> None:
        """Fallback: where the store cannot be written, nobody waits for this worker. It still follows the pointer."""
        try:
            self._record.open(self._describe())
        except OSError as fault:
            logger.warning(
                "This worker cannot be seen by whoever activates a version: %s cannot be written (%s).",
                self._store.path,
                fault.strerror,
            )

    def _report(self) -> None:
        """Fallback: a worker that cannot write any more is waited for until the activation gives up; logged once."""
        try:
            self._record.write(self._describe())
        except OSError as fault:
            if not self._is_silenced:
                logger.error("This worker cannot say any more what it serves (%s).", fault.strerror)
            self._is_silenced = True
        else:
            self._is_silenced = False

    def _look_at_cache(self) -> Mapping[str, int] | None:
        if time.monotonic() >= self._next_look_at_cache:
            self._next_look_at_cache = time.monotonic() + _SECONDS_BETWEEN_LOOKS_AT_CACHE
            self._cache = self._describe_cache()
        return self._cache

    def _describe(self) -> WorkerState:
        token, outcome, reason = self._answer or (None, None, None)
        current, golden = self._active.current, self._golden.result or GoldenResult()
        return WorkerState(
            pid=os.getpid(),
            host=socket.gethostname(),
            # What is current is read before the requests are counted: a switch in between shows at the next look.
            active=None if current is None else current.manifest.version,
            older_requests=self._active.count_older_requests(),
            held=tuple(self._slots.list_held()),
            token=token,
            outcome=outcome,
            reason=reason,
            golden_ok=None if golden.status == "pending" else golden.status == "passed",
            golden_at=golden.at,
            stands_in=self._active.stands_in,
            cache=self._look_at_cache(),
        )


def _start_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name="load-release", daemon=True)
    thread.start()
    return thread
