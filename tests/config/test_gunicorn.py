"""gunicorn with this configuration: what it is told, what it writes and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from gunicorn.config import Config

from tests.config.logging.test_configuration import LINE
from tests.rules.repository import ROOT

GUNICORN = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "config" / "gunicorn.py")]
# Answers with the threads that its worker allows to OpenMP, after the time that the query asks for.
APPLICATION = """
import os, time
def app(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [("X-Request-ID", "abc")])
    return [os.environ["OMP_NUM_THREADS"].encode()]
"""


def make_environ(home: Path, **settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "GLUONSERVE_HOME": str(home),
        "PYTHONPATH": str(home),
        "GLUONSERVE_MONITOR": "off",
        "GLUONSERVE_DRAIN_SECONDS": "0",
        **settings,
    }


def read_configuration(home: Path, **settings: str) -> dict[str, object]:
    source = "import json, config.gunicorn as c; print(json.dumps(vars(c), default=str))"
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env=make_environ(home, **settings),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name: value
        for name, value in json.loads(done.stdout).items()
        if not name.startswith("_") and name.islower() and not str(value).startswith(("<function", "<module"))
    }


@contextmanager
def running_server(home: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """gunicorn with a small application, and its address."""
    (home / "tiny.py").write_text(APPLICATION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environ = make_environ(home, BIND=address, WEB_CONCURRENCY="1", **settings)
    server = subprocess.Popen([*GUNICORN, "tiny:app"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_it_listens(address)
        yield server, f"http://{address}/"
    finally:
        server.kill()
        server.communicate()


def wait_until_it_listens(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(address)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        content: bytes = answer.read()
    return content


def test_every_name_is_a_setting_of_gunicorn(tmp_path: Path) -> None:
    # gunicorn ignores names that it does not know.
    assert read_configuration(tmp_path).keys() - Config().settings.keys() == set()


def test_the_settings_of_the_service_reach_gunicorn(tmp_path: Path) -> None:
    read = read_configuration(
        tmp_path,
        BIND="0.0.0.0:80",
        WEB_CONCURRENCY="3",
        GLUONSERVE_THREADS="5",
        GLUONSERVE_GRACEFUL_TIMEOUT="7",
    )
    assert read["bind"] == "0.0.0.0:80"
    assert (read["workers"], read["threads"], read["graceful_timeout"]) == (3, 5, 7)


def test_a_worker_holds_no_more_connections_than_it_can_answer(tmp_path: Path) -> None:
    read = read_configuration(tmp_path, GLUONSERVE_THREADS="5")
    assert (read["worker_connections"], read["keepalive"], read["preload_app"]) == (5, 0, False)


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"GLUONSERVE_ENV": "production"}, "Production needs GLUONSERVE_SECRET"),
        ({"GLUONSERVE_SECRET": "short"}, "GLUONSERVE_SECRET holds 5 characters"),
        ({"BIND": "8000"}, "BIND='8000': expected HOST:PORT"),
        ({"GLUONSERVE_NONSENSE": "1"}, "GLUONSERVE_NONSENSE is not a setting"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_sentence(tmp_path: Path, settings: dict[str, str], start: str) -> None:
    done = subprocess.run(
        GUNICORN, cwd=ROOT, env=make_environ(tmp_path, **settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(start)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [None, "raise SystemExit('of another project')"])
def test_packages_of_the_same_names_in_the_working_directory_are_left_alone(
    tmp_path: Path, content: str | None
) -> None:
    for name in ("app", "config"):
        (tmp_path / name).mkdir()
        if content:
            (tmp_path / name / "__init__.py").write_text(content)
    (tmp_path / "tiny.py").write_text("import app.errors, config.settings" + APPLICATION)
    done = subprocess.run(
        [*GUNICORN, "--check-config", "tiny:app"],
        cwd=tmp_path,
        env={**make_environ(tmp_path), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_one_line_says_what_was_chosen_and_why(tmp_path: Path) -> None:
    with running_server(tmp_path, GLUONSERVE_THREADS="5") as (server, url):
        get(url)
        server.send_signal(signal.SIGHUP)
        server.send_signal(signal.SIGTERM)
        written = server.communicate(timeout=20)[1].splitlines()
    (event,) = [event for line in written if "threads" in (event := orjson.loads(line))["message"]]
    assert (event["level"], event["logger"], event["process"]) == ("INFO", "gunicorn.error", server.pid)
    assert re.fullmatch(
        r"1 worker( \(set; the host suggests \d+\))? x "
        r"5 threads \(set; the host suggests 16\): [\d.]+ cores by .+, [\d.]+ GB by .+, no release is active.+; "
        r"WEB_CONCURRENCY and GLUONSERVE_THREADS override\.",
        event["message"],
    )


def test_a_worker_runs_one_thread_per_library(tmp_path: Path) -> None:
    with running_server(tmp_path, OMP_NUM_THREADS="8") as (_, url):
        assert get(url) == b"1"


def test_a_stop_lets_a_request_under_way_finish(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, url):
        get(url)
        client = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen('{url}?1.5').status)"],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.8)
        server.send_signal(signal.SIGTERM)
        assert client.communicate(timeout=20)[0] == "200\n"
        assert server.wait(timeout=20) == 0


def write_log(home: Path, **settings: str) -> list[str]:
    """All lines of a server that answers one request."""
    with running_server(home, **settings) as (server, url):
        get(url + "a?0")
        server.send_signal(signal.SIGTERM)
        return server.communicate(timeout=20)[1].rstrip("\n").split("\n")


@pytest.mark.parametrize(("access_log", "count"), [("off", 0), ("on", 1)])
def test_everything_written_is_one_object_per_event(tmp_path: Path, access_log: str, count: int) -> None:
    events = [orjson.loads(line) for line in write_log(tmp_path, GLUONSERVE_ACCESS_LOG=access_log)]
    assert [
        event for event in events if not {"timestamp", "level", "logger", "process", "message"} <= event.keys()
    ] == []
    assert any(event["logger"] == "gunicorn.error" for event in events)
    requests = [event for event in events if event["logger"] == "gunicorn.access"]
    assert len(requests) == count
    for event in requests:
        assert (event["message"], event["ms"] >= 0) == ("GET /a 200", True)
        told = {name: event[name] for name in ("request_id", "client", "method", "path", "status", "bytes")}
        assert told == {
            "request_id": "abc",
            "client": "127.0.0.1",
            "method": "GET",
            "path": "/a",
            "status": 200,
            "bytes": 1,
        }


def test_everything_written_for_people_is_one_line_per_event(tmp_path: Path) -> None:
    written = write_log(tmp_path, GLUONSERVE_ACCESS_LOG="on", LOG_FORMAT="text")
    assert [line for line in written if not LINE.fullmatch(line)] == []
    (request,) = [line for line in written if "gunicorn.access" in line]
    assert re.search(r'\] 127\.0\.0\.1 "GET /a" 200 1 bytes \d+ ms id=abc$', request)
