"""The bytes of requests."""

from __future__ import annotations

import pytest

from app.loadtest.refusals import InvalidTarget
from app.loadtest.sending.requests import PredictionRequests, check_key, write_get, write_post_head
from app.loadtest.sending.target import Target, read_target

KEY = "gsk_12345678_secret"
TARGET = read_target("http://127.0.0.1:8000")


def test_a_request_holds_the_next_rows_around_the_end_of_the_file() -> None:
    rows = [b'{"a":0}', b'{"a":1}', b'{"a":2}']
    requests = PredictionRequests(rows, write_post_head(TARGET, key=KEY), rows_per_request=2)
    head, _, body = requests.make(0).partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /predict HTTP/1.1",
        "Host: 127.0.0.1:8000",
        "User-Agent: gluonserve-loadtest",
        "Accept: application/json",
        f"X-API-Key: {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    assert body == b'{"data":[{"a":0},{"a":1}]}'
    assert requests.make(1).endswith(b'{"data":[{"a":2},{"a":0}]}')


def test_more_rows_than_the_file_has_are_sent_several_times() -> None:
    requests = PredictionRequests([b"1", b"2"], b"", rows_per_request=5)
    assert requests.make(0).endswith(b'{"data":[1,2,1,2,1]}')


def test_a_request_asks_for_a_new_connection_and_sends_no_key_where_it_should_not() -> None:
    head = write_post_head(TARGET, key=None, keep_alive=False).decode()
    assert "Connection: close\r\n" in head
    assert "X-API-Key" not in head


def test_another_path_of_the_same_server_is_asked_with_the_same_key() -> None:
    request = write_get(TARGET, "/model/schema", key=KEY).decode()
    assert request.startswith("GET /model/schema HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")
    assert f"X-API-Key: {KEY}\r\n" in request
    assert request.endswith("\r\n\r\n")


def test_a_key_from_a_file_loses_the_end_of_its_line() -> None:
    assert check_key(f"{KEY}\n") == KEY


@pytest.mark.parametrize("key", ["gsk\r\nX-Evil: 1", "two words", "ключ", "gsk\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(InvalidTarget) as refusal:
        check_key(key)
    assert key not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8000", Target("http", "127.0.0.1", 8000, "/predict")),
        ("https://Models.example.com/", Target("https", "models.example.com", 443, "/predict")),
        ("http://[::1]:8000/invocations", Target("http", "::1", 8000, "/invocations")),
        ("http://bücher.example/a b?c=d", Target("http", "xn--bcher-kva.example", 80, "/a%20b?c=d")),
    ],
)
def test_an_address_is_read_in_its_parts(url: str, target: Target) -> None:
    assert read_target(url) == target


def test_an_address_is_shown_as_a_url() -> None:
    assert read_target("http://[::1]:8000/x").url == "http://[::1]:8000/x"
    assert read_target("https://example.com:443").url == "https://example.com/predict"


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8000", "ftp://example.com", "http://", "http://user:secret@example.com", "http://x:99999", "http://[x"],
)
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InvalidTarget) as refusal:
        read_target(url)
    assert "secret" not in str(refusal.value)
