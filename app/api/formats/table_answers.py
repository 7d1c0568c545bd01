"""Answers that are tables, and answers to tables: written as predictions come, and sent when all are there.

The status goes out before the answer does, so nothing of it can be sent while a later row may still fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Protocol, cast

import orjson
from flask import Response

from app.api.formats.documents import describe_prediction
from app.api.formats.negotiation import JSON
from app.api.formats.table_bodies import SPOOLED_BYTES
from app.api.request_id import current_request_id
from app.errors import MOST_FAULTS, FieldFault
from app.release.manifest import Manifest
from app.serving.answering import Prediction
from app.serving.formats.results import ResultLayout, open_result_writer

_PIECE_BYTES = 65_536


class Answer(Protocol):
    """One answer that is made of the predictions of several chunks."""

    def add(self, prediction: Prediction) -> None: ...

    def finish(self) -> Response: ...


def begin_answer(answer_format: str, first: Prediction) -> Answer:
    """Begin an answer by the release of the first prediction, which is still to be added."""
    return _JsonAnswer(first) if answer_format == JSON else _TableAnswer(answer_format, first.manifest)


def answer_table(prediction: Prediction, answer_format: str) -> Response:
    answer = _TableAnswer(answer_format, prediction.manifest)
    answer.add(prediction)
    return answer.finish()


class _TableAnswer:
    """What a table has no place for is in its headers: the release that answered, and how many warnings there are."""

    def __init__(self, media_type: str, manifest: Manifest) -> None:
        self._media_type = media_type
        self._manifest = manifest
        self._file = _open_spool()
        self._writer = open_result_writer(self._file, media_type, ResultLayout.of(manifest, has_ids=True))
        self._warnings = 0

    def add(self, prediction: Prediction) -> None:
        self._warnings += len(prediction.warnings)
        self._writer.write(prediction.labels, prediction.probabilities, prediction.prediction_ids)

    def finish(self) -> Response:
        self._writer.close()
        headers = {
            "Content-Length": str(self._file.tell()),
            "X-Model-Version": self._manifest.version,
            "X-Warning-Count": str(self._warnings),
        }
        return Response(_send(self._file), content_type=self._media_type, headers=headers)


class _JsonAnswer:
    """The document of app.api.formats.documents, whose lists come together beside the memory."""

    def __init__(self, first: Prediction) -> None:
        self._first = first
        self._lists = {name: _open_spool() for name in ("predictions", "probabilities", "prediction_ids")}
        self._warnings: list[FieldFault] = []

    def add(self, prediction: Prediction) -> None:
        self._append("predictions", prediction.labels)
        self._append("prediction_ids", prediction.prediction_ids)
        if prediction.probabilities is not None:
            self._append("probabilities", prediction.probabilities)
        self._warnings.extend(prediction.warnings[: MOST_FAULTS - len(self._warnings)])

    def finish(self) -> Response:
        frame = describe_prediction(self._first, warnings=self._warnings, request_id=current_request_id())
        return Response(self._send(frame), content_type=JSON)

    def _append(self, name: str, values: list[Any]) -> None:
        spool = self._lists[name]
        spool.write(b"," if spool.tell() else b"[")
        spool.write(orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1])

    def _send(self, frame: dict[str, Any]) -> Iterator[bytes]:
        opening = b"{"
        for name, value in frame.items():
            yield opening + orjson.dumps(name) + b":"
            opening = b","
            if name in self._lists and value is not None:
                yield from _send(self._lists[name])
                yield b"]"
            else:
                yield orjson.dumps(value)
        yield b"}"


def _open_spool() -> BinaryIO:
    return cast("BinaryIO", SpooledTemporaryFile(max_size=SPOOLED_BYTES))


def _send(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0, os.SEEK_SET)
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
