"""The Compose file: every role, each with limits and without rights, and nothing reachable but nginx."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from app.cli.main import main
from config.settings import describe_settings
from tests.rules.repository import ROOT

PLACE = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((PLACE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("gluonserve:")]


def read_seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_all_roles_are_there() -> None:
    assert list(SERVICES) == ["api", "monitor", "worker", "train", "redis", "nginx"]
    assert OURS == ["api", "monitor", "worker", "train"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_and_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["user"] == ("101:101" if name == "nginx" else "10001:10001")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "mem_limit", "pids_limit"} - service.keys() == set()
    assert service["restart"] == ("no" if name == "train" else "unless-stopped")
    assert "healthcheck" in service


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_patch_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "gluonserve:full" or re.search(r":\d+\.\d+\.\d+-bookworm$", image)


def test_only_nginx_can_be_reached() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "nginx": ["443:8443"]
    }
    assert COMPOSE["networks"] == {"back": {"internal": True}, "front": {}}
    assert SERVICES["redis"]["networks"] == SERVICES["api"]["networks"] == ["back"]


@pytest.mark.parametrize("name", OURS)
def test_settings_and_commands_are_those_of_gluonserve(name: str) -> None:
    service = SERVICES[name]
    assert service["environment"].keys() - {setting for setting, *_ in describe_settings()} == set()
    assert service["env_file"] == ["settings.env"]
    assert service["command"][0] in {*main.commands, "web"}


def test_the_example_of_settings_names_settings() -> None:
    text = (PLACE / "settings.example.env").read_text(encoding="utf-8")
    named = set(re.findall(r"(?m)^(\w+)=", text))
    assert "GLUONSERVE_SECRET" in named
    assert named - {setting for setting, *_ in describe_settings()} == set()


def test_a_stop_waits_longer_than_requests_may_take() -> None:
    graceful = int(SERVICES["api"]["environment"]["GLUONSERVE_GRACEFUL_TIMEOUT"])
    assert read_seconds(SERVICES["api"]["stop_grace_period"]) > graceful
    assert read_seconds(SERVICES["nginx"]["stop_grace_period"]) > graceful


def test_nginx_and_the_server_meet_at_one_socket() -> None:
    bind = SERVICES["api"]["environment"]["BIND"]
    upstream = re.findall(r"(?m)^server (\S+)", (PLACE / "nginx" / "upstream.conf").read_text(encoding="utf-8"))
    assert upstream == [bind] * 3
    mounts = [service["volumes"] for service in (SERVICES["api"], SERVICES["nginx"])]
    assert all("socket:/run/gluonserve" in volumes for volumes in mounts)
    assert SERVICES["api"]["environment"]["GLUONSERVE_PROXIES"] == "1"


def test_every_file_that_is_mounted_is_there_or_made_by_hand() -> None:
    sources = [volume.split(":")[0] for volume in SERVICES["nginx"]["volumes"] if volume.startswith(".")]
    assert [source for source in sources if not (PLACE / source).exists()] == ["./tls"]
