"""The page of the documentation tells of every metric what the page of metrics tells."""

from __future__ import annotations

from tests.monitoring.metrics.full_page import read_full_page
from tests.rules.repository import ROOT

PAGE = ROOT / "docs" / "monitoring" / "metrics.md"
HEAD = "| metric | type | labels | what it tells |\n|---|---|---|---|\n"


def write_table() -> str:
    """What the documentation has to hold, to be copied from the message of a failure."""
    rows = (
        f"| `{one.name}` | {one.type} | {', '.join(f'`{label}`' for label in one.labels)} | {one.meaning} |"
        for one in sorted(read_full_page().values(), key=lambda one: one.name)
    )
    return HEAD + "\n".join(row.replace("|  |", "| |") for row in rows) + "\n"


def test_the_documentation_has_every_metric_as_it_is() -> None:
    table = PAGE.read_text(encoding="utf-8").partition(HEAD)[2].partition("\n\n")[0] + "\n"
    assert HEAD + table == write_table()


def test_every_name_is_ours_and_says_its_unit() -> None:
    """As Prometheus asks for it: base units, and `_total` for what only goes up."""
    for one in read_full_page().values():
        assert one.name.startswith("gluonserve_")
        assert not one.name.endswith(("_ms", "_milliseconds", "_mb", "_percent"))
        assert one.name.endswith("_total") == (one.type == "counter")
