from __future__ import annotations

import socket
import time

import pytest
from flask.testing import FlaskClient

from app.api.deadline import measure_wait_ms
from app.wiring.services import Services
from tests.api.builders import ROW, BrokenExecutor, make_loaded_release


@pytest.mark.parametrize("text", ["1", "600000", "007"])
def test_a_caller_says_how_long_an_answer_is_of_use(client: FlaskClient, text: str) -> None:
    answer = client.post("/predict", json={"data": [ROW]}, headers={"X-Request-Timeout-Ms": text})
    assert answer.status_code in ((200,) if text != "1" else (200, 504))


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "600001", "1e3", "٣", "1 000", "9" * 5000, "nan"])
def test_what_is_no_timeout_is_refused_before_the_body_is_read(client: FlaskClient, text: str) -> None:
    answer = client.post(
        "/predict", data=b"{", content_type="application/json", headers={"X-Request-Timeout-Ms": text.encode()}
    )
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_timeout")


def test_what_is_due_already_is_answered_504_without_a_prediction(client: FlaskClient, services: Services) -> None:
    # The model would answer 500, and the body takes longer to read than the request has.
    services.active.current = make_loaded_release(BrokenExecutor())
    client.application.config["REQUEST_TIMEOUT_MS"] = 0
    answer = client.post("/predict", json={"data": [ROW]}, headers={"X-Request-ID": "order-17"})
    assert answer.status_code == 504
    assert answer.content_type == "application/problem+json"
    assert answer.get_json() == {
        "type": "/docs/errors#deadline_exceeded",
        "title": "Not answered in time",
        "status": 504,
        "detail": "The request could not be answered in the time that it had; nothing was predicted.",
        "error": "deadline_exceeded",
        "request_id": "order-17",
    }


def test_the_kernel_knows_how_long_a_request_has_been_here() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        time.sleep(0.1)
        accepted, _ = listener.accept()
        with accepted:
            assert measure_wait_ms(accepted) >= 80


def test_of_a_unix_socket_nothing_is_known() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert measure_wait_ms(near) == 0
