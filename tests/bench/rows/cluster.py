"""`python -m tests.bench.rows.cluster`: the same rows on a local cluster of two nodes and on this machine alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import orjson
import pyarrow
import pyarrow.parquet
from ray.cluster_utils import Cluster  # type: ignore[import-untyped,unused-ignore]

from tests.bench.command import bench_command, end_with, say
from tests.bench.rows.table import Prepared, prepare, vary_rows

_NODES = 2
_FILES = 8


@dataclass(frozen=True)
class Figures:
    rows: int
    nodes: int
    local_seconds: float
    cluster_seconds: float
    is_identical: bool


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.rows.cluster --rows 1000000",
    quick="50,000 rows of a tiny model.",
)
@click.option("--rows", default=1_000_000, show_default=True)
def main(quick: bool, rows: int, predictors: Path, cache: Path) -> None:
    """Some minutes."""
    prepared, rows = prepare(predictors, cache, quick=quick), 50_000 if quick else rows
    with tempfile.TemporaryDirectory(dir=cache, prefix="cluster-") as place:
        figures = measure(prepared, Path(place), rows)
    click.echo(orjson.dumps(asdict(figures), option=orjson.OPT_INDENT_2).decode())
    end_with(find_broken_promises(figures))


def measure(prepared: Prepared, place: Path, rows: int) -> Figures:
    say(f"writing {rows:,} rows")
    table = pyarrow.Table.from_pylist(list(vary_rows(prepared.rows, rows)))
    (place / "rows").mkdir()
    size = -(-rows // _FILES)
    for number in range(_FILES):
        part = table.slice(number * size, size)
        pyarrow.parquet.write_table(part, place / "rows" / f"{number}.parquet")  # type: ignore[no-untyped-call]
    pyarrow.parquet.write_table(table, place / "rows.parquet")  # type: ignore[no-untyped-call]
    del table
    say("on this machine alone")
    local = predict(prepared, place, "rows.parquet", "scores.parquet")
    say(f"on a cluster of {_NODES} nodes")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(_NODES - 1):
            cluster.add_node(num_cpus=1)
        spread = predict(prepared, place, "rows", "scores", "--engine", "ray", RAY_ADDRESS=cluster.address)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call,unused-ignore]
    return Figures(rows, _NODES, local, spread, read(place / "scores.parquet").equals(read(place / "scores")))


def predict(prepared: Prepared, place: Path, source: str, result: str, *options: str, **variables: str) -> float:
    settings = {
        "MODEL_PATH": str(prepared.models),
        "GLUONSERVE_HOME": str(place),
        "GLUONSERVE_UNSIGNED_RELEASES": "allow",
    }
    command = [sys.executable, "-m", "app.cli", "predict", str(place / source), str(place / result), *options]
    started = time.perf_counter()
    subprocess.run(command, env={**os.environ, **settings, **variables}, check=True)
    return time.perf_counter() - started


def read(path: Path) -> pyarrow.Table:
    """Files in the order of their names, which Ray gives them by the order of the rows."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    tables = [pyarrow.parquet.read_table(file) for file in files]  # type: ignore[no-untyped-call]
    return pyarrow.concat_tables(tables).combine_chunks()


def find_broken_promises(figures: Figures) -> Iterator[str]:
    if not figures.is_identical:
        yield "The cluster gives other results than one machine, or in another order."


if __name__ == "__main__":
    main()
