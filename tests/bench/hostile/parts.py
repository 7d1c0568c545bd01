"""The parts of the campaign: each measures one promise and says what of it does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from app.errors import Forbidden, RateLimited, Unauthenticated
from app.security.authentication import Credentials as Shown
from app.security.keys.administration import KeyOrder
from tests.bench.hostile.credentials.dumps import (
    find_in_command_lines,
    find_readable_private_files,
    list_dumped,
    search_dump,
)
from tests.bench.hostile.credentials.random_keys import draw_keys, try_random_keys
from tests.bench.hostile.credentials.timing import LARGEST_T, compare_times
from tests.bench.hostile.credentials.tokens import MOST_MS, TokenResult, is_refused, send_hostile_tokens
from tests.bench.hostile.fuzzing.answers import AnswerJudge
from tests.bench.hostile.fuzzing.campaign import Say
from tests.bench.hostile.fuzzing.exchange import Attack
from tests.bench.hostile.fuzzing.requests import write_request
from tests.bench.hostile.installation import Attacked, opened_services
from tests.bench.hostile.sending import attack
from tests.security.tokens.hostile import HOSTILE

_SEED = 1
_KEYS_IN_TIMING = 100
_ORDER = KeyOrder(owner="timing", permissions=("predict",))
# Of the random keys, the share that is sent over HTTP as well.
_SHARE_OVER_HTTP = 0.005
_TIMES_PER_TOKEN = 20
# On a machine that does other work, all of the first twenty may be slow by chance.
_ROUNDS_FOR_LATE_ONES = 3


@dataclass(frozen=True)
class PartResult:
    """The figures of one part, for people and for the file, and the promises that do not hold."""

    name: str
    figures: Mapping[str, Any]
    broken: list[str]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is done."""

    per_kind: int
    examples: int
    random_keys: int
    timing_samples: int


FULL = Size(per_kind=10_000, examples=120, random_keys=1_000_000, timing_samples=200_000)
QUICK = Size(per_kind=500, examples=5, random_keys=5_000, timing_samples=5_000)


