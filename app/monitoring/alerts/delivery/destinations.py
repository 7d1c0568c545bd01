"""Where messages go: addresses as apprise writes them, which are secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

MOST_DESTINATIONS = 20

# A comma may stand within an address, between recipients.
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")


class DestinationsUnusable(Exception):
    """A destination cannot be used. The message is one sentence without any address."""


@dataclass(frozen=True)
class Destination:
    """Where messages go.

    Attributes:
        name: Its number and kind, as in `2 Slack`: all that anybody is shown of it.
    """

    name: str
    url: str = field(repr=False)


def list_destinations(written: str) -> list[str]:
    """The addresses of the setting, or of the file that it names, where a line that begins with # is left out.

    Raises:
        DestinationsUnusable: when the file cannot be read, there are too many, or what stands there is no address.
    """
    text = written.strip()
    if "://" not in text:
        text = _read_file(Path(text).expanduser())
    urls = [url for url in _BETWEEN.split(text.strip(" \t\r\n,")) if url]
    for number, url in enumerate(urls, start=1):
        if "://" not in url or any(character.isspace() for character in url):
            raise DestinationsUnusable(f"destination {number} is no address that apprise knows")
    if len(urls) > MOST_DESTINATIONS:
        raise DestinationsUnusable(f"there are {len(urls)}, and {MOST_DESTINATIONS} are the most")
    return urls


def _read_file(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        # Not its name: what was meant as an address may have been taken for one.
        reason = fault.strerror if isinstance(fault, OSError) else "it is not text"
        raise DestinationsUnusable(f"it is no address, and no file that can be read ({reason})") from None
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))
