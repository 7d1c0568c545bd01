"""The active version changes under an open load: no request fails, each is answered by one version, the right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.switching.judging import Faults
from tests.flows.traffic import KnownAnswers, server_under_load

NO_FAULTS = Faults(failed=[], mixed=[], old=[])
ACTIVATIONS = 6
ROLLBACKS = 4
# Far below capacity, also where the machine is busy with other things.
RATES = {"plan": 40, "native": 10}


@pytest.mark.parametrize("execution", ["plan", "native"])
def test_activations_and_rollbacks_cost_no_answer_and_mix_none(
    pair_home: Path, make_key: Callable[..., str], pair_answers: KnownAnswers, execution: str
) -> None:
    environment = {"GLUONSERVE_EXECUTION": execution}
    key = make_key(pair_home, "predict", "admin")
    with server_under_load(pair_home, key, pair_answers, rate=RATES[execution], environment=environment) as under_load:
        operator = under_load.operator
        calls = [operator.activate("1" if number % 2 else "2") for number in range(ACTIVATIONS)]
        calls += [operator.rollback() for _ in range(ROLLBACKS)]
    assert [(call.status, call.document["version"], call.document["workers"]) for call in calls] == [
        (200, "1" if number % 2 else "2", 2) for number in range(ACTIVATIONS + ROLLBACKS)
    ]
    assert under_load.faults == NO_FAULTS
    assert set(under_load.count_versions()) == {"1", "2"}


def test_a_rollback_during_an_activation_is_refused_and_works_after_it(
    pair_home: Path, make_key: Callable[..., str], pair_answers: KnownAnswers
) -> None:
    key = make_key(pair_home, "predict", "admin")
    with server_under_load(pair_home, key, pair_answers, rate=RATES["plan"]) as under_load:
        activation, rollback = under_load.operator.rollback_during_activation("2", after_seconds=0.2)
        after = under_load.operator.rollback()
    assert (activation.status, activation.document["version"]) == (200, "2")
    assert (rollback.status, rollback.document["error"]) == (409, "activation_in_progress")
    assert (after.status, after.document["version"]) == (200, "1")
    assert under_load.faults == NO_FAULTS
