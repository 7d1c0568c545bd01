from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from flask import Flask, Response

from app.api.responses import AnswerHeaders, answer_json


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


EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Request-ID": "r1",
}


def ask_with_headers(app: Flask, path: str, *, guarded: bool = True) -> Mapping[str, str]:
    """The headers of an answer, in the middleware or, to show what it is for, without it."""
    if guarded:
        app.wsgi_app = AnswerHeaders(app.wsgi_app)  # type: ignore[method-assign]
    return dict(app.test_client().get(path, headers={"X-Request-ID": "r1"}).headers.to_wsgi_list())


@pytest.mark.parametrize("path", ["/nowhere", "/static/x", "/broken", "/fine"])
def test_no_answer_goes_out_without_the_headers(path: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/broken", "broken", view_func=lambda: str(1 / 0))
    app.add_url_rule("/fine", "fine", view_func=lambda: answer_json({}))
    assert ask_with_headers(app, path, guarded=False).items().isdisjoint(EVERY_ANSWER.items())
    assert ask_with_headers(app, path).items() >= EVERY_ANSWER.items()


def test_an_answer_may_set_a_header_of_its_own_once() -> None:
    app = Flask(__name__)
    own = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'self'", "X-Request-ID": "own"}
    app.add_url_rule("/page", view_func=lambda: answer_json({}, headers=own))
    app.wsgi_app = AnswerHeaders(app.wsgi_app)  # type: ignore[method-assign]
    headers = app.test_client().get("/page").headers.to_wsgi_list()
    assert sorted(headers) == sorted(
        {"Content-Type": "application/json", "Content-Length": "2", **EVERY_ANSWER, **own}.items()
    )
