from __future__ import annotations

import pytest

from app.monitoring.alerts.delivery.failures import NOT_TAKEN, describe_failure


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Socket Exception: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "its certificate is not trusted",
        ),
        ("Failed to send Slack notification: Server Error., error=500.", "it answered with HTTP status 500"),
        ("Socket Exception: (535, b'5.7.8 Authentication credentials invalid')", "it refused the login"),
        ("Socket Exception: (550, b'no such user')", "it answered with SMTP code 550"),
        ("Socket Exception: timed out", "it did not answer in time"),
        ("Socket Exception: [Errno 111] Connection refused", "it refused the connection"),
        ("Socket Exception: [Errno -2] Name or service not known", "its name is unknown"),
        ("Socket Exception: STARTTLS extension not supported by server.", "it offers no encryption"),
        ("something with https://hooks.example.com/services/T1/B2/secret", NOT_TAKEN),
    ],
)
def test_a_cause_is_told_in_a_fixed_sentence(line: str, expected: str) -> None:
    assert describe_failure([], ["Sending failed", line]) == expected


def test_what_the_guard_refused_is_told_first() -> None:
    assert describe_failure(["10.0.0.1 is internal"], ["timed out"]) == "10.0.0.1 is internal"
