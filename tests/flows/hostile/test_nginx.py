"""The configuration of nginx: which headers reach the server, who is asked twice, and errors of its own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.bench.hostile.fuzzing.answers import AnswerJudge
from tests.bench.hostile.fuzzing.exchange import Attack, Target
from tests.bench.servers.nginx import running_nginx

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Request-ID: r1\r\n\r\nok"


class Upstream:
    """Keeps the requests that reach it. While `deaths` are left it closes connections without an answer, as a worker
    does that is killed."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.deaths = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def read_headers(self) -> dict[str, list[str]]:
        """Of the last request, the values by name."""
        lines = self.received[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        pairs = [line.split(": ", 1) for line in lines]
        return {name.lower(): [value for other, value in pairs if other == name] for name, _ in pairs}

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.received.append(connection.recv(1 << 16))
                self.deaths -= 1
                if self.deaths < 0:
                    connection.sendall(OK)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    started = Upstream()
    yield started
    started.close()


@pytest.fixture(scope="module")
def nginx(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    home = tmp_path_factory.mktemp("nginx") / "home"
    with running_nginx(home, upstream=upstream.address) as address:
        yield address


@pytest.fixture
def url(nginx: tuple[str, int], upstream: Upstream) -> str:
    upstream.received.clear()
    upstream.deaths = 0
    return f"http://{nginx[0]}:{nginx[1]}"


def test_what_callers_say_of_themselves_does_not_reach_the_server(url: str, upstream: Upstream) -> None:
    lies = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Real-IP": "192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Host": "other.example",
        "X-Forwarded-Prefix": "/admin",
        "Forwarded": "for=192.0.2.1",
        "Script_Name": "/admin",
        "Remote_User": "root",
    }
    assert requests.get(f"{url}/health", headers={**lies, "X-API-Key": "kept"}, timeout=10).status_code == 200
    headers = upstream.read_headers()
    assert [headers[name] for name in ("x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-api-key")] == [
        ["127.0.0.1"],
        ["127.0.0.1"],
        ["http"],
        ["kept"],
    ]
    said = {value for values in headers.values() for value in values}
    assert said & set(lies.values()) == set()


@pytest.mark.parametrize(("sent", "kept"), [("order-4711", True), ("two words", False), ("a" * 129, False)])
def test_a_sane_request_id_is_passed_on_and_any_other_replaced(
    url: str, upstream: Upstream, sent: str, kept: bool
) -> None:
    requests.get(f"{url}/health", headers={"X-Request-ID": sent}, timeout=10)
    (id,) = upstream.read_headers()["x-request-id"]
    assert (id == sent) is kept
    assert id


@pytest.mark.parametrize(
    ("method", "path", "status", "asked"),
    [("POST", "/predict", 200, 2), ("POST", "/keys", 503, 1), ("POST", "/models/rollback", 503, 1)],
)
def test_only_predictions_are_asked_for_again_when_a_worker_dies(
    url: str, upstream: Upstream, method: str, path: str, status: int, asked: int
) -> None:
    upstream.deaths = 1
    assert requests.request(method, url + path, json={}, timeout=10).status_code == status
    assert len(upstream.received) == asked


def test_a_prediction_that_kills_its_worker_is_asked_for_three_times_and_no_more(url: str, upstream: Upstream) -> None:
    upstream.deaths = 10
    answer = requests.post(f"{url}/predict", json={}, timeout=10)
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"G\0T /health HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 16000001\r\n\r\n", 413),
        (b"GET /models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_what_nginx_refuses_itself_has_the_documented_shape(
    nginx: tuple[str, int], url: str, upstream: Upstream, payload: bytes, status: int
) -> None:
    answer = Target(name="nginx", address=nginx).send(Attack(kind="one", payload=payload))
    assert answer.status == status
    assert list(AnswerJudge().list_faults(answer)) == []
    assert len(upstream.received) == (status == 200)


def test_each_request_is_a_line_of_json_with_its_id(upstream: Upstream, tmp_path: Path) -> None:
    upstream.deaths = 1
    with running_nginx(tmp_path / "home", upstream=upstream.address, logs_requests=True) as address:
        headers = {"X-Request-ID": "order-4711"}
        requests.post(f"http://{address[0]}:{address[1]}/predict?secret=1", json={}, headers=headers, timeout=10)
        requests.get(f'http://{address[0]}:{address[1]}/"quoted"', timeout=10)
    text = (tmp_path / "home" / "access.log").read_text()
    first, second = (json.loads(line) for line in text.splitlines())
    assert (first["request_id"], first["method"], first["path"], first["status"]) == (
        "order-4711",
        "POST",
        "/predict",
        200,
    )
    assert len(first["upstream_seconds"].split(",")) == 2
    assert second["path"] == '/"quoted"'
    assert "secret" not in text


def test_a_server_that_is_not_there_is_answered_for(tmp_path: Path) -> None:
    with running_nginx(tmp_path / "home", upstream="127.0.0.1:9") as address:
        answer = requests.get(f"http://{address[0]}:{address[1]}/health", timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"


def make_certificate(path: Path) -> Path:
    """A certificate of this machine, with its private key, that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path


def test_browsers_are_told_to_stay_with_tls_where_there_is_tls(url: str, upstream: Upstream, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certificate.pem")
    with running_nginx(tmp_path / "home", upstream=upstream.address, certificate=certificate) as address:
        answers = [
            requests.get(f"https://{address[0]}:{address[1]}{path}", verify=str(certificate), timeout=10)
            for path in ("/health", "/-/unreadable")
        ]
    assert [answer.headers["Strict-Transport-Security"] for answer in answers] == ["max-age=31536000"] * 2
    assert upstream.read_headers()["x-forwarded-proto"] == ["https"]
    assert "Strict-Transport-Security" not in requests.get(f"{url}/health", timeout=10).headers
