"""AutoGluon in a process of its own: the answers that servers must give, and how long it takes in process.

`python -m tests.bench.models.reference PREDICTOR ROWS_JSON` holds the predictor in memory; each line on its standard
input is a question, each line on its output an answer in JSON.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
from autogluon.tabular import TabularPredictor


class Reference:
    """The process, asked from another one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def measure_seconds(self) -> float:
        """One `predict_proba` of all rows (`predict` where there are no probabilities), from DataFrame to DataFrame."""
        return float(self._ask(b"measure"))

    def answer(self, rows: int) -> list[Any]:
        """The probabilities of the first rows by class, or their numbers."""
        return list(self._ask(b"answer %d" % rows))

    def _ask(self, question: bytes) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question + b"\n")
        self._process.stdin.flush()
        return orjson.loads(self._process.stdout.readline())


@contextmanager
def running_reference(predictor: Path, rows: Path) -> Iterator[Reference]:
    command = [sys.executable, "-m", "tests.bench.models.reference", str(predictor), str(rows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Reference(process)
        finally:
            process.terminate()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    predictor = TabularPredictor.load(sys.argv[1], verbosity=0)
    predictor.persist(models="best", max_memory=None)
    frame = pd.DataFrame(orjson.loads(Path(sys.argv[2]).read_bytes()))
    predict = predictor.predict_proba if predictor.can_predict_proba else predictor.predict
    predict(frame.head())
    for question in sys.stdin:
        started = time.perf_counter()
        answers = predict(frame if question == "measure\n" else frame.head(int(question.split()[1])))
        seconds = time.perf_counter() - started
        if question == "measure\n":
            reply: Any = seconds
        else:
            reply = answers.to_dict("records") if isinstance(answers, pd.DataFrame) else answers.tolist()
        sys.stdout.write(orjson.dumps(reply).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
