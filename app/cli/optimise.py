"""`gluonserve optimise`: choose anew among the candidates of a training that was published before."""

from __future__ import annotations

import click

from app.cli.activation import make_activation
from app.cli.train import finish_training, ladder_options, refusals_as_exit_codes
from app.wiring.store.opening import open_store
from config.settings import Settings


@click.command(epilog="Example: gluonserve optimise 3 --max-latency-ms 0.2 --max-quality-loss 0.005 --activate")
@click.argument("version")
@ladder_options
@click.option(
    "--max-regression",
    metavar="X",
    help="Share by which the evaluation metric may be worse than the active version's; as at training by default.",
)
@click.option("--activate", is_flag=True, help="Serve the new version at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def optimise(
    settings: Settings,
    /,
    version: str,
    max_regression: str | None,
    activate: bool,
    as_json: bool,
    **limits: str | None,
) -> None:
    """Build cheaper candidates from the training of VERSION, measure each, and publish the one that fits the limits.

    Without a limit the full ensemble is chosen, and the table says what a cheaper one would cost. The checks of the
    training hold again. Its training must be kept: see GLUONSERVE_KEEP_TRAININGS.
    """
    # AutoGluon takes seconds to import; `gluonserve --help` must not wait for it.
    from app.training.ladder.choice import LADDER_PARTS
    from app.training.ladder.climbing import LadderDemands
    from app.training.ladder.kept import choose_trainings
    from app.training.pipeline import optimise_and_publish
    from app.training.progress import choose_display
    from app.training.publication.publisher import Publisher
    from app.training.settings import build_training_settings

    with refusals_as_exit_codes():
        asked = build_training_settings(options={**limits, "max_regression": max_regression})
        report = optimise_and_publish(
            version,
            ladder=LadderDemands(parts=LADDER_PARTS, limits=asked.ladder_limits),
            max_regression=None if max_regression is None else asked.max_regression,
            activate=activate,
            publisher=Publisher(open_store(settings, to_publish=True), activate=make_activation(settings)),
            display=choose_display(),
            trainings=choose_trainings(settings.trainings_path, most=settings.keep_trainings),
        )
    finish_training(report, as_json=as_json)
