"""Two classes: the confusion matrix at the decision threshold, ROC and precision-recall curves, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from app.charts.chart import Canvas, Chart, Mark, Point
from app.charts.page import Figure, Section
from app.charts.scale import UNIT
from app.charts.table import Table, make_row
from app.charts.text import show_text, write_number, write_share
from app.training.card.quality.calibration import compute_bins, draw_calibration
from app.training.card.quality.confusion import count_confusions, tabulate_confusions
from app.training.gate.metrics import Answers

Numbers = npt.NDArray[Any]

_MOST_POINTS = 150
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a threshold does, as shares; `said` is the share of rows answered with the positive class."""

    said: float
    recall: float
    false_alarms: float
    precision: float


def describe_binary(answers: Answers, *, negative: object, positive: object, threshold: float) -> tuple[Section, ...]:
    """Sections about right and wrong answers. `answers.truth` is 1 for the positive class."""
    probabilities = np.asarray(answers.probabilities, dtype=float)
    name = show_text(positive, most=30)
    confusions = Section(
        key="confusion",
        title="Right and wrong answers",
        sentences=(f"A row is answered {name} from a probability of {write_number(threshold)} on.",),
        tables=(tabulate_confusions(count_confusions(answers.truth, answers.predicted, 2), (negative, positive)),),
    )
    curves = Section(
        key="curves",
        title="Other thresholds",
        sentences=_explain_curves(answers.truth, name),
        figures=_draw_curves(answers, probabilities, threshold, name),
    )
    bins = compute_bins(probabilities, answers.truth)
    calibration = Section(
        key="calibration-section",
        title="Can its probabilities be taken at their word?",
        figures=(draw_calibration(bins, said=f"probability of {name}", came_true=f"share of {name}"),),
    )
    return confusions, curves, calibration


def _explain_curves(truth: Numbers, name: str) -> tuple[str, ...]:
    if len(np.unique(truth)) < 2:
        return ("All held-out rows are of one class: there is nothing to tell apart, and no curve.",)
    return (
        f"Each threshold finds some of the rows that are {name} (recall) at the price of false alarms. "
        "The dot is the threshold in use.",
    )


def _draw_curves(answers: Answers, probabilities: Numbers, threshold: float, name: str) -> tuple[Figure, ...]:
    truth = answers.truth
    if len(np.unique(truth)) < 2:
        return ()
    in_use = _measure_answers(truth, answers.predicted == 1)
    return (
        Figure(
            _draw_roc(truth, probabilities, in_use), _list_thresholds(truth, probabilities, in_use, threshold, name)
        ),
        Figure(_draw_precision(truth, probabilities, in_use)),
    )


def _draw_roc(truth: Numbers, probabilities: Numbers, in_use: Measured) -> Chart:
    false_alarms, found, _ = roc_curve(truth, probabilities)
    canvas = Canvas(UNIT, UNIT)
    area = float(roc_auc_score(truth, probabilities))
    return Chart(
        key="roc",
        title="ROC curve",
        description=f"Recall against the rate of false alarms over all thresholds; the area below is {area:.4f} "
        "(0.5 is guessing, 1 is perfect).",
        x_label="rate of false alarms",
        y_label="recall",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_line([(0, 0), (1, 1)]), "guide", "guessing"),
            Mark(canvas.draw_line(_thin(false_alarms, found)), "line", "this model"),
            Mark(canvas.draw_dots([(in_use.false_alarms, in_use.recall)]), "marked", "threshold in use"),
        ),
    )


def _draw_precision(truth: Numbers, probabilities: Numbers, in_use: Measured) -> Chart:
    precision, recall, _ = precision_recall_curve(truth, probabilities)
    canvas = Canvas(UNIT, UNIT)
    area, base = float(average_precision_score(truth, probabilities)), float(truth.mean())
    return Chart(
        key="precision-recall",
        title="Precision and recall",
        description=f"Precision against recall over all thresholds; average precision {area:.4f}, where always saying "
        f"yes has {base:.4f}.",
        x_label="recall",
        y_label="precision",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_line([(0, base), (1, base)]), "guide", "always yes"),
            Mark(canvas.draw_line(_thin(recall, precision)), "line", "this model"),
            Mark(canvas.draw_dots([(in_use.recall, in_use.precision)]), "marked", "threshold in use"),
        ),
    )


def _measure_answers(truth: Numbers, said: Numbers) -> Measured:
    right = int((said & (truth == 1)).sum())
    return Measured(
        said=float(said.mean()),
        recall=right / int(truth.sum()),
        false_alarms=(int(said.sum()) - right) / int((truth == 0).sum()),
        precision=right / int(said.sum()) if said.any() else 1.0,
    )


def _list_thresholds(truth: Numbers, probabilities: Numbers, in_use: Measured, threshold: float, name: str) -> Table:
    measured = {other: _measure_answers(truth, probabilities >= other) for other in _THRESHOLDS}
    measured = dict(sorted({**measured, threshold: in_use}.items()))
    return Table(
        caption="Thresholds in numbers",
        columns=("threshold", f"answered {name}", "recall", "false alarms", "precision"),
        rows=tuple(
            make_row(
                f"{write_number(at)}{' (in use)' if at == threshold else ''}",
                *map(write_share, (figures.said, figures.recall, figures.false_alarms, figures.precision)),
            )
            for at, figures in measured.items()
        ),
        numeric=frozenset({1, 2, 3, 4}),
        marked=frozenset({list(measured).index(threshold)}),
        is_folded=True,
    )


def _thin(x: Numbers, y: Numbers) -> list[Point]:
    """At most so many points of a curve, evenly chosen along it, both ends kept."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_POINTS)).round().astype(int))
    return [(float(x[position]), float(y[position])) for position in kept]
