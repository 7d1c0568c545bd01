from __future__ import annotations

import numpy as np
import pytest
from flask import Flask, Response

from app.api.responses import answer_json


def test_numbers_of_numpy_are_numbers() -> None:
    with Flask(__name__).test_request_context():
        answer = answer_json({"labels": [np.int64(3), np.float32(0.5)], "flag": np.bool_(True)})

    assert answer.data == b'{"labels":[3,0.5],"flag":true}'
    assert answer.content_type == "application/json"


def test_text_is_sent_as_utf8() -> None:
    with Flask(__name__).test_request_context():
        assert answer_json({"label": "да 👍"}).data == '{"label":"да 👍"}'.encode()


def answer_with_headers() -> Response:
    return answer_json({"label": "é"}, status=503, media_type="application/problem+json", headers={"Retry-After": "5"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_answer_goes_out_as_werkzeug_would_send_it(method: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/ours", view_func=answer_with_headers, methods=["GET", "POST"])
    app.add_url_rule(
        "/plain",
        view_func=lambda: Response(answer_with_headers().data, 503, answer_with_headers().headers),
        methods=["GET", "POST"],
    )

    ours, plain = (app.test_client().open(path, method=method) for path in ("/ours", "/plain"))

    assert (ours.status, ours.headers.to_wsgi_list(), ours.data) == (
        plain.status,
        plain.headers.to_wsgi_list(),
        plain.data,
    )
    assert ours.headers["Content-Length"] == "14"
    assert len(ours.data) == (0 if method == "HEAD" else 14)
