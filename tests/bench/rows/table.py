"""A table of as many different rows as are wanted, and the store that answers them."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench.command import run_child

_SEED = 20261130
# A number of so few values is a kind of category.
_FEW = 2


@dataclass(frozen=True)
class Prepared:
    """Attributes: models: A store with an active release; rows: Real rows of its data."""

    models: Path
    rows: list[dict[str, Any]]


def prepare(predictors: Path, cache: Path, *, quick: bool) -> Prepared:
    """The churn ensemble, or with `quick` a tiny one of the tests."""
    places = run_child("tests.bench.switching.prepare", "plan", str(predictors), str(cache), *["--quick"] * quick)
    return Prepared(Path(places["store"]), orjson.loads(Path(places["rows"]).read_bytes()))


def vary_rows(rows: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Real rows in turn, their numbers moved by up to a tenth: a plan computes rows that are alike once."""
    chance = random.Random(_SEED)
    floats = {name for name in rows[0] if len({row[name] for row in rows if isinstance(row[name], float)}) > _FEW}
    for number in range(count):
        row = dict(rows[number % len(rows)])
        for name, value in row.items():
            if name in floats and isinstance(value, float):
                row[name] = round(value * (0.9 + 0.2 * chance.random()), 3)
        yield row


def write_csv(path: Path, rows: list[dict[str, Any]], count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(vary_rows(rows, count))
