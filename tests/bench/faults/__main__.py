"""`python -m tests.bench.faults`, which is `make chaos`: the whole tests of faults, and docs/reliability.md of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from tests.bench.command import FAILED, say
from tests.bench.faults.page import PARTS, read_findings, render_page, render_summary
from tests.bench.report.machine import describe_machine
from tests.bench.servers.running import ROOT
from tests.flows.faults.rig.scale import FIGURES_VARIABLE

PAGE = ROOT / "docs" / "reliability.md"
TESTS = ROOT / "tests" / "flows" / "faults"
FIGURES = ROOT / "var" / "chaos"


@click.command(epilog="Exit code 1: something does not hold. Example: python -m tests.bench.faults --only slow_clients")
@click.option(
    "--only", type=click.Choice([part.name for part in PARTS]), multiple=True, help="This part alone; may be repeated."
)
@click.option("--page", is_flag=True, help="Run nothing: write the page of what was found before.")
@click.option(
    "--figures", type=click.Path(path_type=Path), default=FIGURES, metavar="DIR", help="Where findings are kept."
)
def main(only: tuple[str, ...], page: bool, figures: Path) -> None:
    """Break everything that may break, under load. Each part takes up to three minutes."""
    figures = figures.absolute()
    names = only or tuple(part.name for part in PARTS)
    has_failed = False
    for name in () if page else names:
        say(name)
        for old in figures.glob(f"{name}-*.json"):
            old.unlink()
        environment = {**os.environ, FIGURES_VARIABLE: str(figures)}
        command = [sys.executable, "-m", "pytest", "--quiet", str(TESTS / f"test_{name}.py")]
        has_failed |= subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0
    findings = read_findings(figures)
    own = [finding for finding in findings if finding.part in names]
    click.echo(render_summary(own))
    write_page(figures)
    sys.exit(FAILED if has_failed or not all(finding.holds for finding in own) else 0)


def write_page(figures: Path) -> None:
    """Of all parts, once each of them has been run."""
    findings = read_findings(figures)
    missing = [part.name for part in PARTS if part.name not in {finding.part for finding in findings}]
    if missing:
        say(f"docs/reliability.md is not written before these have been run: {', '.join(missing)}")
        return
    PAGE.write_text(render_page(findings, describe_machine()), encoding="utf-8")
    say(f"Wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
