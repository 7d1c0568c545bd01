"""From the body of a request to its answer: the same steps for every route that predicts rows of any format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any

from flask import Response, g, request

from app.api.bodies.reading import current_limits
from app.api.bodies.under_way import ending_body
from app.api.caching import wants_new_answers
from app.api.deadline import find_deadline
from app.api.formats.documents import describe_answer, describe_prediction
from app.api.formats.negotiation import JSON, choose_answer_format, find_table_format_of_body
from app.api.formats.table_answers import answer_table, begin_answer
from app.api.formats.table_bodies import TableBody, store_table
from app.api.limits.cost import limit_rows
from app.api.monitoring.observing import note_answer, tell_part
from app.api.request_id import current_request_id
from app.api.responses import answer_json
from app.api.services import current_services
from app.runtime.deadline import Deadline
from app.serving.answering import Prediction
from app.serving.rollout.trials.trial import BY_KEY
from app.turns import TURNS


def predict_body(read_document: Callable[[], Sequence[Any]]) -> Response:
    """Predict the rows of the present request and answer in the format that it asks for.

    Args:
        read_document: Reads the rows of a body that is JSON; tables are the same at every route.
    """
    answer_format = choose_answer_format()
    deadline = find_deadline()
    table_format = find_table_format_of_body()
    with ending_body():
        if table_format is None:
            prediction = predict_rows(read_document(), deadline)
            if answer_format == JSON:
                return answer_json(describe_prediction(prediction, request_id=current_request_id()))
            return answer_table(prediction, answer_format)
        with TURNS.aside(), store_table(table_format, current_limits()) as table:
            return _predict_table(table, answer_format, deadline)


def predict_rows(rows: Sequence[Any], deadline: Deadline) -> Prediction:
    """Predict rows that are there as a whole."""
    services = current_services()
    limit_rows(services, len(rows))
    service = services.prediction
    route_value = find_route_value(service.trial.routed_by)
    prediction = service.predict(rows, route_value=route_value, deadline=deadline, is_anew=wants_new_answers())
    note_answer(request.environ, describe_answer(prediction, rows))
    return prediction


def find_route_value(routed_by: str | None) -> str | None:
    """What tells this caller from others: the header that is asked for, else its API key; None when nobody asks."""
    if routed_by is None:
        return None
    key_id: str = g.caller.id
    return key_id if routed_by == BY_KEY else request.headers.get(routed_by, key_id)


def _predict_table(table: TableBody, answer_format: str, deadline: Deadline) -> Response:
    """Predict a table chunk by chunk; its answer goes out when the last one is predicted."""
    services = current_services()
    service = services.prediction
    chunks = service.predict_chunks(
        table.read_chunks,
        admit=partial(limit_rows, services),
        route_value=find_route_value(service.trial.routed_by),
        deadline=deadline,
        is_anew=wants_new_answers(),
    )
    with closing(chunks):
        first = next(chunks)
        answer = begin_answer(answer_format, first[1])
        for rows, prediction in chain([first], chunks):
            # An observer that is told of a million rows at once would have to hold them all.
            tell_part(services.observations, request.environ)
            note_answer(request.environ, describe_answer(prediction, rows))
            answer.add(prediction)
    return answer.finish()
