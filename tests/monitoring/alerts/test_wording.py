from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.monitoring.alerts.wording import MOST_NAME_CHARACTERS, describe_figure, write_duration, write_name, write_value

HOSTILE = [
    "amount\r\nBcc: everybody@example.com",
    "amount\nSubject: other",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "<!channel> <https://evil.example|click>",
    "@everyone @here",
    "<script>alert(1)</script>",
    "`code` *bold*",
]


@pytest.mark.parametrize(
    ("figure", "value", "expected"),
    [
        ("error_share", 0.0213, "2.13 %"),
        ("cpu_percent", 96.4, "96.4 %"),
        ("latency_p99_ms", 1234.5, "1,234 ms"),
        ("latency_p50_ms", 0.312, "0.31 ms"),
        ("seconds_since_prediction", 86_400 * 3, "3 days"),
        ("watcher_lag_seconds", 90, "90 seconds"),
        ("workers_ready", 0, "0"),
        ("drift_psi", 0.25312, "0.2531"),
        ("quality_drop_accuracy", 0.0512, "0.0512"),
        ("cpu_percent", float("inf"), "inf %"),
        ("drift_psi", float("inf"), "inf"),
    ],
)
def test_a_value_has_its_unit(figure: str, value: float, expected: str) -> None:
    assert write_value(figure, value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 seconds"), (180, "3 minutes"), (7200, "2 hours"), (1e6, "12 days")]
)
def test_a_duration_is_told_in_its_largest_unit(seconds: float, expected: str) -> None:
    assert write_duration(seconds) == expected


def test_a_figure_of_a_family_is_described_by_its_metric() -> None:
    assert describe_figure("quality_drop_accuracy").startswith("accuracy: published value of a metric minus")
    assert describe_figure("cpu_percent").startswith("processor time")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_name_can_be_acted_on(name: str) -> None:
    written = write_name(name)

    assert not set(written) & set("\r\n\t\x0b\x0c\x1b\x85\u2028\u2029\u202e<>@`*|&\\")
    assert "://" not in written


@given(st.text(max_size=600))
def test_a_name_is_one_line_of_bounded_length_and_stays_as_it_is_when_written_again(name: str) -> None:
    written = write_name(name)

    assert written == write_name(written)
    assert len(written) <= MOST_NAME_CHARACTERS
    assert len(written.splitlines()) <= 1


@given(st.text(alphabet=string.ascii_letters + string.digits + "_-. ", min_size=1, max_size=100))
def test_an_ordinary_name_is_not_changed(name: str) -> None:
    assert write_name(name) == " ".join(name.split())
