from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import app as package
from app.api.openapi.error_codes import ERROR_CODES
from app.errors import ServiceError


class PageReader(HTMLParser):
    """Collects what a page loads and whether code stands inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self._inside = tag
        self.loaded += [str(names[name]) for name in ("src", "href") if names.get(name)]
        self.inline += [name for name in names if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


def read_page(client: FlaskClient) -> PageReader:
    reader = PageReader()
    reader.feed(client.get("/docs").text)
    return reader


def test_the_page_may_load_nothing_from_elsewhere(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/docs")

    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_all_that_the_page_loads_is_served_here(anonymous: FlaskClient) -> None:
    loaded = read_page(anonymous).loaded

    assert {Path(name).suffix for name in loaded} == {".js", ".css", ".png", ".json"}
    for name in loaded:
        assert not name.startswith(("/", "http"))
        with anonymous.get(f"/{name}") as answer:
            assert answer.status_code == 200
            assert len(answer.data) > 100


def test_no_code_stands_inside_the_page(anonymous: FlaskClient) -> None:
    assert read_page(anonymous).inline == []


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("docs.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ],
)
def test_an_asset_is_sent_once_and_then_only_confirmed(anonymous: FlaskClient, name: str, media_type: str) -> None:
    with anonymous.get(f"/docs/assets/{name}") as first:
        assert first.content_type == media_type
        assert first.headers["Cache-Control"] == "no-cache"
        etag = first.headers["ETag"]

    with anonymous.get(f"/docs/assets/{name}", headers={"If-None-Match": etag}) as second:
        assert second.status_code == 304
        assert second.data == b""


@pytest.mark.parametrize("name", ["docs.html", "page.py", "..", "..%2fdocs.html", "%2e%2e%2fpage.py", "swagger-ui.js"])
def test_no_other_file_is_served(anonymous: FlaskClient, name: str) -> None:
    assert anonymous.get(f"/docs/assets/{name}").status_code == 404


def test_the_type_of_a_problem_leads_to_its_explanation(anonymous: FlaskClient) -> None:
    page, _, anchor = anonymous.get("/nowhere").get_json()["type"].partition("#")

    assert f'<tr id="{anchor}">' in anonymous.get(page).text


def test_every_code_that_the_service_uses_is_explained() -> None:
    sources = [path.read_text() for path in Path(package.__file__).parent.rglob("*.py")]
    named = {code for source in sources for code in re.findall(r'\bcode="([a-z_]+)"', source)}
    named |= {error.code for error in list_errors(ServiceError)}

    assert named <= set(ERROR_CODES)


def list_errors(error: type[ServiceError]) -> list[type[ServiceError]]:
    return [error, *(found for child in error.__subclasses__() for found in list_errors(child))]
