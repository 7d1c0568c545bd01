"""Plots and tables of answers: equal to what scikit-learn and NumPy say, and there for every odd case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss, precision_score, recall_score

from app.charts.page import Section
from app.charts.table import Table
from app.charts.text import write_number, write_share
from app.training.card.quality.binary import describe_binary
from app.training.card.quality.multiclass import describe_multiclass
from app.training.card.quality.quantile import describe_quantiles
from app.training.card.quality.regression import describe_regression
from app.training.gate.metrics import Answers
from tests.training.card.builders import make_binary_answers, make_multiclass_answers

MATRIX = "Confusion matrix: rows are what was true, columns what was answered"


def find_table(sections: tuple[Section, ...], caption: str) -> list[list[str]]:
    tables: list[Table] = []
    for section in sections:
        tables += [*section.tables, *(figure.table for figure in section.figures if figure.table)]
    (found,) = (table for table in tables if table.caption == caption)
    return [[cell.text for cell in row] for row in found.rows]


def describe(answers: Answers) -> tuple[Section, ...]:
    return describe_binary(answers, negative="No", positive="Yes", threshold=0.5)


def test_thresholds_are_measured_as_scikit_learn_does() -> None:
    answers = make_binary_answers()
    rows = {row[0]: row for row in find_table(describe(answers), "Thresholds in numbers")}
    assert answers.probabilities is not None
    said = answers.probabilities >= 0.3
    assert rows["0.3"][2] == write_share(recall_score(answers.truth, said))
    assert rows["0.3"][4] == write_share(precision_score(answers.truth, said))
    assert rows["0.5 (in use)"][1] == write_share(answers.predicted.mean())


@pytest.mark.parametrize("truth", [0, 1])
def test_without_rows_of_both_classes_there_is_no_curve_and_a_sentence_says_so(truth: int) -> None:
    answers = replace(make_binary_answers(), truth=np.full(400, truth))
    _, curves, calibration = describe(answers)
    assert curves.figures == ()
    assert "All held-out rows are of one class" in curves.sentences[0]
    assert calibration.figures


def test_curves_of_many_rows_are_thinned_with_both_ends_kept() -> None:
    _, curves, _ = describe(make_binary_answers(50_000))
    (line,) = (mark for mark in curves.figures[0].chart.marks if mark.style == "line")
    assert line.path.count("L") < 200
    assert line.path.startswith("M62 274")
    assert line.path.endswith("L388 10")


def test_each_class_is_measured_as_scikit_learn_does() -> None:
    answers = make_multiclass_answers(4)
    precision = precision_score(answers.truth, answers.predicted, average=None)
    rows = find_table(describe_multiclass(answers, names=(1, 2, "three", None)), "Each class")
    assert [row[0] for row in rows] == ["1", "2", "three", "None"]
    assert [row[2] for row in rows] == [write_share(value) for value in precision]


def test_a_class_without_held_out_rows_has_no_recall() -> None:
    answers = make_multiclass_answers(3)
    rows = find_table(describe_multiclass(answers, names=("a", "b", "c", "never seen")), "Each class")
    assert rows[-1] == ["never seen", "0", "–", "–", "–"]


def test_classes_that_training_left_out_are_counted_as_one_that_is_never_answered() -> None:
    answers = make_multiclass_answers(3)
    truth = np.where(np.arange(600) < 7, -1, answers.truth)
    sections = describe_multiclass(replace(answers, truth=truth), names=("a", "b", "c"))
    assert find_table(sections, "Each class")[-1][:2] == ["(classes it does not know)", "7"]
    assert find_table(sections, MATRIX)[-1][-2:] == ["0", "7"]


def test_small_classes_are_added_up_in_the_matrix_and_no_row_is_lost() -> None:
    answers = make_multiclass_answers(30)
    rows = find_table(describe_multiclass(answers, names=tuple(range(30))), MATRIX)
    assert len(rows) == 13
    assert rows[-1][0] == "18 other classes"
    counts = [[int(cell.partition(" ")[0]) for cell in row[1:-1]] for row in rows]
    assert np.sum(counts) == len(answers.truth)
    assert [sum(line) for line in counts] == [int(row[-1]) for row in rows]


def test_errors_of_a_number_are_told_by_their_quantiles() -> None:
    truth = np.arange(101.0)
    answers = Answers(problem_type="regression", truth=truth, predicted=truth + np.arange(101) - 50)
    signed, sizes = find_table(describe_regression(answers, label="price"), "Error quantiles")
    assert signed == ["error", "-45", "-25", "0", "25", "45"]
    assert sizes[-1] == write_number(float(np.quantile(np.abs(np.arange(101) - 50), 0.95)))
    assert len(find_table(describe_regression(answers, label="price"), "Errors by size of the prediction")) == 10


@pytest.mark.parametrize("rows", [1, 3, 5000])
def test_there_are_plots_for_constant_few_and_many_numbers(rows: int) -> None:
    answers = Answers(problem_type="regression", truth=np.full(rows, 3), predicted=np.full(rows, 3.0))
    (section,) = describe_regression(answers, label="price")
    dots = [mark.path.count("h0") for mark in section.figures[0].chart.marks if mark.style == "cloud"]
    assert dots == [min(rows, 1200)]


def test_levels_are_measured_by_coverage_and_pinball_loss() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=1000)
    predicted = np.tile(np.array([-1.0, 0.0, 1.0]), (1000, 1))
    answers = Answers(problem_type="quantile", truth=truth, predicted=predicted, quantile_levels=(0.1, 0.5, 0.9))
    sections = describe_quantiles(answers)
    level = find_table(sections, "Each level")[0]
    assert level[:2] == ["0.1", write_share((truth <= -1).mean())]
    assert level[3] == write_number(mean_pinball_loss(truth, predicted[:, 0], alpha=0.1))
    inside = ((truth > -1) & (truth <= 1)).mean()
    assert find_table(sections, "Intervals between two levels") == [["0.1 to 0.9", "80.0 %", write_share(inside), "2"]]


def test_levels_without_a_counterpart_make_no_interval() -> None:
    answers = Answers(
        problem_type="quantile", truth=np.arange(9.0), predicted=np.zeros((9, 2)), quantile_levels=(0.1, 0.5)
    )
    assert [table.caption for table in describe_quantiles(answers)[0].tables] == ["Each level"]
