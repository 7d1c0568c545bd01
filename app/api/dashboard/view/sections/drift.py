"""Drift: the features and the predictions beside what they were in training, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.page import Block, Fact, FeatureCard, FeatureCards, Link, Note, Section
from app.api.dashboard.view.presence import explain_absence
from app.api.dashboard.view.words import count, show_version, write_moment
from app.charts.chart import Chart
from app.charts.distribution import Bin, Wording, draw_across, draw_upright
from app.charts.table import State, Table, make_row
from app.charts.text import show_text, write_number, write_share
from app.monitoring.snapshots import Snapshot

WORST_SHOWN = 20
_LEAST_OPEN = 3
CARDS_OF_A_PAGE = 50

Document = Mapping[str, Any]

_STATES: Mapping[int, tuple[State, str]] = {
    0: ("good", "as in training"),
    1: ("notice", "drifts"),
    2: ("alarm", "has drifted"),
}
_ORDERED = ("number", "date")
_TESTS = {"ks": "Kolmogorov-Smirnov", "chi2": "chi-square"}


def describe_drift(findings: Findings) -> Section:
    """The worst features of each version that is watched."""
    blocks: list[Block] = []
    for snapshot in findings.drift:
        blocks += _describe_version(snapshot, findings)
    if not blocks:
        advice = "It is looked at when a full window of rows was predicted; see docs/monitoring/drift.md."
        blocks = [explain_absence(findings, "No full window of rows to look for drift in yet.", advice)]
    return Section("drift", "Drift", tuple(blocks))


def describe_all_drift(snapshot: Snapshot, findings: Findings, page: int) -> Section:
    """A page of all features of a version, counted from 1."""
    features = snapshot.document.get("features", ())
    start = (page - 1) * CARDS_OF_A_PAGE
    shown = features[start : start + CARDS_OF_A_PAGE]
    cards = FeatureCards(_make_cards(shown, snapshot.version, first=start))
    return Section("drift", f"Features of {show_version(snapshot.version)}", (_summarise(snapshot, findings), cards))


def count_pages(snapshot: Snapshot) -> int:
    return max(1, -(-len(snapshot.document.get("features", ())) // CARDS_OF_A_PAGE))


def count_drifted(document: Document, level: int) -> int:
    return sum(feature.get("level") == level for feature in document.get("features", ()))


def read_state(feature: Document) -> tuple[State, str]:
    return _STATES.get(feature.get("level") or 0, _STATES[0])


def _describe_version(snapshot: Snapshot, findings: Findings) -> list[Block]:
    document = snapshot.document
    blocks: list[Block] = [_summarise(snapshot, findings)]
    cards: tuple[FeatureCard, ...] = ()
    answers = document.get("predictions")
    if answers:
        name = f"Predictions: {answers['name']}" if answers.get("name") else "Predictions"
        cards = (_make_card({**answers, "name": name}, snapshot.version, "predictions"),)
    features = document.get("features", ())
    worst = features[:WORST_SHOWN]
    # They are ranked: from some place on all look as in training, and nobody needs to scroll past them.
    first_calm = next((at for at, feature in enumerate(worst) if read_state(feature)[0] == "good"), len(worst))
    opened = max(first_calm, _LEAST_OPEN - len(cards))
    blocks.append(FeatureCards((*cards, *_make_cards(worst[:opened], snapshot.version))))
    if worst[opened:]:
        folded = f"The next {count(len(worst[opened:]), 'feature')}, as in training"
        blocks.append(FeatureCards(_make_cards(worst[opened:], snapshot.version, first=opened), folded_as=folded))
    if len(features) > WORST_SHOWN:
        blocks.append(Link(f"All {len(features):,} features", f"dashboard/drift/{snapshot.version}"))
    return blocks


def _summarise(snapshot: Snapshot, findings: Findings) -> Note:
    document = snapshot.document
    features, rows = len(document.get("features", ())), int(document.get("rows", 0))
    drifted, drifting = count_drifted(document, 2), count_drifted(document, 1)
    window = (
        f"{show_version(snapshot.version).capitalize()}, {count(rows, 'row')} up to "
        f"{write_moment(snapshot.window_end, findings.now)}"
    )
    if rows < int(document.get("least_rows") or 0):
        least = f"too few to tell: it takes {document['least_rows']:,}"
        return Note(f"{window}: {least}.", "unknown")
    if not drifted and not drifting:
        return Note(f"{window}: all {count(features, 'feature')} look as in training.", "good")
    text = f"{window}: {drifted:,} of {count(features, 'feature')} drifted, {drifting:,} more began to."
    return Note(text, "alarm" if drifted else "notice", "Ranked by how far, and by how much the model counts on them.")


def _make_cards(features: Sequence[Document], version: str | None, first: int = 0) -> tuple[FeatureCard, ...]:
    return tuple(_make_card(feature, version, str(first + at)) for at, feature in enumerate(features))


def _make_card(feature: Document, version: str | None, place: str) -> FeatureCard:
    state, verdict = read_state(feature)
    bins = [Bin(str(each["label"]), each["reference"], each["live"]) for each in feature.get("bins") or ()]
    # The version is a number of the store's; of a stranger's name only the place is used.
    key = f"drift-{show_text(version or 'none', most=20)}-{place}"
    name = show_text(feature["name"])
    return FeatureCard(
        key=key,
        name=name,
        state=state,
        verdict=verdict,
        reasons=tuple(show_text(reason, most=200) for reason in feature.get("reasons") or ()),
        facts=_list_facts(feature),
        chart=_draw(feature, bins, key, name) if bins else None,
        table=_tabulate(bins, name) if bins else None,
    )


def _draw(feature: Document, bins: list[Bin], key: str, name: str) -> Chart:
    most = max(bins, key=lambda each: abs(each.live - each.reference))
    description = (
        f"Most changed: {show_text(most.label, most=30)}, from {write_share(most.reference)} to "
        f"{write_share(most.live)}."
    )
    wording = Wording(key, f"{name} in training and live", description)
    return draw_upright(bins, wording) if feature.get("kind") in _ORDERED else draw_across(bins, wording)


def _tabulate(bins: list[Bin], name: str) -> Table:
    return Table(
        caption=f"Numbers of {name}",
        columns=("value", "in training", "live"),
        rows=tuple(
            make_row(show_text(each.label, most=40), write_share(each.reference), write_share(each.live))
            for each in bins
        ),
        numeric=frozenset({1, 2}),
        is_folded=True,
    )


def _list_facts(feature: Document) -> tuple[Fact, ...]:
    facts = [Fact("PSI", write_number(feature.get("psi")))]
    test = feature.get("test")
    if test:
        facts.append(Fact(_TESTS.get(test) or show_text(test, most=30), _write_test(feature)))
    if feature.get("importance") is not None:
        facts.append(Fact("importance", write_number(feature["importance"])))
    if feature.get("null_share") is not None:
        before = write_share(feature.get("reference_null_share") or 0.0)
        facts.append(Fact("missing", f"{write_share(feature['null_share'])} (was {before})"))
    for name, words in (("unseen_share", "never seen"), ("out_of_range_share", "out of range")):
        if feature.get(name):
            facts.append(Fact(words, write_share(feature[name])))
    return tuple(facts)


def _write_test(feature: Document) -> str:
    value = feature.get("p_value")
    chance = "–" if value is None else "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
    return f"{write_number(feature.get('statistic'))}, {chance}"
