"""Why a message was not taken, in fixed sentences: what libraries say may hold the address, which is a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence

NOT_TAKEN = "it did not take the message"

_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), sentence)
    for pattern, sentence in (
        (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", "its certificate is not trusted"),
        (r"STARTTLS extension not supported", "it offers no encryption"),
        (r"\bSSL|\bTLS", "no encrypted connection could be made"),
        (r"\b535\b|authentication (?:failed|unsuccessful)", "it refused the login"),
        (r"timed? ?out", "it did not answer in time"),
        (
            r"Name or service not known|name resolution|nodename nor servname|No address associated",
            "its name is unknown",
        ),
        (r"refused", "it refused the connection"),
        (r"unreachable|No route to host", "it cannot be reached"),
    )
)
_STATUS = re.compile(r"error=(\d{3})\b")
_SMTP_REFUSAL = re.compile(r"\((\d{3}), b['\"]")


def describe_failure(refused: Sequence[str], logged: Sequence[str]) -> str:
    """Say why it was not taken.

    Args:
        refused: What the guard of addresses said.
        logged: What the library logged, which is looked through and not shown.
    """
    if refused:
        return refused[-1]
    for line in reversed(logged):
        status = _STATUS.search(line)
        if status:
            return f"it answered with HTTP status {status[1]}"
        for pattern, sentence in _CAUSES:
            if pattern.search(line):
                return sentence
        code = _SMTP_REFUSAL.search(line)
        if code:
            return f"it answered with SMTP code {code[1]}"
    return NOT_TAKEN
