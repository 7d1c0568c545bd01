"""The units for a machine without containers."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.cli.main import main
from config.settings import describe_settings, load_settings
from tests.rules.repository import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def read_unit(path: Path) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path, encoding="utf-8")
    return unit


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_with_settings_that_exist(path: Path) -> None:
    service = read_unit(path)["Service"]
    command = service["ExecStart"].split()
    assert command[0] == "/opt/gluonserve/bin/gluonserve"
    assert command[1] in main.commands
    named = set(re.findall(r"(\w+)=", service["Environment"]))
    assert named - {setting for setting, *_ in describe_settings()} == set()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_started_again_and_has_no_rights(path: Path) -> None:
    unit = read_unit(path)
    service = unit["Service"]
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert (service["Restart"], service["RestartSec"]) == ("always", "1")
    assert (service["User"], service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == ("gluonserve", "yes", "")
    assert (service["ProtectSystem"], service["PrivateTmp"]) == ("strict", "yes")
    assert service["StateDirectory"] == "gluonserve"


def test_a_stop_waits_longer_than_requests_may_take_and_a_kill_for_memory_stops_one_worker_only() -> None:
    service = read_unit(ROOT / "deploy" / "systemd" / "gluonserve.service")["Service"]
    assert int(service["TimeoutStopSec"]) > load_settings({}).graceful_timeout_seconds
    assert (service["KillMode"], service["OOMPolicy"]) == ("mixed", "continue")


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    # Where there is no systemd, the tests above are all that is checked.
    program = shutil.which("systemd-analyze") or shutil.which("true")
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/opt/gluonserve/bin/gluonserve", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [str(program), "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
