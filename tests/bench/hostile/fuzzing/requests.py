"""Hostile requests as bytes: mutated bodies in well-formed requests, odd headers and addresses, and malformed HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.bench.hostile.fuzzing.bodies import BodyMutator
from tests.bench.hostile.fuzzing.dialects import DialectMutator
from tests.bench.hostile.fuzzing.exchange import Attack
from tests.bench.hostile.fuzzing.malformed import break_request

JSON_BODIES, DIALECTS, HEADERS = "JSON bodies", "other dialects", "headers"
ADDRESSES, MALFORMED = "addresses", "malformed HTTP"
KINDS = (JSON_BODIES, DIALECTS, HEADERS, ADDRESSES, MALFORMED)

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO", "get")
_ROUTES = (
    "/predict",
    "/health",
    "/health/live",
    "/model/info",
    "/model/schema",
    "/models",
    "/keys",
    "/auth/token",
    "/openapi.json",
    "/docs",
    "/docs/errors",
    "/ping",
    "/invocations",
    "/v2",
    "/v2/health/ready",
    "/v2/models/x",
    "/v2/models/x/versions/1/infer",
    "/feedback",
    "/jobs",
    "/jobs/x/result",
    "/metrics",
    "/dashboard",
    "/dashboard/sections",
    "/dashboard/drift/1",
    "/dashboard/sign-in",
)
_ADMINISTRATIVE = (
    "/models/99/activate",
    "/models/99/canary",
    "/models/1/shadow",
    "/models/rollback",
    "/models/candidate/promote",
    "/keys",
    "/keys/aaaaaaaa/rotate",
    "/auth/token",
    "/auth/revoke",
)
_PATHS = (
    "/",
    "//",
    "/predict/",
    "//predict",
    "/./predict",
    "/docs/../predict",
    "/docs/%2e%2e/%2e%2e/x",
    "/docs/..%2f..%2f..%2fx",
    "/docs/..%5c..%5cx",
    "/docs/static/..%252f..%252fx",
    "/docs/%00",
    "/%ff%fe",
    "/%c0%ae%c0%ae/",
    "/models/%2e%2e/activate",
    "/models/..%2f..%2fx/activate",
    "/models/1%00/activate",
    "/models/" + "9" * 400 + "/activate",
    "/models/-1/activate",
    "/models/%0d%0aX-Evil:%201/activate",
    "/jobs/..%2f..%2fx/result",
    "/jobs/%00",
    "/jobs?page=%ff&limit=-1",
    "/v2/models/%2e%2e/infer",
    "/dashboard/assets/..%2f..%2fx",
    "/dashboard/drift/%00",
    "/keys/%27%20OR%201=1",
    "/keys/" + "a" * 2000,
    "/predict?" + "a=b&" * 500,
    "/predict?%ff=%00&%zz",
    "/health?x=" + "%0a" * 20,
    "/" + "a/" * 900,
    "/static/docs.js",
    "/favicon.ico",
    "/.env",
    "/wp-login.php",
    "*",
    "http://other.example/predict",
    "https://user:password@other.example:99999/",
    "predict",
    "?",
    "/predict#fragment",
    "/\u00e9",
)
_HEADER_VALUES = (
    "",
    " ",
    "0",
    "-1",
    "1e999",
    "NaN",
    "None",
    "null",
    "a" * 3000,
    "\x01\x02\x7f",
    "\xff\xfe\xe9",
    "%00%0d%0a",
    "1, 2, 3",
    ";" * 300,
    '"' * 99,
    "../../x",
    "${jndi:ldap://x}",
    "' OR '1'='1",
    "identity, gzip;q=0.5, *;q=0",
    "gsk_" + "0" * 48,
    "gsk_aaaaaaaa_" + "A" * 32 + "_000000",
    "Bearer " + "a.b.c",
    "Bearer " + "e" * 3000,
    "Basic " + "A" * 200,
    "Bearer",
    "bytes=0-,1-,2-",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=" + "b" * 100,
    "application/x-www-form-urlencoded",
    "text/csv",
)
_HEADER_NAMES = (
    "X-API-Key",
    "Authorization",
    "X-Request-ID",
    "X-Request-Timeout-Ms",
    "Content-Type",
    "Content-Encoding",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Origin",
    "Cookie",
    "Host",
    "Range",
    "If-None-Match",
    "If-Modified-Since",
    "Upgrade",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "Forwarded",
    "X-HTTP-Method-Override",
    "Referer",
    "User-Agent",
    "Via",
    "TE",
    "Trailer",
    "Max-Forwards",
    "Date",
)


class AttackMaker:
    """Makes requests of each kind, the same ones for the same seed.

    Args:
        model: The name of the served model.
        keys: API keys of which requests carry one, or none.
    """

    def __init__(self, rows: Sequence[dict[str, Any]], *, model: str, keys: Sequence[str], seed: int) -> None:
        self._chooser = random.Random(seed)
        self._bodies = BodyMutator(rows, seed=seed + 1)
        self._dialects = DialectMutator(rows, model=model, seed=seed + 2)
        self._keys = keys
        self._makers: dict[str, Callable[[], Attack]] = {
            JSON_BODIES: self._make_json_body,
            DIALECTS: self._make_dialect,
            HEADERS: self._make_headers,
            ADDRESSES: self._make_address,
            MALFORMED: self._make_malformed,
        }

    def make(self, kind: str, count: int) -> Iterator[Attack]:
        for _ in range(count):
            yield self._makers[kind]()

    def _make_json_body(self) -> Attack:
        """Every tenth goes to a route of administration, with a key that may not use it, or may."""
        path = "/predict" if self._chooser.random() < 0.9 else self._chooser.choice(_ADMINISTRATIVE)
        payload = write_request("POST", path, self._bodies.make_body(), headers=self._choose_credentials())
        return Attack(kind=JSON_BODIES, payload=payload, makes_secret=_makes_secret(path))

    def _make_dialect(self) -> Attack:
        made = self._dialects.make()
        payload = write_request("POST", made.path, made.body, headers=[*self._choose_credentials(), *made.headers])
        return Attack(kind=DIALECTS, payload=payload)

    def _make_headers(self) -> Attack:
        path = self._chooser.choice(_ROUTES)
        method = self._chooser.choice(("GET", "POST"))
        headers = self._choose_credentials()
        for _ in range(self._chooser.choice((1, 1, 2, 5, 60))):
            name, value = self._chooser.choice(_HEADER_NAMES), self._chooser.choice(_HEADER_VALUES)
            # A sane request id is answered as it came: a key in it would look like a leak.
            if not (name == "X-Request-ID" and value.startswith("gsk_")):
                headers.append((name, value))
        body = self._chooser.choice((b"", b"{}", b'{"data": []}')) if method == "POST" else b""
        payload = write_request(method, path, body, headers=headers)
        return Attack(kind=HEADERS, payload=payload, makes_secret=_makes_secret(path))

    def _make_address(self) -> Attack:
        method = self._chooser.choice(_METHODS)
        path = self._chooser.choice(self._chooser.choice((_PATHS, _ROUTES, _ADMINISTRATIVE)))
        body = b"" if method in ("GET", "HEAD") else b"{}"
        payload = write_request(method, path, body, headers=self._choose_credentials())
        return Attack(kind=ADDRESSES, payload=payload, makes_secret=_makes_secret(path))

    def _make_malformed(self) -> Attack:
        good = write_request("POST", "/predict", self._bodies.make_body(), headers=self._choose_credentials())
        return Attack(kind=MALFORMED, payload=break_request(good, self._chooser), is_whole=False)

    def _choose_credentials(self) -> list[tuple[str, str]]:
        chosen = self._chooser.choice((*self._keys, None))
        return [] if chosen is None else [("X-API-Key", chosen)]


def write_request(method: str, path: str, body: bytes, *, headers: Sequence[tuple[str, str]]) -> bytes:
    """A request with the usual headers, for those that are not given."""
    given = {name.lower() for name, _ in headers}
    usual = [
        ("Host", "127.0.0.1"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    lines = [*headers, *(item for item in usual if item[0].lower() not in given)]
    head = f"{method} {path} HTTP/1.1\r\n".encode() + b"".join(
        f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in lines
    )
    return head + b"\r\n" + body


def _makes_secret(path: str) -> bool:
    return path.startswith(("/keys", "/auth/token"))
