"""The whole campaign of hostile requests against one installation: as many of each kind, directly and through nginx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tests.bench.hostile.fuzzing.answers import AnswerJudge
from tests.bench.hostile.fuzzing.campaign import Campaign, CampaignResult, Say, find_log_faults
from tests.bench.hostile.fuzzing.contract import ContractRun
from tests.bench.hostile.fuzzing.requests import KINDS, AttackMaker
from tests.bench.hostile.installation import Attacked

Row = dict[str, Any]
Caller = Literal["anonymous", "predicting", "administrating"]
ANONYMOUS: Caller = "anonymous"
PREDICTING: Caller = "predicting"
ADMINISTRATING: Caller = "administrating"
CALLERS = (ANONYMOUS, PREDICTING, ADMINISTRATING)


def attack(
    installation: Attacked,
    rows: Sequence[Row],
    *,
    per_kind: int,
    examples: int = 0,
    callers: Sequence[Caller] = CALLERS,
    seed: int = 1,
    say: Say = lambda _: None,
) -> CampaignResult:
    """Send everything, and look at the workers and at the log afterwards.

    Args:
        per_kind: Requests of each kind to each target.
        examples: Of schemathesis, per route; 0 leaves it out.
        callers: Whose credentials schemathesis has, in one run after the other.
    """
    credentials, server = installation.credentials, installation.server
    campaign = Campaign(AnswerJudge(secrets=credentials.in_plain_text), say=say)
    workers = server.workers()
    keys = (credentials.predicting,) * 5 + (credentials.administrating, credentials.reporting)
    model = server.get("/model/info", credentials.predicting).json()["name"]
    for number, target in enumerate(installation.targets):
        maker = AttackMaker(rows, model=model, keys=keys, seed=seed + number)
        for kind in KINDS:
            campaign.send_all(target, maker.make(kind, per_kind))
    for caller in callers if examples else ():
        _follow_contract(installation, campaign, caller, examples=examples, seed=seed, say=say)
    result = campaign.result
    result.dead_workers.extend(pid for pid in workers if pid not in server.workers())
    result.log_faults.extend(find_log_faults(server.log_lines(), secrets=credentials.in_plain_text))
    return result


def _follow_contract(
    installation: Attacked, campaign: Campaign, caller: Caller, *, examples: int, seed: int, say: Say
) -> None:
    credentials = installation.credentials
    keys = {ANONYMOUS: None, PREDICTING: credentials.predicting, ADMINISTRATING: credentials.administrating}
    # Beside the home: the records hold the keys that were sent.
    directory = installation.home.parent
    url = installation.server.url
    run = ContractRun(url, directory, name=caller, examples=examples, key=keys[caller], seed=seed)
    before = campaign.result.requests
    for sent, answer in run.list_exchanges():
        campaign.note(caller, sent, answer)
    say(f"schemathesis, {caller}: {campaign.result.requests - before} requests")
    if not run.holds:
        campaign.result.contract_faults.append(f"{caller}: {run.report}")
