"""`gluonserve train` and `gluonserve publish`: from data, or from a predictor, to a release."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.cli.activation import make_activation
from app.cli.output import describe_execution, describe_size, print_json, print_table
from app.wiring.store.opening import open_store
from config.settings import Settings

if TYPE_CHECKING:
    from app.training.report import TrainingReport

REFUSED, USAGE = 1, 2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_file = click.Path(path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


def ladder_options(command: Command) -> Command:
    """What the candidate that is published must satisfy."""
    for option in reversed(
        (
            click.option(
                "--max-latency-ms", metavar="MS", help="Publish the best candidate that answers one row within MS."
            ),
            click.option(
                "--max-size-mb", metavar="MB", help="Publish the best candidate whose release has at most MB."
            ),
            click.option(
                "--max-quality-loss",
                metavar="X",
                help="Share of the evaluation metric that a candidate may lose, 0.01 by default; "
                "alone: publish the fastest such candidate.",
            ),
        )
    ):
        command = option(command)
    return command


def _gate_options(command: Command) -> Command:
    """Options that both commands have."""
    for option in reversed(
        (
            click.option("--name", help="Name of the model; by default that of the file."),
            click.option(
                "--min",
                "minima",
                metavar="METRIC=V",
                multiple=True,
                help="Publish only when the metric is at least V on held-out rows; may be given several times.",
            ),
            click.option(
                "--max",
                "maxima",
                metavar="METRIC=V",
                multiple=True,
                help="Publish only when it is at most V: rmse, log_loss, latency_ms, memory_mb, size_mb, stability ...",
            ),
            click.option(
                "--max-regression",
                metavar="X",
                help="Share by which the evaluation metric may be worse than the active version's; 0.01 by default.",
            ),
            ladder_options,
            click.option("--activate", is_flag=True, help="Serve the new version at once."),
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        )
    ):
        command = option(command)
    return command


@click.command(
    epilog="Example: gluonserve train churn.csv --label churn --eval-metric log_loss --min roc_auc=0.8 --activate"
)
@click.argument("data", type=_file)
@click.option("--label", required=True, metavar="COL", help="Column to predict.")
@click.option("--test-data", type=_file, metavar="F", help="Held-out rows; by default a fifth of DATA is kept back.")
@click.option("--preset", metavar="NAME", help="production (default), fast or quality.")
@click.option("--time-limit", metavar="S", help="Seconds for fitting, 60 to 86400; 3600 by default.")
@click.option("--problem-type", metavar="TYPE", help="auto (default), binary, multiclass, regression or quantile.")
@click.option("--eval-metric", metavar="M", help="Metric to train for, such as log_loss or rmse; auto by default.")
@click.option("--quantile-levels", metavar="Q,Q", help="Levels of a quantile model, such as 0.1,0.5,0.9.")
@click.option("--date-column", metavar="COL", help="Hold out the latest rows by this column in place of random ones.")
@click.option("--held-out-fraction", metavar="X", help="Share of DATA to keep back, 0.01 to 0.5; 0.2 by default.")
@click.option("--bag-folds", metavar="N", help="Folds of a bag, 2 to 10.")
@click.option("--bag-sets", metavar="N", help="Repetitions of the folds, 1 to 5.")
@click.option("--cpus", metavar="N", help="Processor cores, 1 to 32; all by default.")
@click.option("--gpus", metavar="N", help="Graphics cards, 0 to 8; 0 by default.")
@click.option("--memory-gb", metavar="GB", help="Memory, 1 to 64; 8 by default.")
@click.option("--seed", metavar="N", help="Seed of every random choice; 0 by default.")
@click.option("--ladder", metavar="PARTS", help="Cheaper candidates: all, none, or some of single,pruned,student ...")
@click.option("--config", type=_file, metavar="F", help="YAML file of these settings; options given here win over it.")
@_gate_options
@click.pass_obj
def train(
    settings: Settings,
    /,
    data: Path,
    label: str,
    test_data: Path | None,
    name: str | None,
    minima: tuple[str, ...],
    maxima: tuple[str, ...],
    config: Path | None,
    activate: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    """Train a model on DATA (CSV, Parquet or JSON Lines), check it on held-out rows, and publish it.

    Nothing is published when a check fails; the command then ends with exit code 1 and says which.
    """
    # AutoGluon takes seconds to import; `gluonserve --help` must not wait for it.
    from app.training.ladder.kept import choose_trainings
    from app.training.pipeline import train_and_publish
    from app.training.progress import choose_display
    from app.training.publication.publisher import Publisher
    from app.training.settings import build_training_settings, read_settings_file

    with refusals_as_exit_codes():
        report = train_and_publish(
            data,
            label=label,
            test_data=test_data,
            name=_check_name(name, data),
            settings=build_training_settings(
                options={**options, "min": minima, "max": maxima}, file=read_settings_file(config) if config else {}
            ),
            activate=activate,
            publisher=Publisher(open_store(settings, to_publish=True), activate=make_activation(settings)),
            display=choose_display(),
            trainings=choose_trainings(settings.trainings_path, most=settings.keep_trainings),
        )
    finish_training(report, as_json=as_json)


@click.command(
    epilog="Example: gluonserve publish AutogluonModels/churn --data holdout.csv --train-data train.csv --activate"
)
@click.argument("predictor_dir", type=_file)
@click.option("--data", required=True, type=_file, metavar="HOLDOUT", help="Labelled rows that it was not trained on.")
@click.option("--train-data", type=_file, metavar="F", help="Rows it was trained on: they tell nulls and ranges.")
@_gate_options
@click.pass_obj
def publish(
    settings: Settings,
    /,
    predictor_dir: Path,
    data: Path,
    train_data: Path | None,
    name: str | None,
    minima: tuple[str, ...],
    maxima: tuple[str, ...],
    activate: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    """Publish an AutoGluon predictor that was trained elsewhere, after the same checks as `train`.

    Its files are Python pickles, which run code when they are opened: publish only what you trust.
    """
    # AutoGluon takes seconds to import; `gluonserve --help` must not wait for it.
    from app.training.ladder.climbing import NO_LADDER
    from app.training.pipeline import evaluate_and_publish, make_demands, make_ladder_demands
    from app.training.progress import choose_display
    from app.training.publication.publisher import Publisher
    from app.training.settings import build_training_settings

    with refusals_as_exit_codes():
        asked = build_training_settings(options={**options, "min": minima, "max": maxima})
        report = evaluate_and_publish(
            predictor_dir,
            held_out_data=data,
            train_data=train_data,
            name=_check_name(name, predictor_dir),
            demands=make_demands(asked),
            ladder=make_ladder_demands(asked) if asked.ladder_limits.given else NO_LADDER,
            activate=activate,
            publisher=Publisher(open_store(settings, to_publish=True), activate=make_activation(settings)),
            display=choose_display(),
        )
    finish_training(report, as_json=as_json)


def _check_name(name: str | None, source: Path) -> str:
    """The name given, or one made of the file's name."""
    if name is None:
        made = re.sub(r"[^A-Za-z0-9._-]+", "-", source.absolute().name.split(".")[0]).strip("._-")
        return made[:64] or "model"
    if not _NAME.fullmatch(name):
        raise click.UsageError(f"--name {name}: expected up to 64 letters, digits, dots, hyphens and underscores.")
    return name


