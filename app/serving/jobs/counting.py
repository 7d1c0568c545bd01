"""What jobs have come to, counted for good: jobs themselves are removed some time after their end."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.database import job_counts
from app.serving.jobs.job import Outcome


def add_to_count(connection: Connection, name: Outcome | Literal["rows"], amount: int = 1) -> None:
    """Count in the transaction of what is counted, as the last thing that it locks: no two then wait for each other."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = insert(job_counts).values(name=name, total=amount)
    counted = {"total": job_counts.c.total + first.excluded.total}
    connection.execute(first.on_conflict_do_update(index_elements=[job_counts.c.name], set_=counted))
