"""A store of three versions that answer otherwise, rows, and what each version answers; a former run's is used again.

A process of its own, so that the one that makes the load never imports AutoGluon:
`python -m tests.bench.switching.prepare EXECUTION PREDICTORS CACHE [--quick]` prints where things lie, as JSON on its
last line.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import orjson
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.store import ReleaseStore
from app.runtime.loading import Execution
from tests.bench.models.prepare import choose_rows
from tests.bench.models.releases import compute_digest
from tests.bench.models.subjects import SubjectData, load_data, train
from tests.bench.scope import CHURN
from tests.bench.switching.traffic import compute_expected
from tests.builders import fit_predictor, make_mixed_frame, make_release

ROWS = 1000
_HELD_OUT_ROWS = 500
# Of the second and the third version: the same training on other rows.
_SHARE_OF_ROWS = 0.8
_TINY_FAMILIES = (("GBM", "CAT", "XGB", "RF", "XT", "LR"), ("GBM", "CAT", "LR"), ("XGB", "RF"))
_TINY_TRAINING_ROWS = 700


def prepare(execution: Execution, predictors: Path, cache: Path, *, quick: bool) -> dict[str, str]:
    place = cache / "switching" / ("tiny" if quick else CHURN.directory)
    place.mkdir(parents=True, exist_ok=True)
    versions = list(fit_tiny(place) if quick else train_subject(predictors, place))
    digest = "-".join(compute_digest(directory)[:6] for directory, _ in versions)
    store, rows, expected = place / digest / "models", place / digest / "rows.json", place / digest / execution
    if not store.exists():
        publish(versions, store)
    data = versions[0][1]
    label = str(TabularPredictor.load(str(versions[0][0]), verbosity=0).label)
    frame = pd.concat([data.held_out, data.train]).drop(columns=label)
    rows.write_bytes(orjson.dumps(choose_rows(frame, store)[:ROWS]))
    if not expected.exists():
        say(f"computing what each version answers ({execution})")
        answers = compute_expected(ReleaseStore(store), orjson.loads(rows.read_bytes()), prefer=execution)
        found = {version: [asdict(answer) for answer in given] for version, given in answers.items()}
        expected.write_bytes(orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY))
    return {"store": str(store), "rows": str(rows), "expected": str(expected)}


def train_subject(predictors: Path, place: Path) -> Iterator[tuple[Path, SubjectData]]:
    """The predictor that is measured elsewhere too, and two of the same training on other rows."""
    data = load_data(CHURN)
    for number in range(3):
        directory = place / f"predictor-{number}" if number else predictors / CHURN.directory
        share = data.train.sample(frac=_SHARE_OF_ROWS, random_state=number) if number else data.train
        part = SubjectData(share.reset_index(drop=True), data.held_out)
        if not (directory / "predictor.pkl").exists():
            say(f"training {directory.name} on {len(part.train)} rows, once; a minute or more")
            train(CHURN, part, directory)
        yield directory, part


def fit_tiny(place: Path) -> Iterator[tuple[Path, SubjectData]]:
    """Predictors of the tests: some seconds."""
    frame = make_mixed_frame(1200 + ROWS).drop(columns=["note", "tier", "spent"])
    data = SubjectData(frame.iloc[:_TINY_TRAINING_ROWS], frame.iloc[_TINY_TRAINING_ROWS:])
    for number, families in enumerate(_TINY_FAMILIES):
        directory = place / f"predictor-{number}"
        if not (directory / "predictor.pkl").exists():
            say(f"fitting {directory.name}")
            fit_predictor(data.train, problem_type="binary", path=directory, families=families)
        yield directory, data


def publish(versions: list[tuple[Path, SubjectData]], store: Path) -> None:
    """Make a store whose first version is active. It appears when it is whole."""
    unfinished = store.with_name(f"{store.name}.{os.getpid()}")
    for number, (directory, data) in enumerate(versions):
        say(f"publishing {directory.name}")
        make_release(
            ReleaseStore(unfinished),
            TabularPredictor.load(str(directory), verbosity=0),
            data.held_out.head(_HELD_OUT_ROWS),
            train_data=data.train,
            activate=number == 0,
        )
    unfinished.rename(store)


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    execution, predictors, cache, *options = sys.argv[1:]
    chosen: Execution = "native" if execution == "native" else "plan"
    prepared = prepare(chosen, Path(predictors), Path(cache), quick="--quick" in options)
    sys.stdout.write(orjson.dumps(prepared).decode() + "\n")


if __name__ == "__main__":
    main()
