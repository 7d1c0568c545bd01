"""Sends one message to one destination, in a process that ends with it; the order comes on standard input."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import orjson
from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, PersistentStoreMode

from app.monitoring.alerts.delivery.addresses import AddressGuard
from app.monitoring.alerts.delivery.failures import describe_failure

_ASSET = AppriseAsset(
    app_id="gluonserve",
    app_desc="gluonserve",
    async_mode=False,
    http_redirects=False,
    secure_logging=True,
    storage_mode=PersistentStoreMode.MEMORY,
)


class _LinesOfLibrary(logging.Handler):
    """Keeps what the library logs for a look: it says why it failed nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    """Carry one order out and write the answer to standard output, which nothing else may reach."""
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = orjson.loads(sys.stdin.buffer.read())
    # Ends it for certain, whatever hangs, and also when who asked for it is gone.
    signal.alarm(order["seconds"])
    answer = send(order) if "body" in order else [describe_destination(url) for url in order["destinations"]]
    with os.fdopen(answer_to, "wb") as file:
        file.write(orjson.dumps(answer))


def describe_destination(url: str) -> Mapping[str, str | None]:
    """What kind of destination an address is, and what keeps it from being used."""
    plugin = _open(url)
    if plugin is None:
        return {"kind": None, "fault": "is no address that apprise knows"}
    fault = None if plugin.verify_certificate else "switches the check of certificates off; name yours instead"
    return {"kind": str(plugin.service_name), "fault": fault}


def send(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send a message and say whether it was taken."""
    plugin = _open(order["destination"])
    if plugin is None:
        return {"is_delivered": False, "error": "it is no address that apprise knows"}
    plugin.redirects = False
    plugin.verify_certificate = True
    # Nothing in a plain text is a tag, a mention or a link.
    plugin.notify_format = NotifyFormat.TEXT
    guard = AddressGuard([ip_network(text) for text in order["networks"]], only_named=not _is_encrypted(plugin))
    sys.addaudithook(guard.check_event)
    library = _LinesOfLibrary()
    for name in ("apprise", "smtplib"):
        logging.getLogger(name).addHandler(library)
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    is_delivered = _notify(plugin, order["title"], order["body"], library.lines)
    return {
        "is_delivered": is_delivered,
        "error": None if is_delivered else describe_failure(guard.refused, library.lines),
    }


def _notify(plugin: NotifyBase, title: str, body: str, lines: list[str]) -> bool:
    sender = Apprise(asset=_ASSET)
    sender.add(plugin)
    try:
        return bool(sender.notify(title=title, body=body, body_format=NotifyFormat.TEXT))
    except Exception as fault:
        # A plugin may fail on anything that its server answers.
        lines.append(f"{type(fault).__name__}: {fault}")
        return False


def _open(url: str) -> NotifyBase | None:
    opened = Apprise.instantiate(url, asset=_ASSET, suppress_exceptions=True)
    return opened if isinstance(opened, NotifyBase) else None


def _is_encrypted(plugin: NotifyBase) -> bool:
    mode = getattr(plugin, "secure_mode", None)
    if mode is not None:
        return bool(mode != "insecure")
    # Kinds that know no way without encryption have one scheme only, and say nothing more.
    return bool(plugin.secure) or plugin.protocol is None


if __name__ == "__main__":
    main()
