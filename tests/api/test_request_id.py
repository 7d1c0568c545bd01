from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.api.builders import ROW


@pytest.mark.parametrize(
    "sane", ["a", "order-17", "7b1f9b9c-7f0e-4f43-9a0f-1f1d6f3f7f10", "Root=1-67891233:a/b+c@d", "x" * 128]
)
def test_a_sane_id_of_the_caller_is_kept(client: FlaskClient, sane: str) -> None:
    answer = client.post("/predict", json={"data": [ROW]}, headers={"X-Request-ID": sane})

    assert answer.headers.getlist("X-Request-ID") == [sane]
    assert answer.get_json()["request_id"] == sane


@pytest.mark.parametrize("odd", ["", " ", "two words", "x" * 129, "<script>", '"', "é", "a,b", "\x1b[31m", "a\tb"])
def test_another_id_is_replaced(client: FlaskClient, odd: str) -> None:
    answer = client.get("/nowhere", environ_overrides={"HTTP_X_REQUEST_ID": odd})

    given = answer.headers["X-Request-ID"]
    assert given != odd
    assert len(given) == 32
    assert answer.get_json()["request_id"] == given


def test_requests_without_an_id_get_different_ones(client: FlaskClient) -> None:
    ids = {client.get("/health").headers["X-Request-ID"] for _ in range(20)}

    assert len(ids) == 20
