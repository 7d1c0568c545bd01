"""What a marshmallow schema finds wrong with a document, as the faults that every 422 lists."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from app.errors import FieldFault, InvalidRows
from app.runtime.row_fields import name_kind

# "Did you mean" compares a name with every known one: bounded, so that hostile documents stay cheap.
_MOST_SUGGESTIONS = 20
_LONGEST_SUGGESTED_NAME = 100
_LONGEST_NAME_SHOWN = 200


def load_document(schema: Schema, document: Any) -> dict[str, Any]:
    """Load a document that must be an object.

    Raises:
        InvalidRows: with everything that does not fit the schema.
    """
    if not isinstance(document, dict):
        raise InvalidRows([FieldFault(None, None, f"Expected a JSON object, got {name_kind(document)}.")])
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        raise InvalidRows(list(_list_faults(error.messages_dict, schema.fields, document))) from None
    return loaded


def describe_fault(fault: FieldFault) -> dict[str, Any]:
    name = fault.field
    if name is not None and len(name) > _LONGEST_NAME_SHOWN:
        name = name[:_LONGEST_NAME_SHOWN] + "..."
    return {"row": fault.row, "field": name, "message": fault.message}


def _list_faults(
    messages: Mapping[str, Any], known: Collection[str], document: Mapping[str, Any]
) -> Iterator[FieldFault]:
    unknown = [name for name in document if name not in known]
    for position, name in enumerate(unknown):
        yield FieldFault(None, name, _describe_unknown_field(name, known, suggest=position < _MOST_SUGGESTIONS))
    for name, texts in messages.items():
        if name in known:
            yield from _list_faults_of_field(name, texts)


def _list_faults_of_field(name: str, messages: Any) -> Iterator[FieldFault]:
    """Yield the faults of a field; marshmallow lists those of a list's items by their positions."""
    if isinstance(messages, Mapping):
        for position, texts in messages.items():
            yield from _list_faults_of_field(f"{name}[{position}]", texts)
    else:
        yield from (FieldFault(None, name, text) for text in messages)


def _describe_unknown_field(name: str, known: Collection[str], *, suggest: bool) -> str:
    message = "This field is not known here."
    if not suggest or len(name) > _LONGEST_SUGGESTED_NAME:
        return message
    close = difflib.get_close_matches(name, known, n=1)
    return f'{message} Did you mean "{close[0]}"?' if close else message
