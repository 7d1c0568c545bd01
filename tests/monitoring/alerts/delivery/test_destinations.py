from __future__ import annotations

from pathlib import Path

import pytest

from app.monitoring.alerts.delivery.destinations import Destination, DestinationsUnusable, list_destinations

MAIL, CHAT = "mailtos://u:p@host?to=a@b.org,c@d.org", "slack://T1/B2/secret"


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n", " ,\t"])
def test_addresses_stand_side_by_side_and_may_hold_commas(between: str) -> None:
    assert list_destinations(f" {MAIL}{between}{CHAT}\n") == [MAIL, CHAT]


def test_addresses_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "destinations"
    path.write_text(f"# for the night\n{MAIL}\n\n  # later {CHAT}\n{CHAT}\n", encoding="utf-8")

    assert list_destinations(str(path)) == [MAIL, CHAT]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("hunter2", r"it is no address, and no file that can be read \(No such file or directory\)"),
        (f"{MAIL} hunter2", "destination 1 is no address that apprise knows"),
        (" ".join([CHAT] * 21), "there are 21, and 20 are the most"),
    ],
)
def test_what_cannot_be_used_is_told_without_showing_it(written: str, message: str) -> None:
    with pytest.raises(DestinationsUnusable, match=message) as refused:
        list_destinations(written)

    assert "hunter2" not in str(refused.value)


def test_a_destination_does_not_show_its_address() -> None:
    assert repr(Destination("1 Slack", CHAT)) == "Destination(name='1 Slack')"
