"""`gluonserve worker`: a process that does jobs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.errors import Unavailable
from app.serving.jobs.store import CLAIM_SECONDS, JobStore
from app.wiring.jobs import opened_job_role
from config.logging import configure_logging
from config.settings import Settings, list_secrets

_RENEWALS_PER_CLAIM = 6


@click.command(epilog="Example: gluonserve worker")
@click.pass_obj
def worker(settings: Settings) -> None:
    """Score the tables of jobs until SIGTERM or Ctrl-C, which let the step under way end.

    Start one for each core that jobs may take, on any machine that shares the database, the model store,
    GLUONSERVE_JOBS_PATH and REDIS_URL. They share the parts of each job, and a worker that is killed costs nothing but
    the part that it was at.
    """
    # Libraries that start threads of their own would take the cores of other workers from them.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    configure_logging(settings.log_level, format=settings.log_format, secrets=list_secrets(settings))
    with opened_job_role(settings) as role, _renewing_claims(role.store, role.owner):
        # For those who list processes: what ps and the metrics of the server call it.
        Path("/proc/self/comm").write_text("job-worker")
        role.queue.run(role.worker.advance, role.upkeep.sweep)


@contextmanager
def _renewing_claims(store: JobStore, owner: str) -> Iterator[None]:
    """Say now and then, from another thread, that this process still works on what it has claimed."""
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.wait(CLAIM_SECONDS / _RENEWALS_PER_CLAIM):
            try:
                store.renew(owner)
            except Unavailable:
                # The next one may do; else the step is done twice, which costs time and nothing else.
                continue

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
