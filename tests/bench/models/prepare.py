"""Everything of one predictor that servers and requests are made of; what a former run made is used again.

A process of its own, so that the one that makes the load never imports AutoGluon:
`python -m tests.bench.models.prepare SUBJECT PREDICTORS CACHE` prints where things lie, as JSON on its last line.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from app.errors import InvalidRows
from app.release.verification import read_schema
from app.runtime.rows import RowValidator
from tests.bench.models.releases import compute_digest, copy_without_plan, find_release, has_plan, publish
from tests.bench.models.subjects import load_data, train
from tests.bench.scope import MANY_ROWS, SUBJECTS, Subject


def prepare(subject: Subject, predictors: Path, cache: Path) -> dict[str, Any]:
    data = load_data(subject)
    predictor = predictors / subject.directory
    if not (predictor / "predictor.pkl").exists():
        _say(f"{subject.name}: training on {len(data.train)} rows, once; a minute or more")
        train(subject, data, predictor)
    place = cache / "releases" / subject.directory / compute_digest(predictor)
    place.mkdir(parents=True, exist_ok=True)
    store, without_plan, rows = place / "store", place / "without-plan", place / "rows.json"
    if not store.exists():
        _say(f"{subject.name}: publishing and proving")
        publish(predictor, data, store, name=subject.directory)
    if not without_plan.exists():
        copy_without_plan(store, without_plan)
    if not rows.exists():
        frame = pd.concat([data.held_out, data.train]).drop(columns=subject.label)
        rows.write_bytes(orjson.dumps(choose_rows(frame, store)))
    return {
        "predictor": str(predictor.absolute()),
        "store": str(store),
        "without_plan": str(without_plan),
        "rows": str(rows),
        "has_plan": has_plan(store),
    }


def choose_rows(frame: pd.DataFrame, store: Path) -> list[Any]:
    """MANY_ROWS rows as a caller sends them, held-out ones first; a shorter data set begins again at its end."""
    validator = RowValidator(read_schema(find_release(store)))
    chosen = []
    # Twice as many as are needed, for those that the schema refuses: nulls where the training rows had none.
    text = frame.head(2 * MANY_ROWS).to_json(orient="records", double_precision=15, date_format="iso")
    for row in orjson.loads(text):
        try:
            validator.check([row])
        except InvalidRows:
            continue
        chosen.append(row)
    return [chosen[position % len(chosen)] for position in range(MANY_ROWS)]


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    name, predictors, cache = sys.argv[1:]
    prepared = prepare(SUBJECTS[name], Path(predictors), Path(cache))
    sys.stdout.write(orjson.dumps(prepared).decode() + "\n")


if __name__ == "__main__":
    main()
