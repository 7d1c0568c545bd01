"""The page of a load test: it stands alone, shows everything, and lets nothing in."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from pathlib import Path

from app.loadtest.results.comparison import compare, summarise
from app.loadtest.results.page import render_report
from app.loadtest.results.report import LoadReport
from tests.charts.page_reader import PageReader
from tests.loadtest.builders import make_latencies, make_order, make_report, make_samples

HOSTILE = '"><script>alert(1)</script>\u202e.csv'


def make_failing_report() -> LoadReport:
    outcomes = [int(number % 10 == 0) for number in range(2000)]
    report = make_report(make_samples(make_latencies(), outcomes=outcomes, names=[f"503 {HOSTILE}"]), unsent=5)
    before = make_report(make_samples(make_latencies(seed=1)))
    comparison = compare(summarise(before.to_document()), summarise(report.to_document()))
    return dataclasses.replace(report, comparison=comparison)


def list_charts(page: PageReader) -> list[str | None]:
    return [attributes["aria-labelledby"] for attributes in page.find("svg") if attributes.get("role") == "img"]


def test_a_page_needs_nothing_but_itself() -> None:
    page = PageReader(render_report(make_failing_report()))
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert [each["href"] for each in page.find("a") if not str(each["href"]).startswith("#")] == []
    names = {name for _, attributes in page.tags for name in attributes}
    assert {name for name in names if name.startswith("on") or name in ("src", "style", "srcset")} == set()


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    html = render_report(make_failing_report())
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (tag["content"] for tag in PageReader(html).find("meta") if tag.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_names_are_shown_and_change_nothing() -> None:
    order = make_order(url="http://127.0.0.1:8000/<script>", rows=Path(HOSTILE))
    report = dataclasses.replace(make_failing_report(), order=order, notes=(HOSTILE,))
    plain, page = PageReader(render_report(make_failing_report())), PageReader(render_report(report))
    assert page.find("script") == []
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags} | {"ul", "li"}
    assert "<script>alert(1)</script>[U+202E].csv" in page.words


def test_a_page_shows_the_figures_the_failures_and_the_comparison() -> None:
    page = PageReader(render_report(make_failing_report()))
    assert page.tables["Requests"][1][:3] == ["2,005", "1,800", "205"]
    assert len(page.tables["Latency"][1]) == 8
    assert [row[1:] for row in page.tables["Failures"][1:]][1] == ["5", "0.2 %", "–"]
    assert [row[0] for row in page.tables["Before and now"][1:]] == ["requests/s", "success rate", "p50 ms", "p99 ms"]
    assert list_charts(page) == [
        f"{key}-name {key}-text" for key in ("throughput", "latency-over-time", "distribution", "failures-over-time")
    ]


def test_a_run_without_failures_shows_none() -> None:
    page = PageReader(render_report(make_report(make_samples(make_latencies()))))
    assert "Failures" not in page.tables
    assert len(list_charts(page)) == 3


def test_a_run_in_which_nothing_succeeded_has_a_page() -> None:
    nothing = make_report(make_samples([5.0] * 20, outcomes=[1] * 20, names=["timeout"]))
    assert "Latency" not in PageReader(render_report(nothing)).tables
