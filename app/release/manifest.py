"""The manifest of a release: who it is, how good it is, what it was made with and which files belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

ProblemType = Literal["binary", "multiclass", "regression", "quantile"]
Label = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """A metric on held-out rows in its natural sign (log_loss is positive), with its 95 % confidence interval."""

    value: float
    low: float
    high: float
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class FeatureImportance:
    """Permutation importance on held-out rows: how much worse the evaluation metric is when the feature is shuffled."""

    importance: float
    stddev: float


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a release except its rows. Times are UTC in ISO 8601, sizes in bytes unless named otherwise.

    Attributes:
        plan_refusal: Why the release has no compiled plan and is executed by AutoGluon itself; None when it has one.
    """

    name: str
    version: str
    created: str
    label: str
    problem_type: ProblemType
    eval_metric: str
    best_model: str
    class_labels: tuple[Label, ...] | None
    positive_class: Label | None
    decision_threshold: float | None
    quantile_levels: tuple[float, ...] | None
    rows_train: int | None
    rows_held_out: int
    quality: Mapping[str, MetricValue]
    feature_importance: Mapping[str, FeatureImportance]
    checks: Mapping[str, float]
    libraries: Mapping[str, str]
    plan_refusal: str | None = None
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    @property
    def size_mb(self) -> float:
        return sum(entry.size for entry in self.files.values()) / 1e6

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """Build a manifest from parsed JSON.

        Raises:
            KeyError, TypeError: when a member is missing, unknown or of another shape.
        """
        return cls(
            **{
                **values,
                "class_labels": _as_tuple(values["class_labels"]),
                "quantile_levels": _as_tuple(values["quantile_levels"]),
                "quality": {name: MetricValue(**item) for name, item in values["quality"].items()},
                "feature_importance": {
                    name: FeatureImportance(**item) for name, item in values["feature_importance"].items()
                },
                "files": {path: FileEntry(**item) for path, item in values["files"].items()},
            }
        )


def _as_tuple(items: list[Any] | None) -> tuple[Any, ...] | None:
    return None if items is None else tuple(items)
