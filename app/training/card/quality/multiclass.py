"""Several classes: the confusion matrix, how well each class is found, calibration of the class that is answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from app.charts.page import Section
from app.charts.table import Table, make_row
from app.charts.text import show_text, write_share
from app.training.card.quality.calibration import compute_bins, draw_calibration
from app.training.card.quality.confusion import count_confusions, tabulate_confusions
from app.training.gate.metrics import Answers

_MOST_CLASSES = 200


def describe_multiclass(answers: Answers, *, names: tuple[object, ...]) -> tuple[Section, ...]:
    """Sections about right and wrong answers. `answers.truth` holds positions in `names`, -1 for what is not there."""
    answers, names = _name_unknown_classes(answers, names)
    counts = count_confusions(answers.truth, answers.predicted, len(names))
    confusions = Section(
        key="confusion",
        title="Right and wrong answers",
        tables=(tabulate_confusions(counts, names), _tabulate_classes(answers, names)),
    )
    probabilities = np.asarray(answers.probabilities, dtype=float)
    said = probabilities[np.arange(len(probabilities)), answers.predicted]
    bins = compute_bins(said, answers.predicted == answers.truth)
    calibration = Section(
        key="calibration-section",
        title="Can its probabilities be taken at their word?",
        sentences=("Of each row the probability of the class that was answered.",),
        figures=(draw_calibration(bins, said="probability of the answer", came_true="share of right answers"),),
    )
    return confusions, calibration


def _name_unknown_classes(answers: Answers, names: tuple[object, ...]) -> tuple[Answers, tuple[object, ...]]:
    """AutoGluon leaves classes with very few rows out of training: together they are one more class, never answered."""
    unknown = answers.truth < 0
    if not unknown.any():
        return answers, names
    return replace(answers, truth=np.where(unknown, len(names), answers.truth)), (*names, "(classes it does not know)")


def _tabulate_classes(answers: Answers, names: tuple[object, ...]) -> Table:
    scores = precision_recall_fscore_support(
        answers.truth, answers.predicted, labels=np.arange(len(names)), zero_division=np.nan
    )
    precision, recall, f1, rows = scores
    shown = range(min(len(names), _MOST_CLASSES))
    return Table(
        caption="Each class",
        columns=("class", "held-out rows", "precision", "recall", "F1"),
        rows=tuple(
            make_row(
                show_text(names[position]),
                f"{int(rows[position]):,}",
                *(_write_score(float(score[position])) for score in (precision, recall, f1)),
            )
            for position in shown
        ),
        numeric=frozenset({1, 2, 3, 4}),
        note="" if len(shown) == len(names) else f"The first {len(shown)} of {len(names):,} classes.",
    )


def _write_score(score: float) -> str:
    return "–" if np.isnan(score) else write_share(score)