@contextmanager
def refusals_as_exit_codes() -> Iterator[None]:
    """Print what training refuses, and leave with the exit code of the contract."""
    from app.training.refusals import InvalidTrainingSettings, TrainingRefused

    try:
        yield
    except InvalidTrainingSettings as fault:
        for sentence in fault.faults:
            click.echo(f"Error: {sentence}", err=True)
        sys.exit(USAGE)
    except TrainingRefused as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(REFUSED)


def finish_training(report: TrainingReport, *, as_json: bool) -> None:
    """Print a report; leave with exit code 1 when nothing was published because a check failed."""
    from app.training.report import describe_failure

    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)
    if not report.gate.passed:
        failed = ", ".join(check.name for check in report.gate.failures)
        click.echo(f"Error: nothing was published; failed: {failed}.", err=True)
        for check in report.gate.failures:
            click.echo(f"  {describe_failure(check)}", err=True)
        sys.exit(REFUSED)


def _print_report(report: TrainingReport) -> None:
    from app.training.report import list_gate_cells, list_ladder_cells, list_leaderboard_cells, list_quality_cells

    rows_train = "unknown" if report.rows_train is None else report.rows_train
    click.echo(
        f"{report.name}: {report.problem_type} model of {report.label}, "
        f"{rows_train} rows to train on, {report.rows_held_out} held out"
    )
    for list_cells in (list_leaderboard_cells, list_ladder_cells, list_quality_cells, list_gate_cells):
        columns, rows = list_cells(report)
        if rows:
            click.echo()
            print_table(columns, rows)
    if report.unchanged_version:
        click.echo(f"\nVersion {report.unchanged_version} is made of what was chosen already; nothing was published.")
    if report.version is None:
        return
    state = "active" if report.activated else f"not active yet: gluonserve models activate {report.version}"
    click.echo(f"\nPublished {report.name} version {report.version}, {state}")
    click.echo(describe_execution(report.plan_refusal))
    if report.size_mb is not None:
        click.echo(describe_size(report.size_mb, report.size_before_mb))
