from __future__ import annotations

import pytest

from config.settings import SettingsError, load_settings
from config.settings.logged_inputs import LoggedInputs, read_logged_inputs


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("none", LoggedInputs()),
        ("all", LoggedInputs(others="keep")),
        ("hashed", LoggedInputs(others="hash")),
        ("age", LoggedInputs((("age", "keep"),))),
        (" age , hash: customer_id", LoggedInputs((("age", "keep"), ("customer_id", "hash")))),
        ("all,hash:customer_id,drop:name", LoggedInputs((("customer_id", "hash"), ("name", "drop")), "keep")),
        ("hashed,age", LoggedInputs((("age", "keep"),), "hash")),
        ("note: of the clerk", LoggedInputs((("note: of the clerk", "keep"),))),
    ],
)
def test_the_setting_says_what_is_done_with_which_field(text: str, read: LoggedInputs) -> None:
    assert read_logged_inputs(text) == read


@pytest.mark.parametrize("text", [",", "age,", "age,,name", "hash:", "age,hash:age", "age,age", "age,all", "all,none"])
def test_what_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^GLUONSERVE_LOG_INPUTS='.*': expected all, hashed or none, or fields"):
        load_settings({"GLUONSERVE_LOG_INPUTS": text})


def test_nothing_is_kept_by_default() -> None:
    assert load_settings({}).logged_inputs == LoggedInputs(fields=(), others="drop")
