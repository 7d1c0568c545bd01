"""A caller that sends large requests without pause, in a process of its own.

`python -m tests.bench.limits.heavy_caller HOST PORT KEY ROWS_FILE ROWS CONNECTIONS SECONDS` prints how many were
answered and refused, as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from tests.bench.load.client import generate_load
from tests.bench.load.requests import make_requests


def main(host: str, port: str, key: str, rows_file: str, rows: str, connections: str, seconds: str) -> None:
    data = orjson.loads(Path(rows_file).read_bytes())
    requests = make_requests(data, rows_per_request=int(rows), key=key, count=3)
    result = generate_load((host, int(port)), requests, concurrency=int(connections), seconds=float(seconds))
    refused = sum(fault.startswith("429") for fault in result.faults)
    found = {"answered": len(result.latencies_ms), "refused": refused, "failed": len(result.faults) - refused}
    sys.stdout.write(orjson.dumps(found).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
