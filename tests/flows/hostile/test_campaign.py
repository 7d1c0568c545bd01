"""A small share of the hostile campaign, all of which `python -m tests.bench.hostile` runs; it finds what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.release.store import ReleaseStore
from tests.bench.hostile.credentials.dumps import (
    find_in_command_lines,
    find_readable_private_files,
    list_dumped,
    search_dump,
)
from tests.bench.hostile.credentials.random_keys import draw_keys
from tests.bench.hostile.credentials.tokens import is_refused, send_hostile_tokens
from tests.bench.hostile.fuzzing.answers import AnswerJudge
from tests.bench.hostile.fuzzing.exchange import Attack
from tests.bench.hostile.fuzzing.requests import write_request
from tests.bench.hostile.installation import Attacked, attacked_installation
from tests.bench.hostile.sending import ADMINISTRATING, attack

UNGUARDED = "tests.bench.hostile.fuzzing.unguarded"


@pytest.fixture(scope="module")
def attacked(published_plan: ReleaseStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    home = tmp_path_factory.mktemp("attacked") / "home"
    with attacked_installation(published_plan.path, home) as installation:
        yield installation


def read_sample(installation: Attacked) -> dict[str, Any]:
    sample: dict[str, Any] = installation.server.get("/model/schema", installation.credentials.predicting).json()[
        "sample"
    ]
    return sample


def send_key(installation: Attacked, key: str) -> int | None:
    payload = write_request("GET", "/model/info", b"", headers=[("X-API-Key", key)])
    return installation.targets[0].send(Attack(kind="keys", payload=payload)).status


def test_hostile_requests_are_answered_as_documented_and_no_worker_dies(attacked: Attacked) -> None:
    result = attack(attacked, [read_sample(attacked)], per_kind=120, examples=1, callers=(ADMINISTRATING,))
    assert list(result.list_broken_promises()) == []
    assert result.requests > 8 * 120, "schemathesis sent nothing"


@pytest.mark.parametrize(
    ("application", "finding"),
    [
        ("make_without_error_handlers", "is not application/problem+json"),
        ("make_telling", "tells of the inside"),
        ("make_mortal", "workers died"),
    ],
)
def test_a_guard_that_is_taken_away_is_missed(
    published_plan: ReleaseStore, tmp_path: Path, application: str, finding: str
) -> None:
    served = f"{UNGUARDED}:{application}()"
    with attacked_installation(published_plan.path, tmp_path / "home", application=served) as installation:
        result = attack(installation, [read_sample(installation)], per_kind=60)
    assert any(finding in sentence for sentence in result.list_broken_promises())


def test_every_hostile_token_is_refused_by_the_running_server_too(attacked: Attacked) -> None:
    credentials = attacked.credentials
    assert send_key(attacked, credentials.predicting) == 200
    judge = AnswerJudge(secrets=credentials.in_plain_text)
    results = list(send_hostile_tokens(attacked.targets[0], credentials.forge, judge, times=1))
    assert len(results) >= 60
    assert [result for result in results if result.faults or not is_refused(result)] == []


def test_the_good_token_would_not_count_as_refused(attacked: Attacked) -> None:
    target, forge = attacked.targets[0], attacked.credentials.forge
    headers = [("Authorization", f"Bearer {forge.good}")]
    sample = Attack(kind="tokens", payload=write_request("POST", "/predict", b"{}", headers=headers))
    assert target.send(sample).status == 422
    (result,) = send_hostile_tokens(target, forge, AnswerJudge(), times=1, tokens={"good": forge.good})
    assert not is_refused(result)


def test_random_keys_get_the_same_answer_whether_or_not_their_ids_exist(attacked: Attacked) -> None:
    known = [key.split("_")[1] for key in attacked.credentials.keys]
    assert {send_key(attacked, key) for key in draw_keys(40, known_ids=known, seed=3)} == {401}


def test_the_database_the_logs_and_the_process_list_hold_nothing_that_opens_a_door(attacked: Attacked) -> None:
    credentials, home = attacked.credentials, attacked.home
    result = search_dump(
        list_dumped(home), secrets=credentials.in_plain_text, opens=lambda text: send_key(attacked, text[:1000]) == 200
    )
    assert (result.found, result.opened) == ([], [])
    assert {"gluonserve.db"} < {path.name for path in list_dumped(home)}
    assert find_readable_private_files(home) == []
    assert find_in_command_lines(attacked.server.process.pid, secrets=credentials.in_plain_text) == []


def test_a_key_in_a_log_is_found_and_opens_a_door(attacked: Attacked, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(f"refused key={attacked.credentials.predicting} of somebody\n")
    result = search_dump(
        [log],
        secrets=attacked.credentials.in_plain_text,
        opens=lambda text: send_key(attacked, text) == 200,
    )
    assert (result.found, result.opened) == (["server.log"], [attacked.credentials.predicting])
