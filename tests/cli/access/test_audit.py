"""`gluonserve audit` as an operator uses it."""

from __future__ import annotations

import getpass
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(home: Path, *arguments: str) -> Result:
    return CliRunner(env={"GLUONSERVE_HOME": str(home)}).invoke(main, arguments)


def test_what_was_done_to_keys_is_listed_newest_first(home: Path) -> None:
    id = run(home, "keys", "create", "--owner", "billing", "--role", "scorer", "--quiet").output[4:12]
    run(home, "keys", "revoke", id)
    result = run(home, "audit")
    header, *lines = (" ".join(line.split()) for line in result.output.splitlines())
    by = f"cli:{getpass.getuser()}"
    assert result.exit_code == 0
    assert header == "at actor action target before after outcome"
    assert [line.partition(" UTC ")[2] for line in lines] == [
        f"{by} revoke_key key:{id} active revoked done",
        f"{by} create_key key:{id} jobs done",
    ]


def test_json_holds_all_that_was_noted(home: Path) -> None:
    created = orjson.loads(run(home, "keys", "create", "--owner", "billing", "--role", "scorer", "--json").output)
    key = created.pop("key")
    (entry,) = orjson.loads(run(home, "audit", "--json").output)
    assert entry.pop("at").endswith("Z")
    assert orjson.loads(entry.pop("detail")) == created
    assert entry == {
        "actor": f"cli:{getpass.getuser()}",
        "action": "create_key",
        "target": f"key:{key[4:12]}",
        "before": None,
        "after": "jobs",
        "outcome": "done",
    }


def test_the_last_acts_can_be_asked_for(home: Path) -> None:
    for _ in range(3):
        run(home, "keys", "create", "--owner", "billing", "--role", "scorer")
    assert len(orjson.loads(run(home, "audit", "--last", "2", "--json").output)) == 2


def test_where_nothing_was_done_it_says_so(home: Path) -> None:
    assert run(home, "audit").output == "Nothing was done yet that the audit table keeps.\n"
    assert orjson.loads(run(home, "audit", "--json").output) == []


def test_help_ends_with_an_example(home: Path) -> None:
    assert "Example: gluonserve audit " in run(home, "audit", "--help").output


def test_a_database_that_is_not_there_is_one_sentence(home: Path) -> None:
    url = "postgresql+psycopg://user:hunter2@127.0.0.1:1/name"
    result = CliRunner(env={"GLUONSERVE_HOME": str(home), "DATABASE_URL": url}).invoke(main, ["audit"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.stderr
