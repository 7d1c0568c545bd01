from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from app.serving.rollout.comparison.ledger import Counts, Ledger
from app.serving.rollout.comparison.tally import MOST_ROWS_COMPARED
from app.serving.rollout.trials.shadow import CopyAddress, CopySender, RequestCopy, ShadowTrial
from tests.serving.rollout.trials.builders import ROW, make_release

ACTIVE = make_release("1")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, "t1")


@pytest.fixture
def sender(tmp_path: Path) -> Any:
    sender = CopySender(tmp_path)
    yield sender
    sender.close()


@pytest.fixture
def listener(tmp_path: Path) -> Any:
    address = CopyAddress(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.short)
        yield listening
    address.close()


def counts_of(ledger: Ledger) -> Counts:
    with ledger.lock:
        return ledger.counts_against("1")


def test_a_copy_holds_the_request_and_the_answer_of_the_active_version(
    sender: CopySender, listener: socket.socket, ledger: Ledger
) -> None:
    answer = ShadowTrial(sender, ledger, share=1.0).answer(ACTIVE, [ROW, ROW], None)
    copy = RequestCopy.from_bytes(listener.recv(1 << 20))
    assert answer.manifest.version == "1"
    assert copy == RequestCopy("1", [ROW, ROW], answer.labels, answer.probabilities, answer.model_seconds)
    assert (counts_of(ledger).copies_sent, counts_of(ledger).copies_dropped) == (1, 0)


def test_of_a_large_request_the_first_rows_are_copied_without_its_time(
    sender: CopySender, listener: socket.socket, ledger: Ledger
) -> None:
    ShadowTrial(sender, ledger, share=1.0).answer(ACTIVE, [ROW] * 5000, None)
    copy = RequestCopy.from_bytes(listener.recv(1 << 20))
    assert (len(copy.rows), len(copy.labels), copy.seconds) == (MOST_ROWS_COMPARED, MOST_ROWS_COMPARED, None)


def test_a_share_of_the_requests_is_copied(sender: CopySender, ledger: Ledger) -> None:
    trial = ShadowTrial(sender, ledger, share=0.2)
    for _ in range(2000):
        trial.answer(ACTIVE, [ROW], None)
    # Five standard deviations of chance.
    assert abs(counts_of(ledger).copies_dropped - 400) < 5 * (2000 * 0.2 * 0.8) ** 0.5


def test_when_nobody_takes_the_copies_out_they_are_dropped_and_no_request_waits(
    sender: CopySender, listener: socket.socket, ledger: Ledger
) -> None:
    trial = ShadowTrial(sender, ledger, share=1.0)
    requests = threading.Thread(target=lambda: [trial.answer(ACTIVE, [ROW], None) for _ in range(3000)])
    requests.start()
    requests.join(timeout=30)
    assert not requests.is_alive()
    counts = counts_of(ledger)
    assert counts.copies_sent + counts.copies_dropped == 3000
    assert counts.copies_dropped > 0
    listener.recv(1 << 20)


def test_what_is_too_large_for_the_socket_is_dropped(
    sender: CopySender, listener: socket.socket, ledger: Ledger
) -> None:
    trial = ShadowTrial(sender, ledger, share=1.0)
    trial.answer(ACTIVE, [{**ROW, "unknown": "x" * 1_000_000}], None)
    assert counts_of(ledger).copies_dropped == 1
    trial.answer(ACTIVE, [ROW], None)
    assert RequestCopy.from_bytes(listener.recv(1 << 20)).rows == [ROW]


def test_the_path_of_the_store_may_be_longer_than_the_name_of_a_socket(tmp_path: Path) -> None:
    store = tmp_path / ("deep" * 40)
    sender, address = CopySender(store), CopyAddress(store)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.short)
        assert sender.send(RequestCopy("1", [ROW], ["a"], None, 0.001))
        assert listening.recv(1 << 20)
    sender.close()
    address.close()
