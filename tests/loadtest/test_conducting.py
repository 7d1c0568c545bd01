"""Load tests from order to report, against servers that are not what they should be."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.loadtest.conducting import conduct_load_test
from app.loadtest.refusals import LoadRefused
from app.loadtest.results.report import LoadReport
from app.loadtest.sending.run import Progress
from tests.loadtest.builders import make_order
from tests.loadtest.scripted_server import HEAD_END, answering, scripted_server, write_answer, write_problem
from tests.server import find_free_port

KEY = "gsk_12345678_secret"
SCHEMA = {"features": [{"name": "tenure"}, {"name": "contract"}], "unused": ["id"]}


class Audience:
    """Somebody who watches and remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.phases: list[tuple[str, float | None, int | None]] = []

    def show_note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, what: str, *, seconds: float | None, requests: int | None) -> None:
        self.phases.append((what, seconds, requests))

    def show_progress(self, progress: Progress) -> None:
        pass


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "churn.csv").write_text("tenure,contract,id,churn\n1,Two year,7,No\n2,One year,8,Yes\n")
    return tmp_path / "churn.csv"


def conduct(url: str, rows: Path, audience: Audience | None = None, **changes: Any) -> LoadReport:
    order = make_order(**{"url": url, "rows": rows, "key": KEY, "users": 2, "requests": 3, **changes})
    return conduct_load_test(order, audience or Audience())


def by_path(predictions: bytes, schema: bytes) -> Callable[[bytes], bytes]:
    return lambda request: schema if request.startswith(b"GET /model/schema ") else predictions


def test_columns_that_the_model_does_not_know_are_not_sent(rows: Path) -> None:
    audience = Audience()
    known = answering(by_path(write_answer(), write_answer(orjson.dumps(SCHEMA))))
    with scripted_server(known) as server:
        report = conduct(server.url, rows, audience)
    assert audience.notes == ["Not sent: id, churn."]
    assert audience.phases == [("Measuring", None, 6)]
    assert {request.partition(HEAD_END)[2] for request in server.requests[1:]} == {
        b'{"data":[{"tenure":"1","contract":"Two year"}]}',
        b'{"data":[{"tenure":"2","contract":"One year"}]}',
    }
    assert (report.figures.requests, report.figures.succeeded, report.rows) == (6, 6, 2)


def test_without_the_right_to_read_the_schema_only_what_was_named_is_left_out(rows: Path) -> None:
    refused = answering(by_path(write_answer(), write_problem(403, "permission_denied")))
    with scripted_server(refused) as server:
        conduct(server.url, rows, without=("churn", "id"))
    assert b'"churn"' not in server.requests[-1]
    assert b'{"tenure":"1","contract":"Two year"}' in b"".join(server.requests)


def test_another_path_gets_the_load_and_nothing_else_does(rows: Path) -> None:
    with scripted_server(answering()) as server:
        conduct(f"{server.url}/invocations", rows)
    assert {request.partition(b" HTTP")[0] for request in server.requests} == {b"POST /invocations"}


def test_what_the_warm_up_sends_does_not_count(rows: Path) -> None:
    audience = Audience()
    with scripted_server(answering()) as server:
        report = conduct(server.url, rows, audience, warm_up_seconds=0.2)
    assert [phase for phase, _, _ in audience.phases] == ["Warming up", "Measuring"]
    assert report.figures.requests == 6
    assert report.warm_up_requests > 0
    # Besides both: the look at the schema and the trial.
    assert len(server.requests) == 6 + report.warm_up_requests + 2


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (write_problem(401, "invalid_api_key", "The key is revoked."), "401 invalid_api_key: The key is revoked."),
        (write_answer(b"<p>", status="404 Not Found"), "The server answers 404."),
        (write_answer(status="301 X", headers="Location: http://elsewhere.example/\r\n"), "The server answers 301."),
        (b"nonsense", "The server gives no answer: answer is not HTTP."),
    ],
)
def test_a_server_that_refuses_every_request_gets_no_load(rows: Path, answer: bytes, sentence: str) -> None:
    with scripted_server(answering(answer)) as server, pytest.raises(LoadRefused) as refusal:
        conduct(server.url, rows)
    assert str(refusal.value).endswith(sentence)
    assert KEY not in str(refusal.value)
    assert len(server.requests) <= 2


def test_rows_that_a_model_refuses_are_failures_and_no_reason_to_stop(rows: Path) -> None:
    with scripted_server(answering(write_problem(422, "invalid_rows"))) as server:
        report = conduct(server.url, rows)
    assert [(each.kind, each.count) for each in report.figures.failures] == [("422 invalid_rows", 6)]


def test_where_nobody_listens_a_sentence_says_so(rows: Path) -> None:
    port = find_free_port()
    with pytest.raises(LoadRefused, match=f"Nobody answers at 127.0.0.1:{port}: connection refused"):
        conduct(f"http://127.0.0.1:{port}", rows)


def test_a_report_holds_no_key(rows: Path) -> None:
    with scripted_server(answering()) as server:
        report = conduct(server.url, rows)
    assert any(KEY.encode() in request for request in server.requests)
    assert KEY not in repr(report)
    assert KEY not in orjson.dumps(report.to_document()).decode()


def test_cautions_name_what_makes_figures_say_less(rows: Path) -> None:
    with scripted_server(answering()) as server:
        report = conduct(server.url, rows, requests=10)
    assert "2 different rows were sent 10.0 times each: a cache would answer repetitions." in report.notes


def make_certificate(path: Path) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "load test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + pem)
    path.with_suffix(".crt").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_server_with_a_trusted_certificate_is_loaded_over_tls(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = make_certificate(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
    with scripted_server(answering(), tls=tls) as server:
        report = conduct(server.url, rows)
    assert server.url.startswith("https:")
    assert report.figures.succeeded == 6


def test_a_certificate_that_nobody_trusts_ends_it_before_the_key_is_sent(rows: Path, tmp_path: Path) -> None:
    with (
        scripted_server(answering(), tls=make_certificate(tmp_path / "server.pem")) as server,
        pytest.raises(LoadRefused, match="certificate not accepted"),
    ):
        conduct(server.url, rows)
    assert server.requests == []
