"""The card of one release: what is known before it has a number, and the page that is written when it has one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.charts.page import Section
from app.charts.rendering import render_page
from app.charts.text import show_text
from app.release.manifest import Manifest
from app.release.schema import FeatureSchema
from app.release.store import CARD
from app.training.card.features import describe_importance, describe_schema
from app.training.card.ladder import describe_ladder
from app.training.card.limits import describe_limits
from app.training.card.overview import describe_checks, describe_origin, describe_quality, list_facts
from app.training.card.quality.binary import describe_binary
from app.training.card.quality.multiclass import describe_multiclass
from app.training.card.quality.quantile import describe_quantiles
from app.training.card.quality.regression import describe_regression
from app.training.gate.metrics import Answers


@dataclass(frozen=True)
class ModelCard:
    """A card without version, time and signer.

    Attributes:
        evidence: What the held-out rows showed.
    """

    schema: FeatureSchema
    evidence: tuple[Section, ...]

    def write(self, staged: Path, manifest: Manifest, signed_by: str | None) -> None:
        """Write the page into a staged release; the same release always gets the same bytes."""
        (staged / CARD).write_text(self.render(manifest, signed_by), encoding="utf-8")

    def render(self, manifest: Manifest, signed_by: str | None) -> str:
        ladder = describe_ladder(manifest.ladder, manifest.eval_metric)
        sections = (
            describe_quality(manifest),
            *self.evidence,
            describe_importance(manifest.feature_importance, manifest.eval_metric),
            *([ladder] if ladder else []),
            describe_checks(manifest.checks),
            describe_limits(manifest, self.schema),
            describe_schema(self.schema),
            describe_origin(manifest, signed_by=signed_by),
        )
        return render_page(
            kind="Model card",
            name=show_text(manifest.name),
            detail=f"version {manifest.version}",
            facts=list_facts(manifest, signed_by=signed_by),
            sections=sections,
        )


def prepare_card(manifest: Manifest, schema: FeatureSchema, answers: Answers) -> ModelCard:
    """Compute what takes time: curves, tables and plots of the held-out answers."""
    return ModelCard(schema, _describe_answers(manifest, answers))


def _describe_answers(manifest: Manifest, answers: Answers) -> tuple[Section, ...]:
    labels = manifest.class_labels or ()
    if manifest.problem_type == "binary":
        (negative,) = (label for label in labels if label != manifest.positive_class)
        return describe_binary(
            answers, negative=negative, positive=manifest.positive_class, threshold=manifest.decision_threshold or 0.5
        )
    if manifest.problem_type == "multiclass":
        return describe_multiclass(answers, names=labels)
    if manifest.problem_type == "quantile":
        return describe_quantiles(answers)
    return describe_regression(answers, label=show_text(manifest.label, most=30))
