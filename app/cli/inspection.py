"""`gluonserve models verify`: everything that is wrong with a version, and what to do about it."""

from __future__ import annotations

import sys

import click

from app.cli.output import print_json
from app.serving.inspection import Finding, inspect_release
from app.wiring.store.opening import open_store
from config.settings import Settings

_REFUSED = 1
_WIDTHS = (13, 13)


@click.command(epilog="Example: gluonserve models verify 3")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(settings: Settings, version: str, as_json: bool) -> None:
    """Check signature, files, library versions and golden rows of one version, and say all that is wrong.

    Ends with exit code 1 when anything is. Nothing of a version is opened before its signature and files are good.
    """
    findings = []
    for finding in inspect_release(open_store(settings), version, prefer=settings.execution):
        findings.append(finding)
        if not as_json:
            _print_finding(finding)
    wrong = [finding.check for finding in findings if finding.outcome == "wrong"]
    if as_json:
        print_json({"version": version, "good": not wrong, "checks": [finding.to_dict() for finding in findings]})
    elif not wrong:
        click.echo(f"Version {version} is good.")
    if wrong:
        click.echo(f"Error: version {version} is not as it should be: {', '.join(wrong)}.", err=True)
        sys.exit(_REFUSED)


def _print_finding(finding: Finding) -> None:
    """One line for what is good; below what is wrong stands every fault and what to do."""
    lines = [*finding.found, *([f"-> {finding.advice}"] if finding.advice else [])]
    heads = [(finding.check, finding.outcome), *[("", "")] * len(lines)]
    for (check, outcome), line in zip(heads, lines, strict=False):
        click.echo(f"{check:{_WIDTHS[0]}}{outcome:{_WIDTHS[1]}}{line}")
