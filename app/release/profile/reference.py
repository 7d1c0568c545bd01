"""What profile.json holds: of each feature, and of the answers, the bins and how often they were met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.release.profile.bins import CategoryBins, NumberBins
from app.release.schema import Feature, FeatureSchema, Scalar

PROFILE = "profile.json"

Kind = Literal["number", "category", "boolean", "date", "text"]
View = Literal["class", "probability", "confidence", "value", "quantile"]
Source = Literal["training", "held-out"]


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """Values of one column.

    Attributes:
        kind: Dates are counted as seconds since 1970, texts by their length in characters.
        counts: How often each bin was met, each row counted as if it were not one of training: a value that no other
            row has is one that training did not have.
        mean, deviation: Of numbers, the standard deviation included; None for categories.
    """

    name: str
    kind: Kind
    bins: NumberBins | CategoryBins
    counts: tuple[int, ...]
    mean: float | None = None
    deviation: float | None = None

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def to_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in ("name", "kind", "counts", "mean", "deviation")}
        if isinstance(self.bins, NumberBins):
            return values | {"stretches": self.bins.stretches}
        return values | {"categories": self.bins.categories}


@dataclass(frozen=True, kw_only=True)
class AnswerProfile:
    """Answers to held-out rows, seen in one way: to rows that it was trained on, a model is too sure of itself.

    Attributes:
        view: The class; the probability of the class `of`; that of the likeliest class; the number; the quantile `of`.
    """

    view: View
    of: str | None
    column: ColumnProfile

    def to_dict(self) -> dict[str, Any]:
        bins = self.column.bins
        others = sorted(bins.others, key=str) if isinstance(bins, CategoryBins) else []
        return {"view": self.view, "of": self.of, "others": others, **self.column.to_dict()}


@dataclass(frozen=True, kw_only=True)
class ReferenceProfile:
    """What live rows and answers are compared with.

    Attributes:
        source: Which rows the features were counted in.
        features: In the order of the schema.
    """

    source: Source
    features: tuple[ColumnProfile, ...]
    answers: tuple[AnswerProfile, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "features": [column.to_dict() for column in self.features],
            "answers": [answer.to_dict() for answer in self.answers],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], schema: FeatureSchema) -> ReferenceProfile:
        """Build a profile from parsed JSON and the schema of its release, which has the categories that are rare.

        Raises:
            KeyError, TypeError, ValueError: when a member is missing or of another shape.
        """
        pairs = zip(values["features"], schema.features, strict=True)
        return cls(
            source=values["source"],
            features=tuple(_read_column(column, list_known_values(feature)) for column, feature in pairs),
            answers=tuple(
                AnswerProfile(view=one["view"], of=one["of"], column=_read_column(one, one["others"]))
                for one in values["answers"]
            ),
        )


def find_kind(feature: Feature) -> Kind:
    """As what values of a feature are counted. Of two values, each is a category."""
    if feature.type == "bool":
        return "boolean"
    if feature.two_valued or feature.type == "category":
        return "category"
    return {"datetime": "date", "text": "text"}.get(feature.type, "number")  # type: ignore[return-value] # one of Kind


def list_known_values(feature: Feature) -> Sequence[Scalar]:
    """All categories that training had."""
    if feature.categories is not None:
        return feature.categories
    return (False, True) if feature.type == "bool" else ()


def _read_column(values: Mapping[str, Any], known: Sequence[Scalar]) -> ColumnProfile:
    bins: NumberBins | CategoryBins
    if "stretches" in values:
        bins = NumberBins(tuple((float(low), float(high)) for low, high in values["stretches"]))
    else:
        categories = tuple(values["categories"])
        bins = CategoryBins(categories, frozenset(known).difference(categories))
    if len(values["counts"]) != bins.size:
        raise ValueError("counts do not fit their bins")
    return ColumnProfile(
        name=values["name"],
        kind=values["kind"],
        bins=bins,
        counts=tuple(map(int, values["counts"])),
        mean=values["mean"],
        deviation=values["deviation"],
    )
