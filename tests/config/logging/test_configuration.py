"""One event is one line, as JSON or as text, in UTC, whatever it holds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from tests.rules.repository import ROOT

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+ \[\d+\] .+")
START = (
    "import logging, warnings\nfrom config.logging import configure_logging\nlog = logging.getLogger('app.runtime')\n"
)


def log_in_a_process(
    source: str,
    *,
    level: str = "INFO",
    log_format: str = "text",
    secrets: Sequence[str] = (),
    fails: bool = False,
) -> list[str]:
    """The lines that a fresh process writes to stderr; it must write nothing to stdout."""
    start = f"{START}configure_logging({level!r}, format={log_format!r}, secrets={secrets!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{start}{source}"],
        cwd=ROOT,
        env={"TZ": "Asia/Tokyo", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (int(fails), "")
    # Not splitlines(): it also splits at characters that only some readers take for the end of a line.
    return done.stderr.rstrip("\n").split("\n") if done.stderr else []


def log_as_json(source: str, **options: Any) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in log_in_a_process(source, log_format="json", **options)]


def test_a_line_names_time_level_logger_and_process() -> None:
    (line,) = log_in_a_process("log.info('version %s is active', 3)")
    assert LINE.fullmatch(line)
    assert re.search(r"Z INFO app\.runtime \[\d+\] version 3 is active$", line)


def test_an_object_names_time_level_logger_and_process() -> None:
    (event,) = log_as_json("log.info('version %s is active', 3)")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("timestamp"))
    assert isinstance(event.pop("process"), int)
    assert event == {"level": "INFO", "logger": "app.runtime", "message": "version 3 is active"}


def test_the_time_is_utc_whatever_the_time_zone() -> None:
    source = (
        "record = log.makeRecord('a', 20, 'f', 1, 'm', (), None)\nrecord.created = 1795407543.1239\nlog.handle(record)"
    )
    (line,) = log_in_a_process(source)
    assert line.startswith("2026-11-23T04:19:03.123Z INFO a ")
    assert log_as_json(source)[0]["timestamp"] == "2026-11-23T04:19:03.123Z"


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\x85b\u2028c", r"a\x85b\u2028c"),
        ("safe\u202etxt.exe", r"safe\u202etxt.exe"),
        ("Müller 你好", "Müller 你好"),
    ],
)
def test_a_message_cannot_end_its_line_or_steer_a_terminal(sent: str, written: str) -> None:
    (line,) = log_in_a_process(f"log.info({sent!r})")
    assert LINE.fullmatch(line)
    assert line.endswith(f"] {written}")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("a\nb", "a\nb"),
        ("\x1b[31mred\x7f\x85.", "\x1b[31mred\x7f\x85."),
        ("safe\u202etxt\u2028.exe", "safe\u202etxt\u2028.exe"),
        ('", "level": "CRITICAL', '", "level": "CRITICAL'),
        ("Müller 你好", "Müller 你好"),
        ("half \udc80", r"half \udc80"),
    ],
)
def test_a_message_cannot_end_its_object_or_steer_a_terminal(sent: str, message: str) -> None:
    (line,) = log_in_a_process(f"log.info({sent!r})", log_format="json")
    assert line.isprintable()
    assert orjson.loads(line)["message"] == message
    assert orjson.loads(line)["level"] == "INFO"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_message_whose_values_do_not_fit_is_a_line_without_them(log_format: str) -> None:
    (line,) = log_in_a_process("log.info('%s and %s', 'Canary7Value')", log_format=log_format)
    assert "%s and %s [its values do not fit]" in line
    assert "Canary7Value" not in line


def test_an_exception_is_appended_to_its_line_without_the_text_of_a_library() -> None:
    (line,) = log_in_a_process("try: float('Canary7Value')\nexcept ValueError: log.exception('failed')")
    assert re.search(r"\] failed\\nTraceback .*, line 5, in <module>\\nValueError: \[text left out: [\w ]+\]$", line)
    assert "Canary7Value" not in line


def test_an_object_tells_the_type_of_an_exception_and_its_traceback() -> None:
    (event,) = log_as_json("try: float('Canary7Value')\nexcept ValueError: log.exception('failed')")
    assert event["message"] == "failed"
    assert event["exception"] == "ValueError: [text left out: it may quote a request]"
    assert event["traceback"].startswith("Traceback (most recent call last):\n")
    assert event["traceback"].endswith(f", line 5, in <module>\n{event['exception']}")
    assert "Canary7Value" not in str(event)


def test_what_another_handler_wrote_of_an_exception_is_not_taken_over() -> None:
    source = (
        "import io\nlog.addHandler(logging.StreamHandler(io.StringIO()))\n"
        "try: float('Canary7Value')\nexcept ValueError: log.exception('failed')"
    )
    (line,) = log_in_a_process(source)
    assert "Canary7Value" not in line


@pytest.mark.parametrize(
    ("source", "start"),
    [
        ("float('Canary7Value')", "CRITICAL config.logging"),
        (
            "import threading\nt = threading.Thread(target=float, args=['Canary7Value'], name='poll')\n"
            "t.start(); t.join()",
            "ERROR config.logging",
        ),
        ("class Last:\n    def __del__(self): float('Canary7Value')\nLast()", "ERROR config.logging"),
    ],
)
def test_what_nobody_catches_is_a_line_too(source: str, start: str) -> None:
    (line,) = log_in_a_process(source, fails=start.startswith("CRITICAL"))
    assert f"Z {start} [" in line
    assert "ValueError: [text left out" in line
    assert "Canary7Value" not in line


def test_credentials_are_masked_in_messages_and_exceptions() -> None:
    source = (
        "from app.errors import ReleaseUnusable\n"
        "log.info('key %s', 'gsk_58go1ep1_Q4R6u2AU4WCaYUoa25HdJ2A3d5OmUZkt_3aLQvM')\n"
        "try: raise ReleaseUnusable('it is correct horse')\n"
        "except ReleaseUnusable: log.exception('failed')"
    )
    first, second = log_in_a_process(source, secrets=["correct horse"])
    assert first.endswith("key gsk_58go1ep1_***")
    assert second.endswith("ReleaseUnusable: it is ***")
    told, failed = log_as_json(source, secrets=["correct horse"])
    assert told["message"] == "key gsk_58go1ep1_***"
    assert failed["exception"].endswith("ReleaseUnusable: it is ***")


def test_libraries_tell_no_details() -> None:
    lines = log_in_a_process("log.debug('ours'); logging.getLogger('urllib3').debug('theirs')", level="DEBUG")
    assert [line.rpartition(" ")[2] for line in lines] == ["ours"]


def test_a_warning_of_a_library_is_a_line() -> None:
    (line,) = log_in_a_process("warnings.warn('old\\nnews')")
    assert "WARNING py.warnings" in line
    assert r"UserWarning: old\nnews" in line


def test_lines_below_the_level_are_not_written() -> None:
    lines = log_in_a_process("log.info('no'); log.warning('yes')", level="WARNING")
    assert len(lines) == 1


def test_autogluon_speaks_of_errors_only() -> None:
    lines = log_in_a_process(
        "a = logging.getLogger('autogluon.tabular')\na.warning('no'); a.error('yes')", level="DEBUG"
    )
    assert len(lines) == 1
    assert lines[0].endswith("yes")