class Parts:
    """Args: rows: Good ones, which mutated bodies are made of."""

    def __init__(self, installation: Attacked, rows: Sequence[dict[str, Any]], size: Size, say: Say) -> None:
        self._installation = installation
        self._rows = rows
        self._size = size
        self._say = say
        self.by_name: Mapping[str, Callable[[], PartResult]] = {
            "tokens": self.send_tokens,
            "timing": self.compare_refusals,
            "requests": self.send_requests,
            "keys": self.try_keys,
            "dump": self.search,
        }

    def send_requests(self) -> PartResult:
        size = self._size
        result = attack(
            self._installation, self._rows, per_kind=size.per_kind, examples=size.examples, seed=_SEED, say=self._say
        )
        total: Counter[str] = Counter()
        for counts in result.statuses.values():
            total.update(counts)
        by_kind = {f"{kind}, {target}": dict(counts) for (target, kind), counts in result.statuses.items()}
        figures = {"requests": result.requests, "answers": dict(total.most_common()), "by kind": by_kind}
        return PartResult("requests", figures, list(result.list_broken_promises()))

    def try_keys(self) -> PartResult:
        known = [key.split("_")[1] for key in self._installation.credentials.keys]
        with opened_services(self._installation.home) as (_, services):
            result = try_random_keys(
                lambda key: services.authenticator.authenticate(Shown(api_key=key)),
                services.database,
                count=self._size.random_keys,
                known_ids=known,
                seed=_SEED,
                say=self._say,
            )
        statuses = Counter(self._send_key(key) for key in self._draw_keys_for_http(known))
        figures = {**vars(result), "over HTTP": dict(statuses)}
        return PartResult("keys", figures, list(_judge_keys(result.accepted, statuses)))

    def _draw_keys_for_http(self, known: Sequence[str]) -> Iterator[str]:
        return draw_keys(int(self._size.random_keys * _SHARE_OVER_HTTP), known_ids=known, seed=_SEED + 1)

    def _send_key(self, key: str) -> int | None:
        payload = write_request("GET", "/model/info", b"", headers=[("X-API-Key", key)])
        return self._installation.targets[0].send(Attack(kind="keys", payload=payload)).status

    def compare_refusals(self) -> PartResult:
        """Of keys that do not exist with keys that do, and are in memory, but whose secret is wrong."""
        with opened_services(self._installation.home) as (_, services):
            made = [services.keys.create(order, by="cli:timing") for order in [_ORDER] * _KEYS_IN_TIMING]
            for key in made:
                services.authenticator.authenticate(Shown(api_key=key.text))
            known_ids = [key.record.id for key in made]
            keys = list(draw_keys(4 * _KEYS_IN_TIMING, known_ids=known_ids, seed=_SEED))

            def refuse(key: str) -> Callable[[], object]:
                return lambda: is_let_in(services.authenticator.authenticate, Shown(api_key=key))

            wrong, unknown = [refuse(key) for key in keys[::2]], [refuse(key) for key in keys[1::2]]
            result = compare_times(unknown, wrong, samples=self._size.timing_samples)
        broken = (
            [] if result.holds else [f"unknown key and wrong secret differ: t = {result.t:.1f}, at most {LARGEST_T}"]
        )
        return PartResult("timing", vars(result), broken)

    def send_tokens(self) -> PartResult:
        target, forge = self._installation.targets[0], self._installation.credentials.forge
        judge = AnswerJudge(secrets=self._installation.credentials.in_plain_text)
        by_name = {result.name: result for result in send_hostile_tokens(target, forge, judge, times=_TIMES_PER_TOKEN)}
        for _ in range(_ROUNDS_FOR_LATE_ONES):
            slow = {name: HOSTILE[name](forge) for name, each in by_name.items() if each.milliseconds > MOST_MS}
            for again in send_hostile_tokens(target, forge, judge, times=_TIMES_PER_TOKEN, tokens=slow):
                quickest = min(again.milliseconds, by_name[again.name].milliseconds)
                by_name[again.name] = replace(by_name[again.name], milliseconds=quickest)
        results = list(by_name.values())
        slowest = max(results, key=_get_time)
        broken = [f"{result.name}: {result.status} {result.code}" for result in results if not is_refused(result)]
        broken += [f"{result.name}: {fault}" for result in results for fault in result.faults]
        late = [result for result in results if result.milliseconds > MOST_MS]
        broken += [f"{result.name} took {result.milliseconds:.1f} ms" for result in late]
        figures = {
            "tokens": len(results),
            "answers": dict(Counter(f"{result.status} {result.code}" for result in results)),
            "slowest": f"{slowest.name}: {slowest.milliseconds:.2f} ms",
            "median ms": median(result.median_milliseconds for result in results),
        }
        return PartResult("tokens", figures, broken)

    def search(self) -> PartResult:
        installation = self._installation
        secrets, home = installation.credentials.in_plain_text, installation.home
        with opened_services(home) as (_, services):

            def opens(text: str) -> bool:
                authenticate = services.authenticator.authenticate
                shown = (Shown(api_key=text), Shown(authorization=f"Bearer {text}"))
                return any(is_let_in(authenticate, each) for each in shown)

            result = search_dump(list_dumped(home), secrets=secrets, opens=opens)
        broken = [f"{name} holds a secret" for name in result.found]
        broken += [f"the dump holds {word!r}, which opens a door" for word in result.opened]
        broken += [f"{name} may be read by others" for name in find_readable_private_files(home)]
        broken += find_in_command_lines(installation.server.process.pid, secrets=secrets)
        return PartResult("dump", vars(result), broken)


def is_let_in(authenticate: Callable[[Shown], object], shown: Shown) -> bool:
    try:
        authenticate(shown)
    except (Unauthenticated, Forbidden, RateLimited):
        return False
    return True


def _get_time(result: TokenResult) -> float:
    return result.milliseconds


def _judge_keys(accepted: int, statuses: Mapping[int | None, int]) -> Iterator[str]:
    if accepted:
        yield f"{accepted} random keys were let in"
    if set(statuses) - {401}:
        yield f"over HTTP random keys were answered {dict(statuses)}"
