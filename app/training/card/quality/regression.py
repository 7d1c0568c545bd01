"""A number: what was predicted against what was true, and how large the errors are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from app.charts.chart import Canvas, Chart, Mark
from app.charts.page import Figure, Section
from app.charts.scale import cover
from app.charts.table import Table, make_row
from app.charts.text import write_number
from app.training.gate.metrics import Answers

Numbers = npt.NDArray[Any]

_MOST_DOTS = 1200
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PARTS = 10


def describe_regression(answers: Answers, *, label: str) -> tuple[Section, ...]:
    truth, predicted = answers.truth.astype(float), answers.predicted.astype(float)
    return (
        Section(
            key="errors",
            title="How far answers are off",
            sentences=("An error is the prediction less the true value: above 0 the answer was too high.",),
            tables=(_tabulate_errors(predicted - truth),),
            figures=(
                Figure(_draw_agreement(truth, predicted, label), _tabulate_parts(truth, predicted)),
                Figure(_draw_errors(truth, predicted, label)),
            ),
        ),
    )


def _tabulate_errors(errors: Numbers) -> Table:
    signed, sizes = np.quantile(errors, _SHARES), np.quantile(np.abs(errors), _SHARES)
    return Table(
        caption="Error quantiles",
        columns=("of", *(f"{share * 100:.0f} % of rows below" for share in _SHARES)),
        rows=(
            make_row("error", *map(write_number, map(float, signed))),
            make_row("size of the error", *map(write_number, map(float, sizes))),
        ),
        numeric=frozenset(range(1, len(_SHARES) + 1)),
    )


def _draw_agreement(truth: Numbers, predicted: Numbers, label: str) -> Chart:
    scale = cover([*truth, *predicted])
    canvas, kept = Canvas(scale, scale), _choose_dots(len(truth))
    correlation = float(np.corrcoef(truth, predicted)[0, 1]) if truth.std() and predicted.std() else float("nan")
    return Chart(
        key="agreement",
        title="Predicted and true",
        description=f"Each dot is a held-out row ({len(kept):,} of {len(truth):,}); on the diagonal prediction and "
        f"truth agree. Their correlation is {write_number(correlation)}.",
        x_label=f"true {label}",
        y_label=f"predicted {label}",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_dots(zip(truth[kept], predicted[kept], strict=True)), "cloud", "a row"),
            Mark(canvas.draw_line([(scale.low, scale.low), (scale.high, scale.high)]), "guide", "perfect"),
        ),
    )


def _draw_errors(truth: Numbers, predicted: Numbers, label: str) -> Chart:
    errors = predicted - truth
    x, y, kept = cover(predicted), cover([0.0, *errors]), _choose_dots(len(truth))
    canvas = Canvas(x, y)
    return Chart(
        key="residuals",
        title="Errors",
        description=f"The error of each row against its prediction ({len(kept):,} of {len(truth):,} rows). The mean "
        f"error is {write_number(float(errors.mean()))}, its standard deviation {write_number(float(errors.std()))}.",
        x_label=f"predicted {label}",
        y_label="error",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_dots(zip(predicted[kept], errors[kept], strict=True)), "cloud", "a row"),
            Mark(canvas.draw_line([(x.low, 0), (x.high, 0)]), "guide", "no error"),
        ),
    )


def _tabulate_parts(truth: Numbers, predicted: Numbers) -> Table:
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _PARTS) if len(part)]
    return Table(
        caption="Errors by size of the prediction",
        columns=("predicted", "rows", "mean prediction", "mean truth", "mean size of the error"),
        rows=tuple(
            make_row(
                f"{write_number(float(predicted[part[0]]))} to {write_number(float(predicted[part[-1]]))}",
                f"{len(part):,}",
                write_number(float(predicted[part].mean())),
                write_number(float(truth[part].mean())),
                write_number(float(np.abs(predicted[part] - truth[part]).mean())),
            )
            for part in parts
        ),
        numeric=frozenset({1, 2, 3, 4}),
        is_folded=True,
    )


def _choose_dots(rows: int) -> Numbers:
    """Positions of at most so many rows, evenly spread over all."""
    return np.unique(np.linspace(0, rows - 1, min(rows, _MOST_DOTS)).round().astype(int))
