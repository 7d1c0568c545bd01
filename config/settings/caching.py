"""Which answers are remembered, where and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.settings.parsing import one_of, setting, whole_number


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """Which answers are remembered, where and for how long."""

    cache: Literal["on", "off"] = setting(
        "GLUONSERVE_CACHE",
        "on",
        one_of("on", "off"),
        "on answers a row that was predicted before without the model, where that is faster; off always predicts",
    )
    cache_ttl_seconds: int = setting(
        "GLUONSERVE_CACHE_TTL",
        "3600",
        whole_number(60, 86_400),
        "seconds that an answer stays in Redis, where REDIS_URL names one",
    )
    cache_memory_mb: int = setting(
        "GLUONSERVE_CACHE_MB",
        "16",
        whole_number(1, 65_536),
        "answers that each worker remembers, in MB; those used last are kept",
    )
