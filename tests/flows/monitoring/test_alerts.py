"""Alerts from the figure to the mailbox: real processes, a real mail server over TLS, a real HTTPS endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
import requests

from app.monitoring.alerts.delivery.attempt import Attempt, Courier
from app.monitoring.alerts.delivery.destinations import Destination, DestinationsUnusable
from app.monitoring.alerts.messages import Message, Writer
from tests.flows.monitoring.receiving import (
    HOST,
    Authority,
    Endpoint,
    Mailbox,
    listening_silently,
    make_authority,
    running_endpoint,
    running_mail_server,
)
from tests.monitoring.alerts.builders import DRIFT, Post, Watching, make_figure
from tests.server import wait_until

HERE = (ip_network("127.0.0.1/32"),)
HOSTILE = "amount\r\nBcc: everybody@example.com\r\n\r\n<script>alert(1)</script> @everyone"
SECONDS = 60


@dataclass
class Receivers:
    authority: Authority
    mailbox: Mailbox = field(default_factory=Mailbox)
    endpoint: Endpoint = field(default_factory=Endpoint)
    mail_port: int = 0
    endpoint_port: int = 0

    @property
    def mail_url(self) -> str:
        return f"mailtos://{HOST}:{self.mail_port}?from=ml@example.com&to=team@example.com"

    @property
    def endpoint_url(self) -> str:
        return f"jsons://{HOST}:{self.endpoint_port}/hook-secret"

    def make_courier(self, *, named: bool = True, trusted: bool = True, seconds: int = SECONDS) -> Courier:
        environment = {**os.environ, **(self.authority.environment if trusted else {})}
        return Courier(HERE if named else (), seconds=seconds, environment=environment)


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[Receivers]:
    with ExitStack() as stack:
        found = Receivers(make_authority(tmp_path))
        found.mail_port = stack.enter_context(running_mail_server(found.mailbox, found.authority.context))
        found.endpoint_port = stack.enter_context(running_endpoint(found.endpoint, found.authority.context))
        yield found


class Deliveries(Post):
    """Real ones, of which a test may wait for the end."""

    def __init__(self, courier: Courier) -> None:
        super().__init__()
        self._courier = courier
        self.attempts: list[Attempt] = []

    def start(self, destination: Destination, message: Message) -> Attempt:  # type: ignore[override]
        self.attempts.append(self._courier.start(destination, message))
        return self.attempts[-1]


def send(courier: Courier, *urls: str) -> list[str | None]:
    """Send a test message to all addresses at once; what each answered, None where it was taken."""
    message = Writer("host").write_test()
    attempts = [courier.start(Destination("1", url), message) for url in urls]
    return [attempt.wait().error for attempt in attempts]


def test_a_thousand_breaches_are_one_message_and_their_end_one_and_no_name_adds_a_header(receivers: Receivers) -> None:
    courier = receivers.make_courier()
    destinations = [Destination("1 E-Mail", receivers.mail_url), Destination("2 JSON", receivers.endpoint_url)]
    watching = Watching(DRIFT, post=Deliveries(courier), destinations=destinations)
    watching.rounds(1000, make_figure(0.9, "drift_psi", feature=HOSTILE, version="3"), seconds=1)
    wait_for_arrival(watching, receivers, count=1)
    watching.rounds(1000, make_figure(0.0, "drift_psi", feature=HOSTILE, version="3"), seconds=1)
    wait_for_arrival(watching, receivers, count=2)

    mails, posts = receivers.mailbox.mails, receivers.endpoint.bodies
    assert [mail["Subject"] for mail in mails] == ["[gluonserve host] warning: drift", "[gluonserve host] over: drift"]
    assert [post["title"] for post in posts] == [mail["Subject"] for mail in mails]
    assert receivers.mailbox.recipients == [["team@example.com"]] * 2
    assert receivers.mailbox.were_encrypted == [True, True]
    assert [mail["Bcc"] for mail in mails] == [None, None]
    for text in (*(mail.get_content() for mail in mails), *(post["message"] for post in posts)):
        assert "feature amount Bcc: everybody＠example.com ‹script›alert(1)‹/script› ＠everyone, version 3" in text
        assert "\nBcc" not in text


def test_a_certificate_of_nobody_known_is_refused(receivers: Receivers) -> None:
    errors = send(receivers.make_courier(trusted=False), receivers.mail_url, receivers.endpoint_url)

    assert errors == ["its certificate is not trusted"] * 2
    assert (receivers.mailbox.mails, receivers.endpoint.bodies) == ([], [])


def test_a_mail_server_without_encryption_gets_no_mail_unless_that_is_said(receivers: Receivers) -> None:
    mailbox = Mailbox()
    with running_mail_server(mailbox, None) as port:
        url = f"{HOST}:{port}?from=ml@example.com&to=team@example.com"
        errors = send(receivers.make_courier(), f"mailtos://{url}", f"mailto://{url}")

    assert errors == ["it offers no encryption", None]
    assert mailbox.were_encrypted == [False]


def test_addresses_of_this_machine_are_refused_however_they_are_written(receivers: Receivers) -> None:
    hosts = ("localhost", "2130706433", "169.254.169.254")
    errors = send(
        receivers.make_courier(named=False), *(f"jsons://{host}:{receivers.endpoint_port}/hook" for host in hosts)
    )

    assert [str(error).partition(" is an internal address")[0] for error in errors] == [
        "127.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
    ]
    assert receivers.endpoint.connections == 0


def test_a_redirection_is_not_followed(receivers: Receivers) -> None:
    target = Endpoint()
    with running_endpoint(target, receivers.authority.context) as port:
        receivers.endpoint.status, receivers.endpoint.location = 307, f"https://{HOST}:{port}/"
        errors = send(receivers.make_courier(), f"{receivers.endpoint_url}?redirect=yes")
        assert (errors, target.connections) == (["it answered with HTTP status 307"], 0)

        # The control: who follows it arrives.
        https = f"https://{HOST}:{receivers.endpoint_port}/"
        requests.post(https, json={}, verify=str(receivers.authority.path), timeout=10)
        assert target.connections == 1


def test_a_destination_that_hangs_is_ended_and_delays_no_other(receivers: Receivers) -> None:
    courier, message = receivers.make_courier(seconds=8), Writer("host").write_test()
    with listening_silently() as port:
        hanging = courier.start(Destination("1", f"jsons://{HOST}:{port}/x?rto=600"), message)
        assert hanging.look() is None
        other = courier.start(Destination("2", receivers.endpoint_url), message)
        assert other.wait().error is None
        assert hanging.look() is None
        assert hanging.wait().error == "it did not answer in time"


def test_an_address_that_cannot_be_used_is_told_by_its_number(receivers: Receivers) -> None:
    with pytest.raises(DestinationsUnusable, match="destination 2 switches the check of certificates off"):
        receivers.make_courier().describe([receivers.mail_url, f"{receivers.endpoint_url}?verify=no"])


def wait_for_arrival(watching: Watching, receivers: Receivers, *, count: int) -> None:
    bodies, mails = receivers.endpoint.bodies, receivers.mailbox.mails
    wait_until(lambda: count_after_a_round(watching, bodies) >= count and len(mails) >= count, seconds=SECONDS)
    watching.judge.settle()


def count_after_a_round(watching: Watching, received: Sequence[object]) -> int:
    """Look after what is on its way, without another figure."""
    watching.judge.settle(send_all=True)
    return len(received)
