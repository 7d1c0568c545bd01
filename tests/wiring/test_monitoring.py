from __future__ import annotations

from pathlib import Path

from app.redis_link.link import NoRedis
from app.serving.formats.media_types import CSV
from app.serving.jobs.service import JobOrder
from app.wiring.access import make_windows, open_redis
from app.wiring.jobs import open_sending_queue
from app.wiring.monitoring import FALLBACK_COUNTS, count_fallbacks
from app.wiring.services import Services, build_services
from tests.api.builders import make_key, make_loaded_release, make_settings
from tests.server import find_free_port


def read_counts(services: Services) -> dict[str, float]:
    content = services.metrics.write_page("").content.decode()
    lines = [line.rpartition(" ") for line in content.splitlines() if not line.startswith("#")]
    values = {name.removeprefix("gluonserve_").removesuffix("_total"): float(value) for name, _, value in lines}
    return {name: values[name] for name in FALLBACK_COUNTS}


def test_what_went_on_without_redis_is_counted(tmp_path: Path) -> None:
    address = f"redis://127.0.0.1:{find_free_port()}"
    settings = make_settings(tmp_path, redis_url=address, key_requests_per_minute=10)
    services = build_services(settings)
    key = make_key(services, settings, "predict").record
    for _ in range(4):
        services.rate_limits.take_request(key)
    services.active.current = make_loaded_release()
    services.jobs.submit_table(iter([b"tenure\n"]), JobOrder(key_id=key.id, media_type=CSV, result_type=CSV))
    # An outage is noticed after some calls.
    assert read_counts(services) == {
        "redis_outages": 1,
        "redis_failed_calls": 4,
        "limits_decided_alone": 4,
        "key_uses_lost": 0,
        "job_messages_lost": 1,
    }
    services.close()


def test_where_there_is_no_redis_nothing_is_missing(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    redis = open_redis(settings)
    assert isinstance(redis, NoRedis)
    services = build_services(settings)
    queue = open_sending_queue(settings)
    counted = count_fallbacks(redis, make_windows(settings, redis), services.last_uses, queue).read()
    assert counted is not None
    assert counted.by_name == dict.fromkeys(FALLBACK_COUNTS, 0)
    services.close()
