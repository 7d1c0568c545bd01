"""wrk, Debian's package of that name: a load generator in C, which leaves the processors to the server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

_LUA = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = '{"data":[' .. line .. ']}' end
local turn = 0
wrk.method = "POST"
%s
request = function()
    turn = turn %% #bodies + 1
    return wrk.format(nil, nil, nil, bodies[turn])
end
"""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class WrkResult:
    """What wrk says of a server: latencies in ms, and answers with other statuses than 200."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int


def require_wrk() -> None:
    """
    Raises:
        click.ClickException: when it is not there.
    """
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not there; install it with: apt-get install wrk")


def write_rows(path: Path, rows: Sequence[object]) -> Path:
    """Rows as `run_wrk` takes them: JSON, one a line."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def run_wrk(
    address: tuple[str, int],
    rows: Path,
    *,
    key: str,
    concurrency: int,
    seconds: int,
    headers: Mapping[str, str] | None = None,
) -> WrkResult:
    """Ask /predict for one row after the other, over so many connections at once."""
    script = rows.with_name(f"{rows.name}.lua")
    sent = {"X-API-Key": key, "Content-Type": "application/json", **(headers or {})}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in sent.items())
    script.write_text(_LUA % (rows, lines), encoding="utf-8")
    command = ["wrk", "--threads", "1", "--connections", str(concurrency), "--duration", f"{seconds}s", "--latency"]
    command += ["--script", str(script), f"http://{address[0]}:{address[1]}/predict"]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return WrkResult(
        per_second=float(_find(r"Requests/sec:\s+([\d.]+)", told)[0]),
        p50_ms=_read_time(_find(r"50%\s+([\d.]+)(us|ms|s)", told)),
        p99_ms=_read_time(_find(r"99%\s+([\d.]+)(us|ms|s)", told)),
        refused=int(refused[1]) if refused else 0,
    )


def _find(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    if match is None:
        raise click.ClickException(f"wrk said something else:\n{text}")
    return match.groups()


def _read_time(parts: tuple[str, ...]) -> float:
    value, unit = parts
    return float(value) * _UNITS[unit]
