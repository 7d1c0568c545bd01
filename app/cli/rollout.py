"""`gluonserve models canary`, `shadow`, `compare`, `promote`, `withdraw`: a version tried beside the active one."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.activation import name_operator, print_activation, telling_slow_steps
from app.cli.output import print_json, print_table
from app.release.candidate import CandidatePointer
from app.serving.rollout.candidates import TrialRecord
from app.serving.rollout.comparison.figures import FIGURES, GroupFigures
from app.serving.rollout.comparison.intervals import Estimate
from app.serving.rollout.trials.trial import BY_KEY
from app.wiring.opened import opened_candidates
from config.settings import Settings

_SHARE = click.FloatRange(0, 100, min_open=True)


@click.command(epilog="Example: gluonserve models canary 4 --share 5 --by X-Customer")
@click.argument("version")
@click.option("--share", type=_SHARE, required=True, metavar="PERCENT", help="How many of 100 callers it answers.")
@click.option(
    "--by",
    "routed_by",
    default=BY_KEY,
    metavar="key|HEADER",
    help="What keeps a caller with one version: its API key, or a header that it sends. Default: key.",
)
@click.pass_obj
def canary(settings: Settings, version: str, share: float, routed_by: str) -> None:
    """Have a version answer a share of the callers.

    It is tried in a process of its own first. Requests that it cannot answer are answered by the active version.
    """
    with opened_candidates(settings) as candidates, telling_slow_steps() as on_step:
        begun = candidates.begin_canary(
            version, share=share / 100, routed_by=routed_by, by=name_operator(), on_step=on_step
        )
    click.echo(f"{_describe_trial(begun)}. Compare with: gluonserve models compare")


@click.command(epilog="Example: gluonserve models shadow 4 --share 50")
@click.argument("version")
@click.option("--share", type=_SHARE, default=100.0, metavar="PERCENT", help="How many of 100 requests it sees.")
@click.pass_obj
def shadow(settings: Settings, version: str, share: float) -> None:
    """Have a version see a copy of a share of the requests. It answers nobody, and uses idle CPU only."""
    with opened_candidates(settings) as candidates, telling_slow_steps() as on_step:
        begun = candidates.begin_shadow(version, share=share / 100, by=name_operator(), on_step=on_step)
    click.echo(f"{_describe_trial(begun)}. Compare with: gluonserve models compare")


@click.command(epilog="Example: gluonserve models compare --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(settings: Settings, as_json: bool) -> None:
    """Compare the candidate with the active version, as all workers counted it up to a second ago."""
    with opened_candidates(settings) as candidates:
        record = candidates.require()
    if as_json:
        print_json(asdict(record))
    else:
        _print_record(record)


@click.command(epilog="Example: gluonserve models promote")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def promote(settings: Settings, as_json: bool) -> None:
    """Activate the candidate, which ends its trial."""
    with opened_candidates(settings) as candidates, telling_slow_steps() as on_step:
        activation = candidates.promote(by=name_operator(), on_step=on_step)
    print_activation(activation, as_json=as_json)


@click.command(epilog="Example: gluonserve models withdraw")
@click.pass_obj
def withdraw(settings: Settings) -> None:
    """End the trial: from the next request on the active version answers everybody."""
    with opened_candidates(settings) as candidates:
        withdrawn = candidates.withdraw(by=name_operator())
    click.echo(f"Version {withdrawn.version} is withdrawn." if withdrawn else "The damaged candidate file is removed.")


def _describe_trial(candidate: CandidatePointer) -> str:
    percent = f"{100 * candidate.share:g} %"
    if candidate.mode == "shadow":
        return f"Version {candidate.version} sees a copy of {percent} of the requests"
    known_by = "API key" if candidate.by == BY_KEY else f"header {candidate.by}"
    return f"Version {candidate.version} answers {percent} of the callers, told apart by their {known_by}"


def _print_record(record: TrialRecord) -> None:
    comparison = record.comparison
    click.echo(f"{_describe_trial(record.candidate)}, since {record.candidate.since} ({record.hours:.1f} hours)")
    if record.candidate.mode == "shadow":
        click.echo(f"{comparison.copies_sent} requests copied, {comparison.copies_dropped} dropped for want of time")
    print_table(
        ["version", "requests", "rows", "errors", "p50 ms", "p99 ms"],
        [
            [f"{record.active} (active)", *_list_cells(comparison.active)],
            [f"{record.candidate.version} (candidate)", *_list_cells(comparison.candidate)],
        ],
    )
    meanings = FIGURES[record.candidate.mode]
    print_table(
        ["figure", "value", "95 % interval", "meaning"],
        [
            [name, f"{figure.value:.4f}", _show_interval(figure), meanings[name]]
            for name, figure in comparison.figures.items()
        ],
    )
    click.echo(f"The rules say {record.verdict.decision}: {record.verdict.reason}")
    if not record.rules_act:
        click.echo("They only show what they would do (act: false).")


def _list_cells(group: GroupFigures) -> list[str]:
    times = ["" if time is None else f"{time:.3f}" for time in (group.p50_ms, group.p99_ms)]
    return [str(group.requests), str(group.rows), str(group.errors), *times]


def _show_interval(figure: Estimate) -> str:
    return "" if figure.low is None or figure.high is None else f"{figure.low:.4f} to {figure.high:.4f}"
