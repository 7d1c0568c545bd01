"""What callers may take."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings.parsing import read_share, setting, whole_number


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """What callers may take."""

    redis_url: str | None = setting(
        "REDIS_URL",
        None,
        str,
        "redis://:password@host:6379/0 that all workers count limits and keep answers in; none has each do it alone",
        secret=True,
    )
    key_requests_per_minute: int | None = setting(
        "GLUONSERVE_KEY_REQUESTS_PER_MINUTE",
        None,
        whole_number(1, 1_000_000_000),
        "requests per minute of every API key that has no limit of its own",
    )
    key_rows_per_minute: int | None = setting(
        "GLUONSERVE_KEY_ROWS_PER_MINUTE",
        None,
        whole_number(1, 1_000_000_000),
        "rows per minute of every API key that has no limit of its own",
    )
    key_cpu_share: float = setting(
        "GLUONSERVE_KEY_CPU_SHARE",
        "0.5",
        read_share,
        "share of a worker's time that the large requests of one key may take while other callers are there; 1 is all",
    )
    failed_attempts_per_minute: int | None = setting(
        "GLUONSERVE_FAILED_ATTEMPTS_PER_MINUTE",
        None,
        whole_number(1, 1_000_000_000),
        "wrong credentials per minute after which an address is refused with 429",
    )
    loadtest_key: str | None = setting(
        "GLUONSERVE_KEY", None, str, "API key that gluonserve loadtest sends; the server does not need it", secret=True
    )
