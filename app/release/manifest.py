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


LadderKind = Literal["full", "refit", "pruned", "single", "student", "float16"]


@dataclass(frozen=True, kw_only=True)
class LadderEntry:
    """One candidate of the optimisation ladder, measured as it would be served. Figures are None when it was left out.

    Attributes:
        name: Short and unique in its ladder, such as "full" or "pruned-3".
        description: What it is, in words: its models and what was taken away.
        quality: The evaluation metric on held-out rows in its natural sign (log_loss is positive).
        loss: How much worse than the full ensemble, relative to it: 0.005 is 0.5 % worse, below 0 is better.
        loss_low: Lower end of the paired 95 % interval of that loss; loss_high is the upper end.
        latency_ms: Median of one row.
        execution: "plan" or "native".
        reason: Why it was chosen, not chosen or left out.
    """

    name: str
    kind: LadderKind
    description: str
    reason: str
    chosen: bool = False
    quality: float | None = None
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    latency_ms: float | None = None
    latency_p99_ms: float | None = None
    rows_per_second: float | None = None
    size_mb: float | None = None
    memory_mb: float | None = None
    execution: str | None = None


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a release except its rows. Times are UTC in ISO 8601, sizes in bytes unless named otherwise.

    Attributes:
        plan_refusal: Why the release has no compiled plan and is executed by AutoGluon itself; None when it has one.
        size_before_mb: What AutoGluon's own clone for deployment takes; `size_mb` is what the release takes.
        ladder: The candidates that the release was chosen from; empty when no ladder was built.
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
    size_before_mb: float | None = None
    ladder: tuple[LadderEntry, ...] = ()
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
                "ladder": tuple(LadderEntry(**item) for item in values.get("ladder", ())),
                "files": {path: FileEntry(**item) for path, item in values["files"].items()},
            }
        )


def _as_tuple(items: list[Any] | None) -> tuple[Any, ...] | None:
    return None if items is None else tuple(items)
