"""The command: its options, what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from tests.charts.page_reader import PageReader
from tests.loadtest.scripted_server import ScriptedServer, answering, scripted_server, write_answer, write_problem
from tests.server import find_free_port

KEY = "gsk_12345678_secret"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text("tenure,contract\n1,Two year\n2,One year\n")
    return tmp_path / "rows.csv"


def call(url: str, rows: Path, *options: str, **invoked: Any) -> Result:
    counted = () if {"--duration", "--requests", "--rate"} & set(options) else ("--requests", "5")
    arguments = ["loadtest", url, "--rows", str(rows), "--users", "2", *counted, *options]
    return CliRunner().invoke(main, arguments, **{"env": {"GLUONSERVE_HOME": str(rows.parent)}, **invoked})


def list_keys(server: ScriptedServer) -> set[bytes]:
    return {line for request in server.requests for line in request.split(b"\r\n") if line.startswith(b"X-API-Key")}


def test_a_person_gets_tables_and_notes(rows: Path) -> None:
    with scripted_server(answering()) as server:
        result = call(server.url, rows, "--key", KEY)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"{server.url}/predict: 2 users of 5 requests each, 1 row per request, 2 rows of rows.csv"
    assert lines[1].split() == ["requests", "succeeded", "failed", "success", "seconds", "requests/s", "rows/s"]
    assert lines[2].split()[:4] == ["10", "10", "0", "100.00%"]
    assert lines[3].split() == ["latency", "mean", "min", "p50", "p95", "p99", "p99.9", "max"]
    assert KEY not in result.output


def test_a_program_gets_json_on_stdout_and_nothing_else(rows: Path) -> None:
    with scripted_server(answering()) as server:
        result = call(server.url, rows, "--json", "--warm-up", "0.1", "--rows-per-request", "3")
    document = orjson.loads(result.stdout)
    assert document["format"] == "gluonserve-loadtest/1"
    assert document["target"] == f"{server.url}/predict"
    assert (document["load"]["users"], document["load"]["rows_per_request"]) == (2, 3)
    assert (document["figures"]["requests"], document["figures"]["success_rate"]) == (10, 1.0)
    assert document["figures"]["latency"].keys() == {"mean", "min", "max", "p50", "p95", "p99", "p999"}


def test_a_page_is_written_and_an_earlier_run_compared_with(rows: Path) -> None:
    kept, page = rows.with_name("before.json"), rows.with_name("report.html")
    with scripted_server(answering()) as server:
        kept.write_text(call(server.url, rows, "--json").stdout)
        result = call(server.url, rows, "--compare", str(kept), "--html", str(page), "--no-keep-alive")
    assert result.exit_code == 0, result.output
    assert "Note: the loads differ: keep alive: True before, False now." in result.stdout
    assert "Before and now" in PageReader(page.read_text(encoding="utf-8")).tables


@pytest.mark.parametrize("way", ["option", "file", "stdin", "environment"])
def test_a_key_comes_from_where_the_list_of_processes_does_not_show_it(rows: Path, way: str) -> None:
    file = rows.with_name("key.txt")
    file.write_text(f"{KEY}\n")
    options = {"option": ["--key", KEY], "file": ["--key-file", str(file)], "stdin": ["--key-file", "-"]}.get(way, [])
    environment = {"GLUONSERVE_HOME": str(rows.parent), "GLUONSERVE_KEY": KEY if way == "environment" else ""}
    with scripted_server(answering()) as server:
        result = call(server.url, rows, *options, env=environment, input=f"{KEY}\n")
    assert result.exit_code == 0, result.output
    assert list_keys(server) == {f"X-API-Key: {KEY}".encode()}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--most-failed-percent", "49"], "50 % failed, more than 49"),
        (["--most-p99-ms", "0.001"], "more than 0.001"),
    ],
)
def test_a_limit_that_is_exceeded_ends_with_exit_code_1(rows: Path, options: list[str], words: str) -> None:
    def answer_half(request: bytes) -> bytes:
        return write_answer() if b'"1"' in request else write_problem(503, "overloaded")

    with scripted_server(answering(answer_half)) as server:
        result = call(server.url, rows, "--requests", "6", *options)
        kept = call(server.url, rows, "--requests", "6", "--most-failed-percent", "50", "--most-p99-ms", "60000")
    assert (result.exit_code, words in result.stderr) == (1, True), result.output
    assert "503 overloaded" in result.stdout
    assert kept.exit_code == 0, kept.output


def test_a_run_in_which_nothing_succeeded_ends_with_exit_code_1(rows: Path) -> None:
    with scripted_server(answering(write_problem(500, "internal_error"))) as server:
        result = call(server.url, rows)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "Error: no request succeeded.")


def test_a_server_that_is_not_there_ends_with_one_sentence(rows: Path) -> None:
    result = call(f"http://127.0.0.1:{find_free_port()}", rows)
    assert (result.exit_code, result.stderr.startswith("Error: Nobody answers at ")) == (1, True)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("nowhere", []),
        ("http://127.0.0.1:1", ["--requests", "5", "--duration", "5"]),
        ("http://127.0.0.1:1", ["--key", KEY, "--key-file", "-"]),
        ("http://127.0.0.1:1", ["--key", "two words"]),
        ("http://127.0.0.1:1", ["--rate", "0"]),
        ("http://127.0.0.1:1", ["--html", "no/such/folder/report.html"]),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(rows: Path, url: str, options: list[str]) -> None:
    result = call(url, rows, *options, input="")
    assert result.exit_code == 2, result.output


def test_nothing_said_means_ten_seconds_of_eight_users() -> None:
    help = CliRunner().invoke(main, ["loadtest", "--help"]).output
    assert "8 by default" in " ".join(help.split())
    assert "10 without --requests" in " ".join(help.split())
