"""What commands print on a terminal and elsewhere."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from app.cli.output import print_json, print_table


def test_a_table_elsewhere_is_plain_lines_of_any_length(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["id", "owner"], [["1", "x" * 300], ["2", "[red]経理[/red]"]])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "id  owner",
        "1   " + "x" * 300,
        "2   [red]経理[/red]",
    ]


def test_a_table_on_a_terminal_fits_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    print_table(["id", "owner"], [["1", "word " * 30]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 4
    assert any("─" in line for line in lines)


def test_json_has_times_to_the_second(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 11, 23, 4, 19, 3, 123456, timezone.utc)
    print_json({"at": moment, "owner": "経理"})
    assert capsys.readouterr().out == '{\n  "at": "2026-11-23T04:19:03Z",\n  "owner": "経理"\n}\n'
