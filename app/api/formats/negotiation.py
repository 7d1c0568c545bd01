"""Which format the present request is in, by its Content-Type, and which one its answer is asked in, by its Accept."""

from __future__ import annotations

from flask import request

from app.api.bodies.reading import is_json
from app.errors import NotAcceptable, UnsupportedMediaType
from app.serving.formats.media_types import TABLES, find_table_format, list_media_types

JSON = "application/json"
_ANY = {None, "", "*/*", JSON}
# The first is what callers get who take anything.
_OFFERED = (JSON, *list_media_types())


def find_table_format_of_body() -> str | None:
    """The format of a body that is a table; None for one that has to be JSON.

    Raises:
        UnsupportedMediaType: when it is neither.
    """
    if is_json():
        return None
    named = find_table_format(request.mimetype)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if named is None or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"The body must be sent as one of {', '.join((JSON, *TABLES))}; text in UTF-8.")
    return named


def choose_answer_format() -> str:
    """The format that the caller likes best of those there are, JSON before the others.

    Raises:
        NotAcceptable: when it takes none of them.
    """
    if request.environ.get("HTTP_ACCEPT") in _ANY:
        return JSON
    chosen = request.accept_mimetypes.best_match(_OFFERED)
    if chosen is None:
        raise NotAcceptable(f"The answer can be had as one of {', '.join((JSON, *TABLES))}.")
    return find_table_format(chosen) or JSON
