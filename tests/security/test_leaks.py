"""Whatever fails, no credential and no value of a request is written: failures, provoked with values to look for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.rules.repository import ROOT
from tests.server import RunningServer, find_free_port, running_server

CANARY = "Canary7Value"
SECRET = f"{CANARY}-of-this-installation-and-of-no-other"
KEY = "gsk_58go1ep1_Canary7ValueQ4R6u2AU4WCaYUoa25Hd_3aLQvM"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDYW5hcnk3VmFsdWUifQ.Canary7Value"

# A model that fails on a row and says on which; the lines on stderr are the log, those on stdout the answers.
FAILING_MODEL = """
import logging, sys, threading
from pathlib import Path
from app import create_app
from app.errors import PredictionFailed
from app.wiring.services import build_services
from tests.api.builders import ROW, make_key, make_loaded_release, make_settings

class QuotingExecutor:
    def predict(self, rows):
        try:
            raise ValueError(f"cannot convert {rows!r}")
        except ValueError as fault:
            if "One year" in str(rows):
                raise
            raise PredictionFailed("The model could not predict these rows.") from fault

settings = make_settings(Path(sys.argv[1]), log_level="DEBUG", log_format=sys.argv[2])
services = build_services(settings)
services.active.current = make_loaded_release(QuotingExecutor())
client = create_app(settings, services).test_client()
if "unguarded" in sys.argv:
    logging.getLogger().handlers[0].setFormatter(logging.Formatter())
client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict", "model_info").text
row = {**ROW, "contract": "Canary7Value"}
for data in ([row], [row, {**row, "contract": "One year"}], [{**row, "tenure": "Canary7Value"}], ["Canary7Value"]):
    print(client.post("/predict", json={"data": data}).text)
print(client.post("/predict", data=b'{"data": [{"Canary7Value', content_type="application/json").text)
threading.Thread(target=float, args=["Canary7Value"]).start()
services.close()
float("Canary7Value")
"""


def run_failing_model(home: Path, log_format: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FAILING_MODEL, str(home), log_format, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_prediction_that_fails_leaves_no_value_in_log_or_answer(tmp_path: Path, log_format: str) -> None:
    done = run_failing_model(tmp_path, log_format)
    assert CANARY not in done.stderr
    assert CANARY not in done.stdout
    assert sum("ValueError: [text left out" in line for line in done.stderr.splitlines()) == 4
    assert "app.errors.PredictionFailed: The model could not predict these rows." in done.stderr
    assert [line.count('"status":500') for line in done.stdout.splitlines()] == [1, 1, 0, 0, 0]


def test_without_the_formatter_the_same_failures_are_full_of_values(tmp_path: Path) -> None:
    # Else the test above would look for what nobody writes anyway.
    assert run_failing_model(tmp_path, "text", "unguarded").stderr.count(CANARY) >= 4


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"DATABASE_URL": f"postgresql+psycopg://shop:{CANARY}@127.0.0.1:PORT/shop"}, "The database postgresql"),
        ({"DATABASE_URL": f"postgresql://shop@127.0.0.1:PORT/shop?password={CANARY}"}, "The database postgresql"),
        ({"DATABASE_URL": f"mysql://shop:{CANARY}@127.0.0.1/shop"}, "DATABASE_URL names the unknown database"),
        ({"DATABASE_URL": f"postgresql://shop:{CANARY}@127.0.0.1:x/shop"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": CANARY}, "DATABASE_URL is not a database URL"),
        ({"GLUONSERVE_SECRET": CANARY}, "GLUONSERVE_SECRET holds 12 characters"),
    ],
)
def test_a_setting_that_is_refused_is_not_shown(tmp_path: Path, settings: dict[str, str], start: str) -> None:
    port = str(find_free_port())
    variables = {name: value.replace("PORT", port) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"],
        cwd=ROOT,
        env={**os.environ, "GLUONSERVE_HOME": str(tmp_path), "LOG_LEVEL": "DEBUG", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"Error: {start}")
    assert CANARY not in done.stdout + done.stderr


def offer_credentials(server: RunningServer) -> list[str]:
    """Send credentials and values to every place of a request where a caller may put them; return the answers."""
    answers = [
        requests.post(f"{server.url}{path}", headers=headers, data=body, timeout=30)
        for path in ("/predict", f"/predict?api_key={KEY}&name={CANARY}", f"/models/{KEY}/activate", f"/keys/{KEY}")
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Basic {CANARY}"})
        for body in (b"", b'{"data": [{"a": "Canary7Value', b"Canary7Value\0" * 9)
    ]
    return [answer.text + str(answer.headers) for answer in answers]


def send_raw(server: RunningServer, request: bytes) -> bytes:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


MALFORMED = (
    f'{{"data": [{{"age": "{CANARY}"}}]}}\r\n\r\n',
    f"GET / HTTP/1.1\r\nX API Key: {KEY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nAuthorization : Bearer {TOKEN}\r\n\r\n",
    f"GET / HTTP/9.{CANARY}\r\n\r\n",
    f"{CANARY} / HTTP/1.1\r\n\r\n",
    f"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    f"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {CANARY}\r\n\r\n",
)


def test_a_server_at_its_most_talkative_writes_no_credential(tmp_path: Path) -> None:
    talkative = {"LOG_LEVEL": "DEBUG", "GLUONSERVE_ACCESS_LOG": "on", "GLUONSERVE_SECRET": SECRET}
    with running_server(tmp_path, environment=talkative) as server:
        answers = offer_credentials(server)
        for request in MALFORMED:
            send_raw(server, request.encode())
        for leftover in tmp_path.glob("gluonserve.db*"):
            leftover.write_bytes(b"no database any more" * 99)
        answers += offer_credentials(server)
        commands = [" ".join(psutil.Process(pid).cmdline()) for pid in (server.process.pid, *server.workers())]
        headers = server.get("/nowhere").headers
    log = "\n".join(server.log_lines())
    assert headers["Server"] == "gunicorn"
    assert '"level":"DEBUG"' in log
    assert log.count("gsk_58go1ep1_***") >= 2
    assert log.count("A request from 127.0.0.1 cannot be read") >= 5
    assert CANARY not in log + "\n".join(commands)
    assert not [answer for answer in answers if CANARY in answer or SECRET in answer]
