"""GET /dashboard and what belongs to it: all of it only reads."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, g, request, send_file

from app.api.access.session import read_session
from app.api.dashboard.findings import Findings, FindingsReader
from app.api.dashboard.problems import answer_for_people
from app.api.dashboard.ranges import choose_range
from app.api.dashboard.rendering import answer_page, render, render_changed, render_page, render_section
from app.api.dashboard.view.building import build_page
from app.api.dashboard.view.sections.drift import count_pages, describe_all_drift
from app.api.dashboard.view.words import write_moment
from app.api.guard import public, require_auth
from app.api.openapi.operation import describe
from app.api.services import current_services
from app.charts import THEME
from app.errors import NotFound, ServiceError
from app.monitoring.snapshots import SnapshotStore
from app.security.audit import AuditLog

blueprint = Blueprint("dashboard", __name__, url_prefix="/dashboard")
blueprint.register_error_handler(ServiceError, answer_for_people)

_STATIC = Path(__file__).parent / "static"
_STYLE = "dashboard.css"
_ASSETS = {name: _STATIC / name for name in ("dashboard.js", "icon.svg")}


@blueprint.get("")
@describe("Show the dashboard", answers={200: "text/html"})
@require_auth("admin", takes_session=True)
def dashboard() -> Response:
    """For people with a browser, who sign in at /dashboard/sign-in; `range` is hour, day or week."""
    findings = _read_findings()
    moment = write_moment(findings.now, findings.now)
    return answer_page(render_page(build_page(findings), moment=moment, has_session=_is_session()))


@blueprint.get("/sections")
@require_auth("admin", takes_session=True)
def sections() -> Response:
    """The sections that look other than those whose digests are `known`, for the page that updates itself."""
    known = request.args.get("known", "").split(",")
    return answer_page(render_changed(build_page(_read_findings()), known))


@blueprint.get("/drift/<version>")
@require_auth("admin", takes_session=True)
def drift(version: str) -> Response:
    """All features of a version, not only the worst."""
    findings = _read_findings()
    snapshot = SnapshotStore(current_services().database).latest("drift", version=version)
    if snapshot is None:
        raise NotFound("No drift is known of this version.")
    pages = range(1, count_pages(snapshot) + 1)
    current = min(max(1, request.args.get("page", 1, int)), len(pages))
    part = render_section(describe_all_drift(snapshot, findings, current))
    return answer_page(render("drift.html", title="Drift: gluonserve", part=part, pages=pages, current=current))


@blueprint.get("/assets/<file>")
@public
def asset(file: str) -> Response:
    if file == _STYLE:
        return _send_style()
    return send_file(_ASSETS[file]) if file in _ASSETS else abort(404)


def _read_findings() -> Findings:
    services = current_services()
    snapshots, audit = SnapshotStore(services.database), AuditLog(services.database)
    reader = FindingsReader(active=services.active, snapshots=snapshots, audit=audit, jobs=services.jobs)
    return reader.read(choose_range(request.args.get("range")))


def _is_session() -> bool:
    """Whether it was the cookie that opened the page: who came with a key has nothing to sign out of."""
    return g.caller.token is not None and read_session() is not None


def _send_style() -> Response:
    style = "".join(path.read_text(encoding="utf-8") for path in (THEME, _STATIC / _STYLE))
    response = Response(style, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
