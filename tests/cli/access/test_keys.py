"""`gluonserve keys` as an operator uses it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.access.keys import keys
from app.database import opened_database
from app.security.keys.store import KeyStore
from app.security.keys.verifier import KeyVerifier
from config.settings import Settings, load_settings, require_secret

UNSET: dict[str, Any] = {
    "expires_at": None,
    "revoked_at": None,
    "requests_per_minute": None,
    "rows_per_minute": None,
    "networks": [],
    "last_used_at": None,
    "replaced_by": None,
}
KEY = r"gsk_[0-9a-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"GLUONSERVE_HOME": str(tmp_path / "home"), "BIND": "127.0.0.1:8123"})


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(keys, arguments, obj=settings)


def create(settings: Settings, *arguments: str) -> str:
    return run(
        settings, "create", "--owner", "billing", "--permission", "predict", "--quiet", *arguments
    ).output.strip()


def list_as_json(settings: Settings) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = orjson.loads(run(settings, "list", "--json").output)
    return listed


def verify(settings: Settings, text: str) -> str:
    with opened_database(settings.database_url) as engine:
        return KeyVerifier(KeyStore(engine, require_secret(settings))).verify(text).owner


class TestCreate:
    def test_quiet_prints_the_key_and_a_newline(self, settings: Settings) -> None:
        result = run(settings, "create", "--owner", "billing", "--permission", "predict", "--quiet")
        assert result.exit_code == 0
        assert re.fullmatch(KEY + "\n", result.output)
        assert verify(settings, result.output.strip()) == "billing"

    def test_a_person_gets_the_key_a_warning_and_a_call_to_try(self, settings: Settings) -> None:
        result = run(settings, "create", "--owner", "billing", "--permission", "predict", "--permission", "jobs")
        key = result.output.split()[0]
        assert result.exit_code == 0
        assert result.output == (
            f"{key}\n\n"
            f"Keep it now: it is shown only this once. Its id is {key[4:12]}, its owner billing.\n"
            f"Try it: curl -H 'X-API-Key: {key}' -H 'Content-Type: application/json' "
            """-d '{"data": [{...}]}' http://127.0.0.1:8123/predict\n"""
        )

    @pytest.mark.parametrize(
        ("permission", "route"), [("model_info", "/model/info"), ("admin", "/model/info"), ("metrics", "/metrics")]
    )
    def test_the_call_to_try_is_one_that_the_key_permits(self, settings: Settings, permission: str, route: str) -> None:
        output = run(settings, "create", "--owner", "billing", "--permission", permission).output
        assert re.search(rf"curl -H 'X-API-Key: {KEY}' http://127\.0\.0\.1:8123{route}\n$", output)

    def test_json_holds_the_record_and_the_key(self, settings: Settings) -> None:
        arguments = ["--owner", "billing", "--permission", "predict", "--permission", "admin", "--json"]
        created = orjson.loads(run(settings, "create", *arguments).output)
        assert re.fullmatch(KEY, created.pop("key"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.pop("created_at"))
        assert re.fullmatch(r"[0-9a-z]{8}", created.pop("id"))
        assert created == {
            "owner": "billing",
            "permissions": ["admin", "predict"],
            "state": "active",
            **UNSET,
        }

    def test_a_key_can_end_after_some_days(self, settings: Settings) -> None:
        create(settings, "--expires-days", "30")
        (listed,) = list_as_json(settings)
        created, expires = (
            datetime.fromisoformat(listed[name].replace("Z", "")) for name in ("created_at", "expires_at")
        )
        assert expires - created == timedelta(days=30)

    def test_an_unknown_permission_is_a_usage_error_that_names_the_known_ones(self, settings: Settings) -> None:
        result = run(settings, "create", "--owner", "billing", "--permission", "root")
        assert result.exit_code == 2
        for name in ("predict", "model_info", "admin", "feedback", "jobs", "metrics"):
            assert f"'{name}'" in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--owner", "billing"],
            ["--permission", "predict"],
            ["--owner", "", "--permission", "predict"],
            ["--owner", "two\nlines", "--permission", "predict"],
            ["--owner", "billing", "--permission", "predict", "--expires-days", "0"],
            ["--owner", "billing", "--permission", "predict", "--expires-days", "99999999999"],
            ["--owner", "billing", "--permission", "predict", "--quiet", "--json"],
        ],
    )
    def test_a_command_that_cannot_be_meant_is_a_usage_error(self, settings: Settings, arguments: list[str]) -> None:
        result = run(settings, "create", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert list_as_json(settings) == []

    def test_a_role_stands_for_its_permissions(self, settings: Settings) -> None:
        run(settings, "create", "--owner", "shop", "--role", "web-backend", "--permission", "jobs", "--quiet")
        assert [listed["permissions"] for listed in list_as_json(settings)] == [["feedback", "jobs", "predict"]]

    def test_a_key_can_be_bound_to_limits_and_networks(self, settings: Settings) -> None:
        create(
            settings,
            *("--requests-per-minute", "600", "--rows-per-minute", "50000"),
            *("--network", "10.0.0.0/8", "--network", "2001:db8::1"),
        )
        (listed,) = list_as_json(settings)
        assert listed["requests_per_minute"] == 600
        assert listed["rows_per_minute"] == 50_000
        assert listed["networks"] == ["10.0.0.0/8", "2001:db8::1/128"]
        table = run(settings, "list").output
        assert "600 requests, 50000 rows" in table
        assert "10.0.0.0/8, 2001:db8::1/128" in table

    def test_a_network_that_is_none_is_a_usage_error_that_says_what_was_meant(self, settings: Settings) -> None:
        result = run(
            settings, "create", "--owner", "billing", "--permission", "predict", "--network", "10.1.2.3/8", "--quiet"
        )
        assert (result.exit_code, result.stdout) == (2, "")
        assert "did you mean 10.0.0.0/8?" in result.stderr


class TestRotate:
    def test_a_person_is_told_when_the_old_key_ends(self, settings: Settings) -> None:
        id = create(settings)[4:12]
        result = run(settings, "rotate", id, "--overlap-hours", "48")
        key = result.output.split()[0]
        old, new = list_as_json(settings)
        ends = old["expires_at"].replace("T", " ")[:16]
        assert result.exit_code == 0
        assert (old["id"], old["replaced_by"], new["id"]) == (id, key[4:12], key[4:12])
        assert result.output.endswith(f"/predict\nThe key {id} that it replaces ends {ends} UTC.\n")
        assert verify(settings, key) == "billing"

    def test_quiet_and_json_are_for_programs(self, settings: Settings) -> None:
        first = create(settings)[4:12]
        second = run(settings, "rotate", first, "--quiet").output
        assert re.fullmatch(KEY + "\n", second)
        third = orjson.loads(run(settings, "rotate", second[4:12], "--json").output)
        assert re.fullmatch(KEY, third["key"])
        assert third["replaces"]["id"] == second[4:12]

    def test_a_key_that_cannot_be_replaced_is_refused_in_one_sentence(self, settings: Settings) -> None:
        id = create(settings)[4:12]
        run(settings, "revoke", id)
        result = run(settings, "rotate", id)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"Error: The key {id} is revoked; create a new one.\n"


class TestList:
    def test_an_empty_list_says_what_to_do(self, settings: Settings) -> None:
        result = run(settings, "list")
        assert result.exit_code == 0
        assert result.output.startswith("There is no API key yet. Create one with: gluonserve keys create")
        assert list_as_json(settings) == []

    def test_a_table_shows_every_key_in_full_and_no_secret(self, settings: Settings) -> None:
        owner = "a long [bold]owner[/bold] " + "x" * 150
        texts = [create(settings), run(settings, "create", "--owner", owner, "--permission", "jobs", "--quiet").output]
        run(settings, "revoke", texts[0][4:12])
        output = run(settings, "list").output
        header, *lines = output.splitlines()
        assert " ".join(header.split()) == "id owner permissions state created expires last used a minute networks"
        assert [line.split()[0] for line in lines] == [text[4:12] for text in texts]
        assert ["revoked" in line for line in lines] == [True, False]
        assert owner in lines[1]
        assert not any(text[13:45] in output for text in texts)

    def test_json_lists_what_is_known_of_each_key(self, settings: Settings) -> None:
        text = create(settings)
        (listed,) = list_as_json(settings)
        assert listed.pop("created_at").endswith("Z")
        assert listed == {
            "id": text[4:12],
            "owner": "billing",
            "permissions": ["predict"],
            **UNSET,
            "state": "active",
        }


class TestRevoke:
    def test_a_revoked_key_is_said_so_and_may_be_revoked_again(self, settings: Settings) -> None:
        id = create(settings)[4:12]
        for _ in range(2):
            result = run(settings, "revoke", id)
            assert (result.exit_code, result.output) == (0, f"API key {id} of billing is revoked.\n")
        assert [listed["state"] for listed in list_as_json(settings)] == ["revoked"]

    @pytest.mark.parametrize("id", ["zzzzzzzz", "", "not-an-id", "'; DROP TABLE api_keys"])
    def test_an_unknown_id_is_refused_in_one_sentence(self, settings: Settings, id: str) -> None:
        result = run(settings, "revoke", id)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: There is no API key with this id.\n"


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["create"], ["list"], ["revoke"], ["rotate"]])
    def test_every_help_ends_with_an_example(self, settings: Settings, command: list[str]) -> None:
        result = run(settings, *command, "--help")
        assert result.exit_code == 0
        assert "Example: gluonserve keys " in result.output


@pytest.mark.parametrize(
    "command",
    [["list"], ["revoke", "abcdefgh"], ["rotate", "abcdefgh"], ["create", "--owner", "o", "--permission", "jobs"]],
)
def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    url = "postgresql+psycopg://user:hunter2@127.0.0.1:1/name"
    result = run(load_settings({"GLUONSERVE_HOME": str(tmp_path), "DATABASE_URL": url}), *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.stderr
