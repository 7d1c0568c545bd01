"""Which answers to requests under a changing model are wrong: failed, computed by another version, or old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.bench.load.answers import TOLERANCE, compute_difference
from tests.bench.load.open_loop import Answer

OK = 200
# Versions can be told apart by numbers that differ by more than this: a hundred times what counts as equal.
LEAST_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class ExpectedAnswer:
    """To one row: the label, and the probabilities by class or the number."""

    label: Any
    numbers: Any


# By version, for each row.
Expected = Mapping[str, Sequence[ExpectedAnswer]]


@dataclass(frozen=True)
class Change:
    """A time in which the active version could change. Moments are those of time.perf_counter().

    Attributes:
        began: When the call was made.
        ended: When it returned.
        possible: Versions that could become the active one meanwhile.
        settled: The version that was active when it had returned.
    """

    began: float
    ended: float
    possible: frozenset[str]
    settled: str


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What is wrong with answers; each list holds one sentence per answer.

    Attributes:
        failed: No answer, or another status than 200.
        mixed: Rows or numbers that are not those of the version that the answer names.
        old: Answers of a version that was not active any more when the request was sent.
    """

    failed: list[str]
    mixed: list[str]
    old: list[str]


class Judge:
    """Knows what each version answers to each row, and which versions could be active when.

    Args:
        rows: For each request, the positions of its rows.
        first: The version that is active before the first change.
    """

    def __init__(
        self, rows: Sequence[Sequence[int]], expected: Expected, *, first: str, changes: Sequence[Change]
    ) -> None:
        self._rows = rows
        self._expected = expected
        self._first = first
        self._changes = changes

    def judge(self, answers: Sequence[Answer]) -> Faults:
        faults = Faults(failed=[], mixed=[], old=[])
        for answer in answers:
            if answer.status != OK:
                what = answer.fault or f"{answer.status}: {answer.body[:200].decode(errors='replace')}"
                faults.failed.append(what)
                continue
            document = orjson.loads(answer.body)
            version = document["model_info"]["version"]
            computed = self.list_computing(document, self._rows[answer.request])
            if version not in computed:
                faults.mixed.append(f"named {version}, computed by {', '.join(computed) or 'none alone'}")
            possible = self.list_possible(answer.sent, answer.received)
            if version not in possible:
                faults.old.append(f"answered by {version}, possible: {', '.join(sorted(possible))}")
        return faults

    def list_possible(self, sent: float, received: float) -> set[str]:
        """The versions that may answer a request."""
        before = [change for change in self._changes if change.ended <= sent]
        meanwhile = [change for change in self._changes if change.began < received and change.ended > sent]
        settled = max(before, key=lambda change: change.ended).settled if before else self._first
        return {settled}.union(*(change.possible for change in meanwhile))

    def list_computing(self, document: Mapping[str, Any], rows: Sequence[int]) -> list[str]:
        """The versions that answer all rows like this."""
        labels = document["predictions"]
        numbers = document["probabilities"] or labels
        if not len(labels) == len(numbers) == len(rows):
            return []
        return [
            version
            for version, expected in self._expected.items()
            if all(
                labels[place] == expected[row].label
                and compute_difference(numbers[place], expected[row].numbers) <= TOLERANCE
                for place, row in enumerate(rows)
            )
        ]


def choose_telling_rows(expected: Expected) -> list[int]:
    """Positions of the rows to which every version answers otherwise than every other."""
    versions = list(expected.values())
    return [
        row
        for row in range(len(versions[0]))
        if all(
            compute_difference(one[row].numbers, other[row].numbers) > LEAST_DIFFERENCE
            for position, one in enumerate(versions)
            for other in versions[:position]
        )
    ]
