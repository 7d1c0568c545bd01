from __future__ import annotations

import numpy as np
from flask import Flask

from app.api.responses import answer_json


def test_numbers_of_numpy_are_numbers() -> None:
    with Flask(__name__).test_request_context():
        answer = answer_json({"labels": [np.int64(3), np.float32(0.5)], "flag": np.bool_(True)})

    assert answer.data == b'{"labels":[3,0.5],"flag":true}'
    assert answer.content_type == "application/json"


def test_text_is_sent_as_utf8() -> None:
    with Flask(__name__).test_request_context():
        assert answer_json({"label": "да 👍"}).data == '{"label":"да 👍"}'.encode()
