"""Windows of live rows, counted and judged as a worker and the watcher do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from app.monitoring.drift.report import DriftReport, judge_window
from app.monitoring.drift.sketcher import ProfileSketcher
from app.monitoring.drift.window import Window
from app.runtime.dates.reading import read_seconds
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.bench.monitoring.drift.subjects import Prepared


def judge(prepared: Prepared, rows: Sequence[TypedRow], answers: Predictions) -> DriftReport:
    sketcher = ProfileSketcher("1", prepared.opened, read_date=read_seconds)
    sketcher.add(rows, answers.labels, answers.probabilities)
    sketch = orjson.loads(orjson.dumps(sketcher.flush()))
    return judge_window(Window.read(sketch), prepared.opened)


def draw(rows: int, prepared: Prepared, random: np.random.Generator) -> list[TypedRow]:
    return [prepared.pool[place] for place in random.integers(0, len(prepared.pool), rows)]


def replace_column(rows: Sequence[TypedRow], place: int, values: Sequence[Any]) -> list[TypedRow]:
    return [(*row[:place], value, *row[place + 1 :]) for row, value in zip(rows, values, strict=True)]
