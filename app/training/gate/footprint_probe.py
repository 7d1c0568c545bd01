"""Run in a process of its own: load a predictor as a server does, print its memory and one-row latency as JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time

import joblib
import pandas as pd
import psutil
from autogluon.tabular import TabularPredictor

_WARM_UP_CALLS = 3
_MOST_CALLS = 50
_MOST_SECONDS = 10.0


def main(directory: str, rows_file: str) -> None:
    predictor = TabularPredictor.load(directory, verbosity=0)
    predictor.persist(max_memory=None)
    rows = pd.read_pickle(rows_file)  # noqa: S301 (written a moment ago by the process that started this one)
    with joblib.parallel_config(backend="sequential"):
        latency_ms = measure_latency_ms(predictor, rows)
    memory_mb = psutil.Process().memory_info().rss / 1e6
    sys.stdout.write(json.dumps({"memory_mb": memory_mb, "latency_ms": latency_ms}) + "\n")


def measure_latency_ms(predictor: TabularPredictor, rows: pd.DataFrame) -> float:
    """Median milliseconds of one pass over one row."""
    predict = predictor.predict_proba if predictor.can_predict_proba else predictor.predict
    started, seconds = time.perf_counter(), []
    for call in range(_WARM_UP_CALLS + _MOST_CALLS):
        row = rows.iloc[[call % len(rows)]]
        before = time.perf_counter()
        predict(row)
        seconds.append(time.perf_counter() - before)
        if time.perf_counter() - started > _MOST_SECONDS and call > _WARM_UP_CALLS:
            break
    return 1000 * statistics.median(seconds[_WARM_UP_CALLS:])


if __name__ == "__main__":
    main(*sys.argv[1:])
