"""Tables that are scored in the background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config.settings.parsing import read_path, read_places, setting, whole_number


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """Tables that are scored in the background."""

    jobs_path: Path = setting(
        "GLUONSERVE_JOBS_PATH",
        "{home}/jobs",
        read_path,
        "directory of the tables and results of jobs; on several machines one that they share",
    )
    job_places: tuple[str, ...] | None = setting(
        "GLUONSERVE_JOB_PLACES",
        None,
        read_places,
        "where tables of jobs may lie besides being sent: addresses such as s3://bucket/incoming/ or file:///data/, "
        "separated by commas",
    )
    job_max_mb: int = setting(
        "GLUONSERVE_JOB_MAX_MB", "2000", whole_number(1, 1_000_000), "largest table of a job, in MB when uncompressed"
    )
    job_keep_hours: int = setting(
        "GLUONSERVE_JOB_KEEP_HOURS",
        "72",
        whole_number(1, 87_600),
        "hours that a job and its result are kept after its end",
    )
