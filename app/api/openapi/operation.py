"""What a route says about itself beside its guard: declared where the view is, read by the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The contract of one route.

    Attributes:
        accepts: The schema of the JSON body; None for a route without one.
        takes_tables: Whether rows may come as a table in another format in place of the JSON body.
        gives_tables: Whether they may be answered in one.
        body_is_optional: Without a body, the defaults of the schema hold.
        answers: Status to the schema of the JSON answer, or to the media type of a text.
        errors: Statuses answered with a problem document, besides those that follow from the guard and the body.
        headers: What a caller may say in headers of its request: their JSON Schemas by their names.
        arguments: The same for what may be said after the question mark of the address.
    """

    summary: str
    description: str
    accepts: type[Schema] | None
    takes_tables: bool = False
    gives_tables: bool = False
    body_is_optional: bool = False
    answers: Mapping[int, type[Schema] | str]
    errors: tuple[int, ...]
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def describe(
    summary: str,
    *,
    accepts: type[Schema] | None = None,
    answers: Mapping[int, type[Schema] | str],
    errors: tuple[int, ...] = (),
    **others: Any,
) -> Callable[[View], View]:
    """Attach the contract to a view, with others of its attributes; the view's docstring becomes the description."""

    def decorate(view: View) -> View:
        view.__dict__["operation"] = Operation(
            summary=summary,
            description=view.__doc__ or "",
            accepts=accepts,
            answers=answers,
            errors=errors,
            **others,
        )
        return view

    return decorate


def find_operation(view: View) -> Operation | None:
    return view.__dict__.get("operation")
