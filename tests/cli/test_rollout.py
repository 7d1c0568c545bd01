from __future__ import annotations

import getpass
import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.candidate import CandidatePointer, read_candidate, write_candidate
from app.release.store import ReleaseStore
from app.serving.rollout.comparison.ledger import Ledger
from tests.serving.rollout.trials.builders import make_pointer


@pytest.fixture
def on_trial(pair_store: ReleaseStore) -> CandidatePointer:
    """Version 2 as a canary beside version 1, after three requests to each, one of which it could not answer."""
    pointer = make_pointer(share=0.05)
    write_candidate(pair_store.path, pointer)
    ledger = Ledger(pair_store.path, pointer.trial)
    with ledger.lock:
        counts = ledger.counts_against("1")
        for tally, chance in ((counts.active, 0.75), (counts.candidate, 0.25)):
            for _ in range(2):
                tally.add_answer(["yes"], [{"no": 1 - chance, "yes": chance}], seconds=0.001)
        counts.active.add_answer(["no"], [{"no": 0.75, "yes": 0.25}], seconds=0.001)
        counts.candidate.add_error()
    ledger.write()
    return pointer


def run(store: ReleaseStore, home: Path, *arguments: str) -> Result:
    environment = {"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(store.path)}
    return CliRunner(env=environment).invoke(main, ["models", *arguments])


def test_a_canary_is_begun_turned_into_a_shadow_and_withdrawn(pair_store: ReleaseStore, tmp_path: Path) -> None:
    canary = run(pair_store, tmp_path, "canary", "2", "--share", "5", "--by", "X-Customer")
    begun = read_candidate(pair_store.path)
    shadow = run(pair_store, tmp_path, "shadow", "2")
    assert [canary.stdout, shadow.stdout] == [
        "Version 2 answers 5 % of the callers, told apart by their header X-Customer. "
        "Compare with: gluonserve models compare\n",
        "Version 2 sees a copy of 100 % of the requests. Compare with: gluonserve models compare\n",
    ]
    assert begun is not None
    assert (begun.mode, begun.share, begun.by, begun.who) == (
        "canary",
        0.05,
        "X-Customer",
        f"cli:{getpass.getuser()}",
    )
    withdrawn = run(pair_store, tmp_path, "withdraw")
    assert (withdrawn.stdout, read_candidate(pair_store.path)) == ("Version 2 is withdrawn.\n", None)


@pytest.mark.usefixtures("on_trial")
def test_both_versions_are_shown_side_by_side_with_what_the_rules_say(pair_store: ReleaseStore, tmp_path: Path) -> None:
    shown = re.sub(r"since \S+ \(\S+ hours\)", "since then", run(pair_store, tmp_path, "compare").stdout)
    assert [" ".join(line.split()) for line in shown.splitlines() if line] == [
        "Version 2 answers 5 % of the callers, told apart by their API key, since then",
        "version requests rows errors p50 ms p99 ms",
        "1 (active) 3 3 0 0.996 0.996",
        "2 (candidate) 3 2 1 0.996 0.996",
        "figure value 95 % interval meaning",
        "error_share 0.3333 0.0615 to 0.7923 share of the candidate's requests that it could not answer",
        "p50_ratio 1.0000 median time of the candidate's model as a multiple of the active one's",
        "p99_ratio 1.0000 99th percentile of the same",
        "label_share_change 0.3333 -0.3783 to 0.7923 largest change of the share of a class among the answers,"
        " callers may differ",
        "value_change 0.3333 0.0067 to 0.6600 largest change of a mean probability; of numbers, in standard deviations",
        "The rules say wait: 3 of 10000 requests that a promotion needs",
    ]


@pytest.mark.usefixtures("on_trial")
def test_rules_that_only_show_say_so(pair_store: ReleaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("act: false\ncanary: {withdraw: [{figure: error_share, above: 0.01, least_requests: 3}]}\n")
    monkeypatch.setenv("GLUONSERVE_ROLLOUT_RULES", str(rules))
    assert run(pair_store, tmp_path, "compare").stdout.splitlines()[-2:] == [
        "The rules say withdraw: error_share is 0.3333 (0.06149 to 0.7923), above 0.01, in 3 requests",
        "They only show what they would do (act: false).",
    ]


def test_programs_get_the_same_as_json(pair_store: ReleaseStore, on_trial: CandidatePointer, tmp_path: Path) -> None:
    record = orjson.loads(run(pair_store, tmp_path, "compare", "--json").stdout)
    assert (record["candidate"]["version"], record["candidate"]["trial"]) == (on_trial.version, on_trial.trial)
    assert record["comparison"]["candidate"] | {"p50_ms": 1, "p99_ms": 1} == {
        "requests": 3,
        "rows": 2,
        "errors": 1,
        "p50_ms": 1,
        "p99_ms": 1,
        "labels": {"yes": 2},
    }
    assert (record["active"], record["verdict"]["decision"], record["rules_act"]) == ("1", "wait", True)


@pytest.mark.usefixtures("on_trial")
def test_a_promoted_candidate_is_active(pair_store: ReleaseStore, tmp_path: Path) -> None:
    assert run(pair_store, tmp_path, "promote").stdout == "Version 2 is active (before: version 1).\n"
    assert read_candidate(pair_store.path) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("canary", "9", "--share", "5"), "There is no version '9'."),
        (("canary", "1", "--share", "5"), "Version 1 is the active one already."),
        (
            ("canary", "2", "--share", "5", "--by", "X Customer"),
            "Callers are told apart by 'key' or by the name of a header.",
        ),
        (("compare",), "There is no candidate on trial."),
        (("promote",), "There is no candidate on trial."),
        (("withdraw",), "There is no candidate on trial."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence_with_exit_code_1(
    pair_store: ReleaseStore, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(pair_store, tmp_path, *arguments)
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")
