"""GET /openapi.json, /docs and /docs/errors: every file comes from this machine, no script stands inside the HTML."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_file

from app.api.guard import public
from app.api.openapi.document import current_document
from app.api.openapi.error_codes import ERROR_CODES
from app.api.services import current_services

blueprint = Blueprint("docs", __name__)

_OWN_FILES = Path(__file__).parent.parent / "static"
_SWAGGER_UI = Path(str(files("flask_swagger_ui"))) / "dist"
_ASSETS = {
    "docs.js": _OWN_FILES / "docs.js",
    "swagger-ui.css": _SWAGGER_UI / "swagger-ui.css",
    "swagger-ui-bundle.js": _SWAGGER_UI / "swagger-ui-bundle.js",
    "favicon-32x32.png": _SWAGGER_UI / "favicon-32x32.png",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/openapi.json")
@public
def openapi_json() -> Response:
    document = current_document().render(current_services().active.current)
    return Response(document, content_type="application/json")


@blueprint.get("/docs")
@public
def docs() -> Response:
    return _answer_page((_OWN_FILES / "docs.html").read_text())


@blueprint.get("/docs/errors")
@public
def docs_errors() -> Response:
    return _answer_page(write_error_page())


@blueprint.get("/docs/assets/<name>")
@public
def docs_asset(name: str) -> Response:
    return send_file(_ASSETS[name]) if name in _ASSETS else abort(404)


def write_error_page() -> str:
    rows = "\n".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{error.status}</td><td>{escape(error.meaning)}</td></tr>'
        for code, error in ERROR_CODES.items()
    )
    return (
        '<!doctype html>\n<html lang="en">\n'
        '<head><meta charset="utf-8"><title>gluonserve errors</title>'
        '<link rel="icon" href="assets/favicon-32x32.png"></head>\n<body>\n'
        "<h1>Error codes</h1>\n<table>\n<tr><th>error</th><th>status</th><th>meaning</th></tr>\n"
        f"{rows}\n</table>\n</body>\n</html>\n"
    )


def _answer_page(html: str) -> Response:
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response
