from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from gunicorn.config import Config
from gunicorn.http.body import Body
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from app.api.bodies.reading import limit_bodies, parse_json
from app.errors import BadRequest
from tests.api.builders import ROW

JSON = {"Content-Type": "application/json"}
LIMITS = limit_bodies(megabytes=1, depth=200, rows=100)

STOPPED = "The body is not JSON: reading stopped at line 1, column N."
NOT_JSON = {
    b"": "The body is empty; a JSON document is expected.",
    b" \n": "The body is empty; a JSON document is expected.",
    b'{"data": [': STOPPED,
    b"{'data': []}": STOPPED,
    b'{"data": [{"a": NaN}]}': STOPPED,
    b'{"data": [{"a": Infinity}]}': STOPPED,
    b'{"data": [{"a": -Infinity}]}': STOPPED,
    b'{"data": [{"a": 1e999}]}': STOPPED,
    b'{"data": [{"a": 01}]}': STOPPED,
    b'{"data": []} {}': STOPPED,
    b'{"data": "\\ud800"}': STOPPED,
    b'{"data": "\xed\xa0\x80"}': "The body is not UTF-8: byte 10 cannot be read.",
    b'{"data": "\xff"}': "The body is not UTF-8: byte 10 cannot be read.",
    b'\xef\xbb\xbf{"data": []}': "The body starts with a byte order mark; JSON is sent without one.",
    '{"data": []}'.encode("utf-16"): "The body is not UTF-8: byte 0 cannot be read.",
    b"[" * 100_000: "The body is not JSON that can be read: it is nested too deeply.",
    b'{"a":' * 2000 + b"1" + b"}" * 2000: "The body is not JSON that can be read: it is nested too deeply.",
    b'{"a":' * 33 + b"1" + b"}" * 33: "The body is not JSON that can be read: it is nested too deeply.",
    b'{"data": [{"a": "\\u0000"}]}': "Text in the body holds the character NUL (\\u0000).",
    b'{"data": [{"\\u0000": 1}]}': "Text in the body holds the character NUL (\\u0000).",
    b'{"data": [{"a": "\\\\\\u0000"}]}': "Text in the body holds the character NUL (\\u0000).",
    b'{"data": [{"a": 1' + b"0" * 400 + b"}]}": STOPPED,
    '{"data": []}'.encode("utf-16-le"): STOPPED,
}

REPEATED_NAMES = {
    b'{"data": [], "data": [{}]}': "data",
    b'{"data": [{"tenure": 1, "tenure": 2}]}': "tenure",
    b'{"data": [{"tenure" : 1, "tenure"\t\n:2}]}': "tenure",
    b'{"data": [{"tenure": 1, "\\u0074enure": 2}]}': "tenure",
    b'{"data": [{"a": {"b": 1, "b": 2}}]}': "b",
    b'{"data": [{"note": "said \\": and :", "a": 1}, {"a": 1, "a": 1}]}': "a",
    b'{"data": [{"a": 1' + b"2" * 300 + b', "a": 2}]}': "a",
}

