"""Hostile requests against a running server, directly and through nginx, and what became of them."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.bench.hostile.fuzzing.answers import Answer, AnswerJudge
from tests.bench.hostile.fuzzing.exchange import Attack, Target

AT_ONCE = 8
_SHOWN_OF_REQUEST = 400
_CHUNK = 200
# What a server logs of itself that it must not, whatever it is sent.
_LOG_FAULTS = re.compile(
    r"Traceback|Error handling request|The request failed|was sent SIG|Worker exiting unexpectedly|WORKER TIMEOUT"
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, how often, and the first request that showed it."""

    sentence: str
    count: int
    request: bytes


@dataclass
class CampaignResult:
    """What became of the requests.

    Attributes:
        statuses: Answers by target and kind of request, then by status; "none" where the connection was closed.
        faults: By sentence, how often, with the first request.
        dead_workers: Process ids that were there before and not after.
        log_faults: Lines of the server's log that tell of a failure, or hold a secret.
        contract_faults: What schemathesis found by its own checks.
    """

    statuses: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    dead_workers: list[int] = field(default_factory=list)
    log_faults: list[str] = field(default_factory=list)
    contract_faults: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(counts.total() for counts in self.statuses.values())

    def list_broken_promises(self) -> Iterator[str]:
        for fault in self.faults.values():
            yield f"{fault.count} x {fault.sentence}; first: {fault.request!r}"
        if self.dead_workers:
            yield f"{len(self.dead_workers)} workers died"
        for line in self.log_faults[:20]:
            yield f"in the log: {line[:300]}"
        yield from self.contract_faults


class Campaign:
    """Sends requests and gathers what is wrong with the answers, from several threads."""

    def __init__(self, judge: AnswerJudge, *, say: Say, at_once: int = AT_ONCE) -> None:
        self.result = CampaignResult()
        self._judge = judge
        self._say = say
        self._at_once = at_once
        self._lock = threading.Lock()

    def send_all(self, target: Target, attacks: Iterable[Attack]) -> None:
        began, before = time.monotonic(), self.result.requests
        with ThreadPoolExecutor(self._at_once) as threads:
            for portion in _divide(attacks, _CHUNK):
                list(threads.map(lambda attack: self._send(target, attack), portion))
        count, seconds = self.result.requests - before, time.monotonic() - began
        self._say(
            f"{target.name}: {count} requests in {seconds:.0f} s, {len(self.result.faults)} kinds of fault so far"
        )

    def note(self, target: str, attack: Attack, answer: Answer) -> None:
        """Count and judge one answer."""
        found = self._judge.list_faults(
            answer, is_head=attack.is_head, makes_secret=attack.makes_secret, is_page=attack.is_for_page
        )
        sentences = list(found)
        with self._lock:
            counts = self.result.statuses.setdefault((target, attack.kind), Counter())
            counts[str(answer.status or "none")] += 1
            for sentence in sentences:
                known = self.result.faults.get(sentence) or Fault(sentence, 0, attack.payload[:_SHOWN_OF_REQUEST])
                self.result.faults[sentence] = Fault(sentence, known.count + 1, known.request)

    def _send(self, target: Target, attack: Attack) -> None:
        self.note(target.name, attack, target.send(attack))


def find_log_faults(lines: Sequence[str], *, secrets: Sequence[bytes]) -> list[str]:
    """Lines that tell of a failure, or hold a secret."""
    return [line for line in lines if _LOG_FAULTS.search(line) or any(secret.decode() in line for secret in secrets)]


def _divide(attacks: Iterable[Attack], size: int) -> Iterator[list[Attack]]:
    portion: list[Attack] = []
    for attack in attacks:
        portion.append(attack)
        if len(portion) == size:
            yield portion
            portion = []
    yield portion
