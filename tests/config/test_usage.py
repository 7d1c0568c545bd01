from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from config.usage import UsageMeter
from tests.config.test_cgroups import make_v2


def spend_processor_time(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_in_a_container_usage_is_measured_against_its_limits(tmp_path: Path) -> None:
    files = {
        "cpu.max": "50000 100000",
        "cpu.stat": "usage_usec 1000000",
        "memory.max": "1000000",
        "memory.current": "450000",
        "memory.stat": "inactive_file 200000",
    }
    meter = UsageMeter(make_v2(tmp_path, group="/", files=files))
    begun = time.monotonic()
    time.sleep(0.2)
    make_v2(tmp_path, group="/", files={**files, "cpu.stat": "usage_usec 1050000"})
    usage = meter.measure()
    # 50 ms of half a core, at least as long as was slept; how much longer depends on the machine.
    assert 100 * 0.05 / (0.5 * (time.monotonic() - begun)) - 1 <= usage.cpu_percent <= 50
    assert usage.memory_percent == 25.0


def test_on_a_machine_usage_is_that_of_its_cores_and_its_memory(tmp_path: Path) -> None:
    meter = UsageMeter(make_v2(tmp_path, group="/", files={}))
    spend_processor_time(0.1)
    usage = meter.measure()
    assert 0 < usage.cpu_percent <= 100
    assert usage.memory_percent == pytest.approx(psutil.virtual_memory().percent, abs=5)
