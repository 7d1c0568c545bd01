"""The first and the last parts of a card: who a release is, how good, what was checked, what it was made with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from app.charts.page import Section
from app.charts.table import Cell, Table, make_row
from app.charts.text import show_list, show_text, write_number
from app.release.manifest import Manifest, MetricValue
from app.training.gate.limits import MEASUREMENTS


def list_facts(manifest: Manifest, *, signed_by: str | None) -> tuple[tuple[str, str], ...]:
    """What a reader wants to know at first sight, as terms and their descriptions."""
    metric = manifest.quality.get(manifest.eval_metric)
    quality = f"{write_number(metric.value)} ({_write_interval(metric)})" if metric else "–"
    trained = "not known" if manifest.rows_train is None else f"{manifest.rows_train:,}"
    return (
        ("Predicts", f"{show_text(manifest.label)}: {_describe_answer(manifest)}"),
        (f"{manifest.eval_metric}, held out", quality),
        ("Published", manifest.created),
        ("Model", show_text(manifest.best_model)),
        ("Executed by", _describe_execution(manifest)),
        ("Rows trained on", trained),
        ("Rows held out", f"{manifest.rows_held_out:,}"),
        ("Size", _describe_size(manifest)),
        ("Signature", f"key {signed_by}" if signed_by else "not signed"),
    )


def describe_quality(manifest: Manifest) -> Section:
    order = sorted(manifest.quality, key=lambda name: name != manifest.eval_metric)
    return Section(
        key="quality",
        title="Quality",
        sentences=(
            f"Measured on {manifest.rows_held_out:,} held-out rows that it was not trained on. The 95 % intervals show "
            "how much of a figure may be the luck of these rows.",
        ),
        tables=(
            Table(
                caption="Metrics on held-out rows",
                columns=("metric", "value", "95 % interval", "better when"),
                rows=tuple(_describe_metric(manifest, name) for name in order),
                numeric=frozenset({1, 2}),
                marked=frozenset({0}) if manifest.eval_metric in manifest.quality else frozenset(),
                note=f"{manifest.eval_metric} is the metric that it was trained for.",
            ),
        ),
    )


def describe_checks(checks: Mapping[str, float]) -> Section:
    return Section(
        key="checks",
        title="Checks before publication",
        sentences=("It was published because every check passed. Measured were:",),
        tables=(
            Table(
                caption="Measured by the gate",
                columns=("check", "measured", "what"),
                rows=tuple(
                    make_row(show_text(name), write_number(value), MEASUREMENTS.get(name, ""))
                    for name, value in checks.items()
                ),
                numeric=frozenset({1}),
            ),
        ),
    )


def describe_origin(manifest: Manifest, *, signed_by: str | None) -> Section:
    """Libraries, files and signature."""
    return Section(
        key="origin",
        title="Versions, files and signature",
        sentences=_describe_signature(manifest, signed_by),
        tables=(
            Table(
                caption="Made with",
                columns=("library", "version"),
                rows=tuple(make_row(show_text(name), show_text(v)) for name, v in manifest.libraries.items()),
            ),
            _tabulate_files(manifest),
        ),
    )


def _describe_answer(manifest: Manifest) -> str:
    if manifest.problem_type == "quantile":
        return f"its quantiles {show_list(tuple(manifest.quantile_levels or ()))}"
    if manifest.class_labels is None:
        return "a number"
    return f"one of {len(manifest.class_labels):,} classes, {show_list(manifest.class_labels, most=6)}"


def _describe_execution(manifest: Manifest) -> str:
    if manifest.plan_refusal is None:
        return "its compiled plan"
    return f"AutoGluon itself. {show_text(manifest.plan_refusal, most=400)}"


def _describe_size(manifest: Manifest) -> str:
    if manifest.size_before_mb is None:
        return f"{manifest.size_mb:.1f} MB"
    return f"{manifest.size_mb:.1f} MB; AutoGluon's own clone for deployment has {manifest.size_before_mb:.1f} MB"


def _describe_metric(manifest: Manifest, name: str) -> tuple[Cell, ...]:
    metric = manifest.quality[name]
    return make_row(
        name,
        write_number(metric.value),
        _write_interval(metric),
        "higher" if metric.higher_is_better else "lower",
    )


def _write_interval(metric: MetricValue) -> str:
    return f"{write_number(metric.low)} to {write_number(metric.high)}"


def _describe_signature(manifest: Manifest, signed_by: str | None) -> tuple[str, ...]:
    check = f"Whether all is as it was published tells: gluonserve models verify {manifest.version}"
    if signed_by is None:
        return ("This release is not signed: nobody vouches for where it comes from.", check)
    return (f"Signed with the Ed25519 key {signed_by}; the signature covers every file, this card among them.", check)


def _tabulate_files(manifest: Manifest) -> Table:
    sizes: dict[str, list[int]] = defaultdict(list)
    for path, entry in manifest.files.items():
        top, below, _ = path.partition("/")
        sizes[f"{top}{below}"].append(entry.size)
    return Table(
        caption="Files",
        columns=("part", "files", "size"),
        rows=tuple(
            make_row(show_text(part), f"{len(each):,}", f"{sum(each) / 1e6:.3f} MB") for part, each in sizes.items()
        ),
        numeric=frozenset({1, 2}),
        note="Besides this card, manifest.json and manifest.sig. Digests are in manifest.json.",
    )