NOT_AN_ENVELOPE: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "a list": ([ROW], [{"row": None, "field": None, "message": "Expected a JSON object, got a list."}]),
    "text": ("rows", [{"row": None, "field": None, "message": "Expected a JSON object, got text."}]),
    "null": (None, [{"row": None, "field": None, "message": "Expected a JSON object, got null."}]),
    "no rows": ({}, [{"row": None, "field": "data", "message": "A list of rows is required."}]),
    "null for rows": (
        {"data": None},
        [{"row": None, "field": "data", "message": "Expected a list of rows, got null."}],
    ),
    "one row without a list": (
        {"data": ROW},
        [{"row": None, "field": "data", "message": "Expected a list of rows, got an object."}],
    ),
    "an empty list": ({"data": []}, [{"row": None, "field": "data", "message": "Expected at least one row."}]),
    "a misspelt name": (
        {"dta": [ROW]},
        [
            {"row": None, "field": "dta", "message": 'This field is not known here. Did you mean "data"?'},
            {"row": None, "field": "data", "message": "A list of rows is required."},
        ],
    ),
    "a name too many": (
        {"data": [ROW], "threshold": 0.5},
        [{"row": None, "field": "threshold", "message": "This field is not known here."}],
    ),
    "a very long name": (
        {"data": [ROW], "x" * 300: 1},
        [{"row": None, "field": "x" * 200 + "...", "message": "This field is not known here."}],
    ),
}


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:24]))
def test_what_is_not_json_is_refused_and_told_where(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/predict", data=body, headers={**JSON, "X-Request-ID": "r1"})

    problem = answer.get_json()
    # The exact column is the parser's affair and may move with its version.
    problem["detail"] = re.sub(r"column [0-9]+", "column N", problem["detail"])
    assert answer.status_code == 400
    assert problem == {
        "type": "/docs/errors#invalid_json",
        "title": "The request cannot be read",
        "status": 400,
        "detail": NOT_JSON[body],
        "error": "invalid_json",
        "request_id": "r1",
    }


def test_the_line_where_reading_stopped_is_told(client: FlaskClient) -> None:
    answer = client.post("/predict", data=b'{"data":\n\n [x]}', headers=JSON)

    assert answer.get_json()["detail"] == "The body is not JSON: reading stopped at line 3, column 3."


@pytest.mark.parametrize("body", REPEATED_NAMES, ids=lambda body: repr(body[:40]))
def test_a_field_named_twice_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/predict", data=body, headers={**JSON, "X-Request-ID": "r1"})

    assert answer.status_code == 400
    assert answer.get_json() == {
        "type": "/docs/errors#duplicate_field",
        "title": "The request cannot be read",
        "status": 400,
        "detail": f'The field "{REPEATED_NAMES[body]}" is named twice in one object.',
        "error": "duplicate_field",
        "request_id": "r1",
    }


@pytest.mark.parametrize("case", NOT_AN_ENVELOPE)
def test_a_document_of_another_shape_is_refused(client: FlaskClient, case: str) -> None:
    document, faults = NOT_AN_ENVELOPE[case]

    answer = client.post("/predict", data=json.dumps(document), headers=JSON)

    assert answer.status_code == 422
    assert answer.get_json()["error"] == "invalid_rows"
    assert answer.get_json()["errors"] == faults


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/jsonp",
    ],
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/predict", data=json.dumps({"data": [ROW]}), headers={"Content-Type": content_type})

    assert answer.status_code == 415
    assert answer.get_json()["error"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf8"'],
)
def test_json_in_utf8_is_read_however_it_is_written(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/predict", data=json.dumps({"data": [ROW]}), headers={"Content-Type": content_type})

    assert answer.status_code == 200


def test_too_large_a_body_is_refused_unread(client: FlaskClient) -> None:
    body = io.BytesIO(b" " * 100)

    answer = client.post("/predict", input_stream=body, headers=JSON, environ_overrides={"CONTENT_LENGTH": "1000001"})

    assert answer.status_code == 413
    assert answer.get_json()["detail"] == "The body is larger than 1 MB."
    assert body.tell() == 0


def send_chunked(client: FlaskClient, body: io.BytesIO | Body) -> Response:
    """Send a body as gunicorn hands over a chunked one: it ends by itself and nobody says how long it is.

    Flask's client cannot: it measures the body and says so.
    """
    environ = EnvironBuilder(
        "/predict", method="POST", headers=Headers(JSON), environ_base=client.environ_base
    ).get_environ()
    assert "CONTENT_LENGTH" not in environ
    environ.update({"wsgi.input": body, "wsgi.input_terminated": True})
    return Response.from_app(client.application, environ, buffered=True)


@pytest.mark.parametrize("surplus", [1, 100_000, 4_000_000])
def test_too_large_a_body_of_unknown_length_is_refused_while_it_is_read(client: FlaskClient, surplus: int) -> None:
    document = json.dumps({"data": [ROW]}).encode()
    # What fits is a whole document by itself: a body that is cut at the limit would be answered with 200.
    body = io.BytesIO(document.ljust(1_000_000) + b"x" * surplus)

    answer = send_chunked(client, body)

    assert answer.status_code == 413
    assert answer.get_json()["detail"] == "The body is larger than 1 MB."
    assert body.tell() == 1_000_001


def test_a_body_of_unknown_length_may_be_as_large_as_the_limit(client: FlaskClient) -> None:
    body = io.BytesIO(json.dumps({"data": [ROW]}).encode().ljust(1_000_000))

    assert send_chunked(client, body).status_code == 200


@pytest.mark.parametrize(
    "chunks", [b"zz\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n", b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n"]
)
def test_malformed_chunks_are_the_fault_of_the_caller(client: FlaskClient, chunks: bytes) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"

    answer = send_chunked(client, Request(Config(), IterUnreader([head + chunks]), ("127.0.0.1", 1)).body)

    assert answer.status_code == 400
    assert answer.get_json()["detail"] == "The body's chunks are not well formed."


@pytest.mark.parametrize("sent", [b'{"da', json.dumps({"data": [ROW]}).encode()], ids=["a part", "a whole document"])
def test_a_body_that_ends_early_is_refused(client: FlaskClient, sent: bytes) -> None:
    answer = client.post(
        "/predict", input_stream=io.BytesIO(sent), headers=JSON, environ_overrides={"CONTENT_LENGTH": "400"}
    )

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "bad_request"


class BrokenConnection(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError(size)


def test_a_connection_that_breaks_is_no_fault_of_the_service(client: FlaskClient) -> None:
    answer = client.post(
        "/predict", input_stream=BrokenConnection(), headers=JSON, environ_overrides={"CONTENT_LENGTH": "400"}
    )

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "bad_request"


def test_nothing_is_read_beyond_the_stated_length(client: FlaskClient) -> None:
    document = json.dumps({"data": [ROW]}).encode()
    body = io.BytesIO(document + b"POST /the-next-request")

    answer = client.post(
        "/predict", input_stream=body, headers=JSON, environ_overrides={"CONTENT_LENGTH": str(len(document))}
    )

    assert answer.status_code == 200
    assert body.tell() == len(document)


@pytest.mark.parametrize("length", ["-5", "+40", "4_0", "x", "", "\u0661", "9" * 5000])
def test_a_length_that_is_no_plain_number_admits_no_body(client: FlaskClient, length: str) -> None:
    body = io.BytesIO(json.dumps({"data": [ROW]}).encode())

    answer = client.post("/predict", input_stream=body, headers=JSON, environ_overrides={"CONTENT_LENGTH": length})

    assert answer.status_code == 400
    assert body.tell() == 0


def test_a_body_may_be_as_large_as_the_limit(client: FlaskClient) -> None:
    body = json.dumps({"data": [ROW]}).encode()

    assert client.post("/predict", data=body.ljust(1_000_000), headers=JSON).status_code == 200
    assert client.post("/predict", data=body.ljust(1_000_001), headers=JSON).status_code == 413


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=30,
)
text_with_traps = st.text(alphabet='":\\ \n{},[]a')


@given(documents, st.sampled_from([None, 0, 2]), st.booleans())
def test_any_document_without_repetition_is_read_as_it_is(document: Any, indent: int | None, ascii_only: bool) -> None:
    written = json.dumps(document, indent=indent, ensure_ascii=ascii_only)

    assert parse_json(written.encode(), LIMITS) == document


@given(st.dictionaries(text_with_traps, text_with_traps, min_size=1), st.data())
def test_a_repetition_is_found_whatever_the_text_around_it(row: dict[str, str], data: st.DataObject) -> None:
    repeated = data.draw(st.sampled_from(sorted(row)))
    colons = st.sampled_from([":", " :", "\t\n: ", "\r:"])
    members = [
        json.dumps(name) + data.draw(colons) + json.dumps(value) for name, value in [*row.items(), (repeated, "")]
    ]
    body = '{"data": [{' + ",".join(members) + "}]}"

    with pytest.raises(BadRequest) as refusal:
        parse_json(body.encode(), LIMITS)

    assert refusal.value.code == "duplicate_field"
