"""How requests are taken, bounded and answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.settings.parsing import one_of, read_address, setting, whole_number


@dataclass(frozen=True, kw_only=True)
class ServingSettings:
    """How requests are taken, bounded and answered."""

    bind: str = setting("BIND", "127.0.0.1:8000", read_address, "HOST:PORT or unix:PATH that the server listens on")
    proxies: int = setting(
        "GLUONSERVE_PROXIES",
        "0",
        whole_number(0, 10),
        "proxies in front of the server, each of which appends to X-Forwarded-For; 0 believes nobody's header",
    )
    workers: int = setting(
        "WEB_CONCURRENCY", "{workers}", whole_number(1, 256), "worker processes; each holds its own loaded model"
    )
    threads: int = setting("GLUONSERVE_THREADS", "{threads}", whole_number(1, 64), "request threads in each worker")
    graceful_timeout_seconds: int = setting(
        "GLUONSERVE_GRACEFUL_TIMEOUT", "30", whole_number(1, 3600), "seconds that requests under way get at a stop"
    )
    drain_seconds: int = setting(
        "GLUONSERVE_DRAIN_SECONDS",
        "1",
        whole_number(0, 600),
        "seconds of these in which all are still answered while /health/ready says 503; more than whoever spreads the "
        "traffic takes from one look at it to the next",
    )
    request_timeout_ms: int = setting(
        "GLUONSERVE_REQUEST_TIMEOUT_MS",
        "30000",
        whole_number(1, 600_000),
        "milliseconds within which a prediction has to be answered when the caller does not send X-Request-Timeout-Ms",
    )
    most_wait_ms: int = setting(
        "GLUONSERVE_MOST_WAIT_MS",
        "1000",
        whole_number(0, 60_000),
        "longest expected wait for a turn, in milliseconds; beyond it a request is refused with 503 at once; 0 never "
        "refuses and lets all of them wait",
    )
    hung_after_seconds: int = setting(
        "GLUONSERVE_HUNG_AFTER",
        "60",
        whole_number(0, 3600),
        "seconds, and at least twice its deadline, after which a prediction counts as hung and its worker is replaced; "
        "0 never",
    )
    boot_timeout_seconds: int = setting(
        "GLUONSERVE_BOOT_TIMEOUT",
        "120",
        whole_number(5, 3600),
        "seconds within which a new worker has to have loaded the model; else it is ended and counts as failed",
    )
    max_requests: int = setting(
        "GLUONSERVE_MAX_REQUESTS",
        "1000000",
        whole_number(0, 1_000_000_000),
        "requests after which a worker is replaced, and up to a tenth more, for each its own number; 0 never",
    )
    execution: Literal["plan", "native"] = setting(
        "GLUONSERVE_EXECUTION",
        "plan",
        one_of("plan", "native"),
        "plan executes releases by their compiled plans, where they have one; native always by AutoGluon itself",
    )
    max_body_mb: int = setting("GLUONSERVE_MAX_BODY_MB", "16", whole_number(1, 1024), "largest request body, in MB")
    max_rows: int = setting(
        "GLUONSERVE_MAX_ROWS", "10000", whole_number(1, 1_000_000), "most rows in one request to /predict"
    )
    max_fields: int = setting(
        "GLUONSERVE_MAX_FIELDS",
        "10000",
        whole_number(1, 1_000_000),
        "most fields in one row; never fewer than training had columns",
    )
    max_text: int = setting(
        "GLUONSERVE_MAX_TEXT",
        "100000",
        whole_number(1, 10_000_000),
        "most characters in one text of a row, unless training had it",
    )
    max_depth: int = setting(
        "GLUONSERVE_MAX_DEPTH", "32", whole_number(3, 200), "how deep lists and objects of a body may nest"
    )
    max_faults: int = setting(
        "GLUONSERVE_MAX_FAULTS",
        "1000",
        whole_number(1, 100_000),
        "most faults, and most warnings, that are listed in one answer; checking ends when there are more",
    )
    unseen_values: Literal["accept", "reject"] = setting(
        "GLUONSERVE_UNSEEN_VALUES",
        "accept",
        one_of("accept", "reject"),
        "a category or number outside what training saw: accept with a warning, or reject with 422",
    )
    unknown_fields: Literal["ignore", "reject"] = setting(
        "GLUONSERVE_UNKNOWN_FIELDS",
        "ignore",
        one_of("ignore", "reject"),
        "a field that the model does not know: ignore with a warning, or reject with 422",
    )
