"""Names and bytes: rows share a name only if the model sees the same, and answers come back to the last bit."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.runtime.predictions import Predictions
from app.serving.cache.answers import decode_answer, encode_answer, join_answers, split_answers
from app.serving.cache.digests import RowDigests, drop_owner
from tests.serving.cache.builders import CountingExecutor, make_release

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0, "1", "null", ""]), TEXTS
)
ROWS = st.tuples(VALUES, VALUES, VALUES)
LABELS = st.one_of(TEXTS, WHOLE, NUMBERS, st.booleans(), st.dictionaries(TEXTS, NUMBERS, min_size=1, max_size=3))
PROBABILITIES = st.dictionaries(TEXTS, NUMBERS, min_size=1, max_size=3)


def write_exactly(value: Any) -> Any:
    """So that whatever differs in type, sign or bits differs."""
    if isinstance(value, float):
        return ("float", struct.pack("d", value))
    if isinstance(value, dict):
        return [(name, write_exactly(item)) for name, item in value.items()]
    return (type(value).__name__, value)


@given(ROWS, ROWS)
def test_rows_have_the_same_name_only_if_they_are_the_same(one: Any, other: Any) -> None:
    first, second = RowDigests(make_release(CountingExecutor())).compute([one, other])
    are_the_same = [write_exactly(value) for value in one] == [write_exactly(value) for value in other]
    assert (first == second) == are_the_same


@given(ROWS)
def test_a_row_has_the_same_name_in_every_process_and_another_for_every_version(row: Any) -> None:
    one, again, other = (RowDigests(make_release(CountingExecutor(), version)) for version in ("1", "1", "2"))
    names = [drop_owner(digests.compute([row])[0]) for digests in (one, again, other)]
    assert names[0] == names[1] != names[2]
    assert one.owner != again.owner


@given(st.lists(st.tuples(LABELS, PROBABILITIES), min_size=1, max_size=4), st.booleans())
def test_answers_come_back_to_the_last_bit_in_their_order(answers: Any, has_probabilities: bool) -> None:
    labels, probabilities = [label for label, _ in answers], [row for _, row in answers]
    computed = Predictions(labels, probabilities if has_probabilities else None)
    joined = join_answers([decode_answer(encode_answer(one)) for one in split_answers(computed)], cached_rows=0)
    assert list(map(write_exactly, joined.labels)) == list(map(write_exactly, computed.labels))
    assert joined.probabilities is None or list(map(write_exactly, joined.probabilities)) == list(
        map(write_exactly, probabilities)
    )
    assert (joined.probabilities is None) == (computed.probabilities is None)
