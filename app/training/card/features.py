"""Features on a card: what counts for the model, and what a row may hold."""

from __future__ import annotations

from collections.abc import Mapping

from app.charts.page import Section
from app.charts.table import Cell, Table, make_row
from app.charts.text import show_list, show_text, write_number
from app.release.manifest import FeatureImportance
from app.release.schema import Feature, FeatureSchema

_MOST_BARS = 30
_MOST_FEATURES = 1000
_MANY_FEATURES = 100
_FEW_CATEGORIES = 4
_MANY_CATEGORIES = 12


def describe_importance(importance: Mapping[str, FeatureImportance], eval_metric: str) -> Section:
    """Bars of the features that count most, numbers of the others."""
    ranked = sorted(importance.items(), key=lambda item: -item[1].importance)
    widest = max((abs(value.importance) + value.stddev for value in importance.values()), default=0.0) or 1.0
    rest = ranked[_MOST_BARS:_MOST_FEATURES]
    tables = [_tabulate(ranked[:_MOST_BARS], widest, caption="Importance of features")]
    if rest:
        left_out = len(ranked) - _MOST_BARS - len(rest)
        note = f"{left_out:,} more features are in manifest.json." if left_out else ""
        tables.append(_tabulate(rest, widest, caption=f"The other {len(rest)} features", note=note, is_folded=True))
    return Section(
        key="importance",
        title="What it looks at",
        sentences=(
            f"How much worse {eval_metric} gets on held-out rows when the values of a feature are shuffled. At 0 or "
            "below the feature does not help; features that tell the same share what they are worth. It shows what the "
            "model uses, not what causes what.",
        ),
        tables=tuple(tables),
    )


def describe_schema(schema: FeatureSchema) -> Section:
    """Every feature with its type, whether it may be null, and what training saw."""
    shown = schema.features[:_MOST_FEATURES]
    left_out = len(schema.features) - len(shown)
    unused = f"Accepted and ignored: {show_list(schema.unused, most=30)}." if schema.unused else ""
    return Section(
        key="schema",
        title="What a row holds",
        sentences=tuple(filter(None, (f"{len(schema.features):,} features.", unused))),
        tables=(
            Table(
                caption="Features of a row",
                columns=("feature", "type", "null", "values in training", "example"),
                rows=tuple(_describe_feature(feature, crowded=len(shown) > _MANY_FEATURES) for feature in shown),
                note=f"{left_out:,} more features are in schema.json." if left_out else "",
                is_folded=len(shown) > _MOST_BARS,
            ),
        ),
    )


def _tabulate(
    ranked: list[tuple[str, FeatureImportance]],
    widest: float,
    *,
    caption: str,
    note: str = "",
    is_folded: bool = False,
) -> Table:
    return Table(
        caption=caption,
        columns=("feature", "importance", "± one standard deviation"),
        rows=tuple(
            make_row(
                show_text(name),
                Cell(write_number(value.importance))
                if is_folded
                else Cell(write_number(value.importance), bar=value.importance / widest, spread=value.stddev / widest),
                write_number(value.stddev),
            )
            for name, value in ranked
        ),
        numeric=frozenset({1, 2}),
        note=note,
        is_folded=is_folded,
    )


def _describe_feature(feature: Feature, *, crowded: bool) -> tuple[Cell, ...]:
    nullable = {True: "yes", False: "no", None: "not known"}[feature.nullable]
    sample = "" if feature.sample is None else show_text(feature.sample, most=30)
    return make_row(show_text(feature.name), feature.type, nullable, _describe_values(feature, crowded), sample)


def _describe_values(feature: Feature, crowded: bool) -> str:
    if feature.categories is not None:
        only = "only " if feature.two_valued else ""
        return only + show_list(feature.categories, most=_FEW_CATEGORIES if crowded else _MANY_CATEGORIES, each=30)
    if feature.minimum is None or feature.maximum is None:
        return ""
    return f"{_write_end(feature.minimum)} to {_write_end(feature.maximum)}"


def _write_end(end: float | int | str) -> str:
    return show_text(end, most=30) if isinstance(end, str) else write_number(end)
