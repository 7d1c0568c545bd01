"""What must not be written is not, wherever it stands; what an operator needs stays."""

from __future__ import annotations

import time

import pytest

from app.errors import ReleaseUnusable
from app.security.keys.format import make_key_text
from config.redaction import LEFT_OUT, MOST_CHARACTERS, Redaction, describe_exception

CANARY = "Canary7Value"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLUNhbmFyeTdWYWx1ZQ"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key gsk_58go1ep1_Q4R6u2AU4WCaYUoa25HdJ2A3d5OmUZkt_3aLQvM refused", "key gsk_58go1ep1_*** refused"),
        ("gsk_58go1ep1_Q4R6", "gsk_58go1ep1_***"),
        ("gsk_Canary7Value", "gsk_***"),
        (f"token {TOKEN}, refused", "token ***, refused"),
        (TOKEN.rpartition(".")[0] + ".", "***"),
        ("Authorization: Bearer Canary7Value", "Authorization: ***"),
        ("{'Authorization': 'Basic Canary7Value', 'Host': 'a'}", "{'Authorization': '***', 'Host': 'a'}"),
        ("('X-API-KEY', 'Canary7Value')", "('X-API-KEY', ***)"),
        ("HTTP_X_API_KEY=Canary7Value", "HTTP_X_API_KEY=***"),
        ("sent bearer Canary7Value.Canary7Value", "sent bearer ***"),
        ("postgresql+psycopg://shop:Canary7Value@db:5432/shop", "postgresql+psycopg://shop:***@db:5432/shop"),
        ("redis://:Canary7@Value@cache:6379/0", "redis://:***@cache:6379/0"),
        ("https://Canary7Value@git.example/x", "https://***@git.example/x"),
        ("host=db password=Canary7Value user=shop", "host=db password=*** user=shop"),
        ("password='Canary7 Value' user=shop", "password=*** user=shop"),
        ("{'smtp_password': 'Canary7Value'}", "{'smtp_password': ***}"),
        ("GET /a?sig=Canary7Value&b=1", "GET /a?sig=***&b=1"),
        ("https://hooks.slack.com/services/T0/B0/Canary7Value failed", "https://hooks.slack.com/*** failed"),
        ("https://alerts.example:8443/incoming-webhook/Canary7Value", "https://alerts.example:8443/***"),
        (
            "Max retries exceeded with url: /services/T0/B0/Canary7Value (Caused by",
            "Max retries exceeded with url: ***",
        ),
        ("Error handling request POST /predict?age=Canary7Value", "Error handling request POST /predict?***"),
    ],
)
def test_a_credential_is_masked_and_its_surroundings_stay(text: str, masked: str) -> None:
    assert Redaction().mask(text).startswith(masked)
    assert CANARY not in Redaction().mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "Serving churn version 3.",
        "API key 58go1ep1 of billing is revoked.",
        "Production needs GLUONSERVE_SECRET, at least 32 random characters that stay the same",
        "2 workers x 4 threads: 2 cores by cgroup cpu.max; WEB_CONCURRENCY and GLUONSERVE_THREADS override.",
        "The database postgresql+psycopg://db:5432/shop cannot be used: connection refused.",
        "see https://gluonserve.example/docs/errors#not_found",
        '127.0.0.1 "GET /health/ready" 200 15 bytes 1 ms id=ad8956ee3dbf38b6de39a3480f5e0f9c',
        'File "/srv/app/security/keys/verifier.py", line 12, in check_secret',
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert Redaction(["a secret of this installation"]).mask(text) == text


def test_every_key_that_is_made_is_masked() -> None:
    for _ in range(200):
        key = make_key_text()
        assert Redaction().mask(f"<{key}>") == f"<gsk_{key.id}_***>"


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("correct horse battery", "it is (correct horse battery)", "it is (***)"),
        ("postgresql://shop:s3cret%40word@db/shop", "FATAL: s3cret@word", "FATAL: ***"),
        ("postgresql://shop:s3cret%40word@db/shop", "FATAL: s3cret%40word for shop", "FATAL: *** for shop"),
        ("https://alerts.example/T0/B0?k=9", "POST /T0/B0?k=9 timed out", "POST *** timed out"),
        ("a.b*c+d(e", "a.b*c+d(e, aXbbcd(e", "***, aXbbcd(e"),
    ],
)
def test_a_secret_of_the_installation_is_masked_whatever_it_looks_like(secret: str, text: str, masked: str) -> None:
    assert Redaction([secret]).mask(text) == masked
    assert Redaction().mask(text) == text


def test_a_file_of_sqlite_is_no_secret() -> None:
    assert Redaction(["sqlite:////srv/gluonserve/gluonserve.db"]).mask("/srv/gluonserve/gluonserve.db is locked") == (
        "/srv/gluonserve/gluonserve.db is locked"
    )


def test_a_long_text_is_cut_without_a_part_of_a_credential() -> None:
    url = f"postgresql://shop:{CANARY * 20}@db/shop"
    for shift in range(0, 400, 7):
        masked = Redaction().mask("x" * (MOST_CHARACTERS - shift) + " " + url + "y" * 5000)
        assert CANARY not in masked
        assert masked.endswith(f" [cut, {MOST_CHARACTERS - shift + 1 + len(url) + 5000} characters]")


@pytest.mark.parametrize(
    "piece",
    ["://a:", "gsk_", "eyJ", "authorization", "password=", "bearer  ", "https://h/", "?key", "a", "://@", "'\""],
)
def test_a_hostile_line_takes_linear_time(piece: str) -> None:
    def measure(size: int) -> float:
        text, best = piece * (size // len(piece)), float("inf")
        for _ in range(5):
            began = time.thread_time()
            Redaction(["another secret"]).mask(text)
            best = min(best, time.thread_time() - began)
        return best

    assert measure(MOST_CHARACTERS) < 4 * 4 * measure(MOST_CHARACTERS // 4) + 0.002


def fail_with(error: BaseException, cause: BaseException | None = None) -> str:
    try:
        raise error from cause
    except type(error) as raised:
        return describe_exception(raised)


def test_the_text_of_a_library_is_left_out_and_its_place_stays() -> None:
    described = fail_with(ValueError(f"could not convert string to float: {CANARY!r}"))
    assert described.endswith(f"\nValueError: {LEFT_OUT}")
    assert f'File "{__file__}"' in described
    assert "in fail_with" in described
    assert CANARY not in described


def test_the_whole_chain_of_an_exception_is_told() -> None:
    described = fail_with(ReleaseUnusable("Version 3: its plan cannot be used."), cause=KeyError(CANARY))
    assert [line for line in described.split("\n") if line and not line.startswith((" ", "Traceback"))] == [
        f"KeyError: {LEFT_OUT}",
        "The above exception was the direct cause of the following exception:",
        "app.errors.ReleaseUnusable: Version 3: its plan cannot be used.",
    ]


def test_an_exception_on_the_way_of_another_is_told() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError:
            fail: dict[str, int] = {}
            fail["b"]
    except KeyError as error:
        described = describe_exception(error)
    assert described.count(f"KeyError: {LEFT_OUT}") == 2
    assert "During handling of the above exception" in described


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", f"/srv/{CANARY}"), "OSError: [Errno 28] No space left on device"),
        (OSError(CANARY), f"OSError: {LEFT_OUT}"),
        (ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), "ModuleNotFoundError: psycopg"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_what_the_system_says_stays(error: BaseException, line: str) -> None:
    assert fail_with(error).endswith(f"\n{line}")


def test_an_exception_that_causes_itself_ends() -> None:
    first, second = KeyError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert describe_exception(first).count("KeyError") == 2
