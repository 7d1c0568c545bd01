"""Cards of whole releases: they stand alone, hold everything, and say the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from app.charts.text import show_text, write_number
from app.release.manifest import FeatureImportance, FileEntry
from app.release.store import CARD, ReleaseStore
from app.release.verification import read_schema
from app.training.gate.metrics import answer_held_out_rows
from app.training.profile import profile_features
from tests.charts.page_reader import PageReader
from tests.fixtures import FittedModel
from tests.manifests import make_manifest
from tests.training.card.builders import (
    KEY,
    make_binary_answers,
    make_importance,
    make_multiclass_answers,
    make_schema,
    read_binary_card,
    render,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><b>",
    "{{ 7 * 7 }}",
    "price \u202etxt.exe",
    "zero\u200bwidth",
    "tab\tand\nline",
    "lone \ud800 surrogate",
    "&amp;",
    " ",
)
MOST_BYTES = 500_000


@pytest.fixture(scope="session")
def published_card(published_store: ReleaseStore) -> PageReader:
    return PageReader((published_store.directory("1") / CARD).read_text(encoding="utf-8"))


def test_a_release_holds_its_card_listed_and_verified_like_every_file(published_store: ReleaseStore) -> None:
    assert CARD in published_store.verify("1").files


def test_a_card_names_what_was_known_only_at_publication(
    published_store: ReleaseStore, published_card: PageReader
) -> None:
    manifest = published_store.manifest("1")
    assert f"{manifest.name} version {manifest.version}" in published_card.words
    assert manifest.created in published_card.words
    assert "gluonserve models verify 1" in published_card.words


def test_a_card_shows_every_feature_and_every_class(published_store: ReleaseStore, published_card: PageReader) -> None:
    schema = read_schema(published_store.directory("1"))
    _, *rows = published_card.tables["Features of a row"]
    assert [row[0] for row in rows] == [feature.name for feature in schema.features]
    _, *matrix = published_card.tables["Confusion matrix: rows are what was true, columns what was answered"]
    assert [row[0] for row in matrix] == ["no", "yes"]


def test_the_figures_of_a_card_are_those_of_the_predictor(
    fitted: Callable[[str], FittedModel], published_card: PageReader
) -> None:
    model = fitted("binary")
    answers = answer_held_out_rows(model.predictor, model.held_out)
    _, *matrix = published_card.tables["Confusion matrix: rows are what was true, columns what was answered"]
    shown = [[int(cell.partition(" ")[0].replace(",", "")) for cell in row[1:3]] for row in matrix]
    assert shown == confusion_matrix(answers.truth, answers.predicted).tolist()
    area = roc_auc_score(answers.truth, answers.probabilities)
    assert f"the area below is {area:.4f}" in published_card.words


@pytest.mark.parametrize("problem_type", ["multiclass", "regression", "quantile"])
def test_every_problem_type_has_its_own_evidence(fitted: Callable[[str], FittedModel], problem_type: str) -> None:
    model = fitted(problem_type)
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    manifest = make_manifest(problem_type=problem_type, class_labels=model.predictor.class_labels and (1, 2, 3))
    card = PageReader(render(manifest, schema, answer_held_out_rows(model.predictor, model.held_out)))
    assert len(card.tables["Features of a row"]) == 1 + len(model.predictor.features())
    charts = [attributes["aria-labelledby"] for attributes in card.find("svg") if attributes.get("role") == "img"]
    expected = {
        "multiclass": ["calibration-name calibration-text"],
        "regression": ["agreement-name agreement-text", "residuals-name residuals-text"],
        "quantile": ["coverage-name coverage-text"],
    }
    assert charts == expected[problem_type]


def test_a_card_needs_nothing_but_itself() -> None:
    card = read_binary_card()
    assert {tag for tag, _ in card.tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert [attributes["href"] for attributes in card.find("a") if not str(attributes["href"]).startswith("#")] == []
    names = {name for _, attributes in card.tags for name in attributes}
    assert {name for name in names if name.startswith("on") or name in ("src", "style", "srcset")} == set()


def test_its_policy_allows_its_own_style_and_nothing_else() -> None:
    page = render(make_manifest(), make_schema("tenure"), make_binary_answers())
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (tag["content"] for tag in PageReader(page).find("meta") if tag.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|https?:", style)


def test_hostile_names_are_shown_and_change_nothing() -> None:
    plain = read_binary_card()
    card = PageReader(
        render(
            make_manifest(
                name=HOSTILE[0],
                label=HOSTILE[1],
                best_model=HOSTILE[2],
                class_labels=(HOSTILE[0], HOSTILE[4]),
                positive_class=HOSTILE[4],
                plan_refusal=HOSTILE[1],
                feature_importance=make_importance(*HOSTILE),
                libraries={HOSTILE[0]: HOSTILE[1]},
                files={f"{HOSTILE[0]}/x": FileEntry(size=1, sha256="0" * 64)},
            ),
            make_schema(*HOSTILE),
            make_binary_answers(),
        )
    )
    assert {tag for tag, _ in card.tags} == {tag for tag, _ in plain.tags}
    assert {name for _, tag in card.tags for name in tag} == {name for _, tag in plain.tags for name in tag}
    _, *rows = card.tables["Features of a row"]
    assert [row[0] for row in rows] == [show_text(name) for name in HOSTILE]
    assert rows[0][0] == HOSTILE[0]
    assert rows[4][0] == "price [U+202E]txt.exe"


def test_a_card_of_500_features_and_40_classes_stays_small() -> None:
    names = [f"{'a rather long feature name ' * 4}{number}" for number in range(500)]
    labels = tuple(f"class {number} & <more>" for number in range(40))
    manifest = make_manifest(
        problem_type="multiclass", class_labels=labels, feature_importance=make_importance(*names), positive_class=None
    )
    page = render(manifest, make_schema(*names), make_multiclass_answers(40))
    assert len(page.encode()) < MOST_BYTES
    card = PageReader(page)
    assert len(card.tables["Features of a row"]) == 501
    assert [row[0] for row in card.tables["Each class"][1:]] == list(labels)
    assert len(card.tables["Importance of features"]) + len(card.tables["The other 470 features"]) == 502


def test_what_is_left_out_is_said() -> None:
    names = [f"feature {number}" for number in range(1200)]
    manifest = make_manifest(feature_importance=make_importance(*names))
    card = PageReader(render(manifest, make_schema(*names), make_binary_answers()))
    assert len(card.tables["Features of a row"]) == 1001
    assert "200 more features are in schema.json." in card.words
    assert "200 more features are in manifest.json." in card.words


def test_the_same_release_gets_the_same_bytes() -> None:
    first, second = (render(make_manifest(), make_schema("tenure"), make_binary_answers()) for _ in range(2))
    assert first == second


def test_every_table_and_plot_can_be_heard() -> None:
    card = read_binary_card()
    identifiers = [attributes["id"] for _, attributes in card.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    named = [str(attributes["aria-labelledby"]) for _, attributes in card.tags if "aria-labelledby" in attributes]
    assert {name for names in named for name in names.split()} <= set(identifiers)
    anchors = {str(attributes["href"]).removeprefix("#") for attributes in card.find("a")}
    assert anchors <= set(identifiers)
    assert "" not in card.tables
    assert all(attributes.get("scope") in ("col", "row") for attributes in card.find("th"))
    drawings = card.find("svg")
    assert all("role" in drawing or "aria-hidden" in drawing or drawing["class"] == "key" for drawing in drawings)
    assert next(tag for tag, _ in card.tags if re.fullmatch("h[1-6]", tag)) == "h1"


def test_bars_of_importance_are_as_long_as_their_numbers_and_show_their_spread() -> None:
    importance = {
        "tenure": FeatureImportance(importance=0.8, stddev=0.2),
        "contract": FeatureImportance(importance=-0.1, stddev=0.3),
    }
    bars = read_binary_card(feature_importance=importance).find("rect")
    assert [(bar["class"], bar.get("x", "0"), bar["width"]) for bar in bars] == [
        ("better", "0", "80.0"),
        ("spread", "60.0", "40.0"),
        ("worse", "0", "10.0"),
        ("spread", "0.0", "40.0"),
    ]


def test_a_card_says_what_compression_saved() -> None:
    facts = "1.5 MB; AutoGluon's own clone for deployment has 30.5 MB"
    assert facts in read_binary_card(size_before_mb=30.5).words
    assert "own clone" not in read_binary_card(size_before_mb=None).words


def test_a_card_says_who_signed_and_how_to_check_it() -> None:
    signed, unsigned = (
        PageReader(render(make_manifest(), make_schema("tenure"), make_binary_answers(), signed_by=key))
        for key in (KEY, None)
    )
    assert f"Signed with the Ed25519 key {KEY}" in signed.words
    assert "This release is not signed" in unsigned.words


def test_the_metrics_stand_with_their_intervals_the_one_of_training_first() -> None:
    manifest = make_manifest()
    (metric,) = manifest.quality.values()
    assert read_binary_card().tables["Metrics on held-out rows"][1] == [
        "log_loss",
        write_number(metric.value),
        f"{write_number(metric.low)} to {write_number(metric.high)}",
        "lower",
    ]
