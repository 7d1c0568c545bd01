"""What a marshmallow schema finds wrong with a document, as the faults that every 422 lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA

from app.errors import MOST_FAULTS, FieldFault, InvalidRows
from app.runtime.checking.suggestions import MOST_SUGGESTIONS, NameSuggestions
from app.runtime.row_fields import name_kind

_LONGEST_NAME_SHOWN = 200


def load_document(schema: Schema, document: Any, *, refusal: type[InvalidRows]) -> dict[str, Any]:
    """Load a document that must be an object.

    Raises:
        InvalidRows: of the kind that is given, with everything that does not fit the schema.
    """
    if not isinstance(document, dict):
        raise refusal([FieldFault(None, None, f"Expected a JSON object, got {name_kind(document)}.")])
    unknown = _find_unknown_fields(schema, document)
    if len(document) > MOST_FAULTS + len(schema.fields):
        raise refusal(list(islice(unknown, MOST_FAULTS)), is_complete=False)
    try:
        loaded: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        faults = list(chain(unknown, _flatten(error.messages_dict, schema)))
        raise refusal(faults[:MOST_FAULTS], is_complete=len(faults) <= MOST_FAULTS) from None
    return loaded


def describe_fault(fault: FieldFault) -> dict[str, Any]:
    name = fault.field
    if name is not None and len(name) > _LONGEST_NAME_SHOWN:
        name = name[:_LONGEST_NAME_SHOWN] + "..."
    return {"row": fault.row, "field": name, "message": fault.message}


def _find_unknown_fields(schema: Schema, document: Mapping[str, Any]) -> Iterator[FieldFault]:
    suggestions = NameSuggestions(schema.fields)
    unknown = (name for name in document if name not in schema.fields)
    for position, name in enumerate(unknown):
        meant = suggestions.find(name) if position < MOST_SUGGESTIONS else None
        hint = f' Did you mean "{meant}"?' if meant is not None else ""
        yield FieldFault(None, name, f"This field is not known here.{hint}")


def _flatten(messages: Mapping[str, Any], schema: Schema) -> Iterator[FieldFault]:
    for name, found in messages.items():
        if name in schema.fields:
            yield from _list_faults_of_field(name, found)


def _list_faults_of_field(name: str | None, messages: Any, row: int | None = None) -> Iterator[FieldFault]:
    """Yield the faults of a field; marshmallow lists those of a list's items by their positions."""
    if not isinstance(messages, Mapping):
        yield from (FieldFault(row, name, text) for text in messages)
        return
    for position, texts in messages.items():
        if isinstance(texts, Mapping) and row is None:
            yield from _list_faults_of_row(position, texts)
        else:
            yield from _list_faults_of_field(f"{name}[{position}]", texts, row)


def _list_faults_of_row(row: int, messages: Mapping[str, Any]) -> Iterator[FieldFault]:
    """Yield the faults of an object in a list."""
    for name, texts in messages.items():
        yield from _list_faults_of_field(None if name == SCHEMA else name, texts, row)
