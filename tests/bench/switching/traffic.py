"""Requests that tell versions apart, and what each version answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.release.store import ReleaseStore
from app.runtime.loading import Execution, load_release
from tests.bench.load.requests import frame_request
from tests.bench.switching.judging import Change, Expected, ExpectedAnswer, Judge, choose_telling_rows

# Every tenth request has several rows: they must all be answered by one version.
_ONE_OF = 10
_SEVERAL_ROWS = 5


@dataclass(frozen=True)
class Traffic:
    """Requests with the positions of their rows, and the answers that are expected of each version to each row."""

    requests: Sequence[bytes]
    rows: Sequence[Sequence[int]]
    expected: Expected

    def judge_with(self, changes: Sequence[Change], *, first: str) -> Judge:
        return Judge(self.rows, self.expected, first=first, changes=changes)


class VersionsTooAlike(Exception):
    """Too few rows are answered otherwise by every version."""


def make_traffic(rows: Sequence[Any], expected: Expected, *, key: str, most_rows: int = 300) -> Traffic:
    """Requests of one row each, and some of several, of rows to which no two versions give the same answer.

    Raises:
        VersionsTooAlike: when there are hardly any such rows.
    """
    telling = choose_telling_rows(expected)[:most_rows]
    if len(telling) < _SEVERAL_ROWS:
        raise VersionsTooAlike(f"Only {len(telling)} of {len(rows)} rows tell the versions apart.")
    chosen: list[list[int]] = []
    for place, row in enumerate(telling):
        chosen.append([row])
        if place % _ONE_OF == 0:
            chosen.append([telling[(place + offset) % len(telling)] for offset in range(_SEVERAL_ROWS)])
    bodies = [orjson.dumps({"data": [rows[position] for position in positions]}) for positions in chosen]
    return Traffic([frame_request(body, key) for body in bodies], chosen, expected)


def compute_expected(
    store: ReleaseStore, rows: Sequence[Any], *, prefer: Execution = "plan"
) -> dict[str, list[ExpectedAnswer]]:
    """What each version of a store answers, computed in this process."""
    return {version: _answer(store, version, rows, prefer) for version in store.versions()}


def _answer(store: ReleaseStore, version: str, rows: Sequence[Any], prefer: Execution) -> list[ExpectedAnswer]:
    release = load_release(store.directory(version), trust=store.trust, prefer=prefer)
    predictions = release.executor.predict(release.validator.check(list(rows)).rows)
    numbers = predictions.probabilities or predictions.labels
    return [ExpectedAnswer(label, number) for label, number in zip(predictions.labels, numbers, strict=True)]
