from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.bench.faults.page import PARTS, read_findings, render_page, render_summary
from tests.bench.report.machine import Machine
from tests.flows.faults.rig.scale import Finding, Scale
from tests.rules.repository import ROOT

MACHINE = Machine("a processor", 2, 8.0, "Linux", "3.12", {})
FOUND = Finding(
    part="killed_workers", fault="a worker killed", requests=3000, failed=0, measured={"kills": "30"}, holds=True
)
CONTROL = replace(FOUND, guard="another try", failed=7, measured={})


def test_every_zero_names_what_it_is_one_of_and_what_it_proves() -> None:
    page = render_page([FOUND, CONTROL], MACHINE)
    assert "| a worker killed | 0 of 3,000 (< 0.10%) | kills: 30 | yes |" in page
    assert "| another try | a worker killed | 7 of 3,000 | – | yes |" in page


def test_what_does_not_hold_is_said() -> None:
    broken = replace(FOUND, failed=2, holds=False)
    assert "| a worker killed | 2 of 3,000 | kills: 30 | **no** |" in render_page([broken], MACHINE)
    assert render_summary([broken, CONTROL]).splitlines() == [
        "FAILS  a worker killed: 2 of 3,000; kills: 30",
        "holds  a worker killed (without another try): 7 of 3,000; –",
    ]


def test_findings_are_kept_only_where_a_place_for_them_is_named(tmp_path: Path) -> None:
    Scale(None).keep(FOUND)
    for finding in (FOUND, CONTROL):
        Scale(tmp_path).keep(finding)
    assert sorted(read_findings(tmp_path), key=lambda finding: finding.guard or "") == [FOUND, CONTROL]


def test_each_part_is_a_file_of_tests() -> None:
    tests = {path.stem for path in (ROOT / "tests" / "flows" / "faults").glob("test_*.py")}
    assert tests == {f"test_{part.name}" for part in PARTS}
