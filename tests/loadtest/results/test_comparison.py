"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.loadtest.refusals import LoadRefused
from app.loadtest.results.comparison import Comparison, compare, read_summary, summarise
from app.loadtest.results.report import FORMAT
from tests.loadtest.builders import make_latencies, make_order, make_report, make_samples


def compare_reports(before: Any, now: Any) -> Comparison:
    return compare(summarise(before.to_document()), summarise(now.to_document()))


def list_verdicts(comparison: Comparison) -> dict[str, str]:
    return {each.figure: each.verdict for each in comparison.differences}


def make_run(*, seed: int = 0, scale_ms: float = 5.0, **changes: Any) -> Any:
    return make_report(make_samples(make_latencies(scale_ms=scale_ms, seed=seed)), **changes)


def test_two_runs_of_the_same_are_within_their_noise() -> None:
    comparison = compare_reports(make_run(seed=1), make_run(seed=2))
    assert set(list_verdicts(comparison).values()) == {"within noise"}
    assert comparison.unlike == ()


@pytest.mark.parametrize(("scale_ms", "verdict"), [(7.0, "worse"), (3.5, "better")])
def test_a_latency_that_differs_by_more_than_noise_is_told(scale_ms: float, verdict: str) -> None:
    comparison = compare_reports(make_run(), make_run(scale_ms=scale_ms))
    verdicts = list_verdicts(comparison)
    assert (verdicts["p50 ms"], verdicts["p99 ms"], verdicts["requests/s"]) == (verdict, verdict, "within noise")
    (p50,) = (each for each in comparison.differences if each.figure == "p50 ms")
    assert p50.ratio == pytest.approx(scale_ms / 5.0, rel=0.1)


def test_more_failures_are_worse_although_they_are_few() -> None:
    failing = make_samples(make_latencies(), outcomes=[int(number % 50 == 0) for number in range(2000)], names=["500"])
    verdicts = list_verdicts(compare_reports(make_run(), make_report(failing)))
    assert verdicts["success rate"] == "worse"
    assert list_verdicts(compare_reports(make_report(failing), make_run()))["success rate"] == "better"


def test_runs_that_are_too_short_do_not_judge() -> None:
    short = make_report(make_samples([5.0] * 20, seconds=0.5), seconds=0.5)
    shorter = make_report(make_samples([9.0] * 20, seconds=0.5), seconds=0.5)
    comparison = compare_reports(short, shorter)
    assert list_verdicts(comparison)["p50 ms"] == "too short to tell"


def test_loads_that_differ_are_told() -> None:
    before = make_run(order=make_order(seconds=10.0, users=4))
    assert compare_reports(before, make_run()).unlike == ("users: 4 before, 8 now",)


def test_a_run_in_which_nothing_succeeded_can_be_compared() -> None:
    nothing = make_report(make_samples([5.0] * 20, outcomes=[1] * 20, names=["timeout"]))
    comparison = compare_reports(make_run(), nothing)
    assert list_verdicts(comparison) == {"requests/s": "worse", "success rate": "worse"}
    assert list_verdicts(compare_reports(nothing, make_run()))["requests/s"] == "better"


def test_a_kept_report_is_read_back(tmp_path: Path) -> None:
    report = make_run()
    kept = tmp_path / "before.json"
    kept.write_bytes(orjson.dumps(report.to_document()))
    assert read_summary(kept, form=FORMAT) == summarise(report.to_document())


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", orjson.dumps({"format": FORMAT}), orjson.dumps({"format": "another/9"})]
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "before.json").write_bytes(content)
    with pytest.raises(LoadRefused, match=r"before\.json"):
        read_summary(tmp_path / "before.json", form=FORMAT)
