"""A release tried in a process of its own, before anything that answers requests opens it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.errors import ReleaseUnusable
from app.release.signing import PublicKey, SigningKeyUnusable, Trust
from app.release.verification import verify_release
from app.runtime.loading import DEFAULT_RULES, Execution, load_release
from app.runtime.rows import RowRules

# The child ends itself a little before its parent would end it: also when the parent is gone.
_GRACE_SECONDS = 5
_LEAST_PRIORITY = 19
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class TrialReport:
    """How a release behaved in its trial.

    Attributes:
        seconds: To verify, load and replay its golden rows, at the lowest priority.
        memory_mb: The most memory that the process held, libraries included.
    """

    execution: Execution
    seconds: float
    memory_mb: float


def try_release(
    directory: Path, *, trust: Trust, prefer: Execution, rules: RowRules = DEFAULT_RULES, seconds: int
) -> TrialReport:
    """Verify every file of a release, load it as a worker would and replay its golden rows, all in another process.

    Whatever it does there, crashes and hangs included, happens to nobody else. The process has the lowest priority, so
    that what is served does not feel it.

    Raises:
        ReleaseUnusable: with the reason, or because it did not end in time.
    """
    name = directory.name
    with subprocess.Popen(
        [sys.executable, "-m", "app.runtime.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **_ONE_THREAD},
    ) as process:
        try:
            output, _ = process.communicate(
                _write_request(directory, trust, prefer, rules, seconds), timeout=seconds + _GRACE_SECONDS
            )
        except BaseException as fault:
            process.kill()
            if isinstance(fault, subprocess.TimeoutExpired):
                raise _describe_end(name, -signal.SIGALRM, seconds) from None
            raise
    if process.returncode != 0:
        raise _describe_end(name, process.returncode, seconds)
    answer: Any = orjson.loads(output)
    if "reason" in answer:
        raise ReleaseUnusable(answer["reason"], cause=answer["cause"])
    return TrialReport(**answer)


def main() -> None:
    """Read the request from standard input and write the report to standard output, which nothing else may reach."""
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = orjson.loads(sys.stdin.buffer.read())
    signal.alarm(request["seconds"])
    os.nice(_LEAST_PRIORITY)
    with os.fdopen(answer_to, "wb") as file:
        file.write(orjson.dumps(_answer(request)))


def _answer(request: Any) -> dict[str, Any]:
    started = time.monotonic()
    trust = Trust(keys=tuple(PublicKey(text) for text in request["keys"]), unsigned=request["unsigned"])
    directory = Path(request["directory"])
    try:
        verify_release(directory, trust)
        rules = RowRules(**request["rules"])
        release = load_release(directory, trust=trust, prefer=request["prefer"], rules=rules)
    except ReleaseUnusable as fault:
        return {"reason": fault.sentence, "cause": fault.cause}
    report = TrialReport(
        execution=release.execution,
        seconds=time.monotonic() - started,
        memory_mb=_read_peak_mb(),
    )
    return asdict(report)


def _read_peak_mb() -> float:
    """What getrusage tells would include the memory of whoever started this process."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


def _write_request(directory: Path, trust: Trust, prefer: Execution, rules: RowRules, seconds: int) -> bytes:
    try:
        keys = [key.text for key in trust.list_keys()]
    except SigningKeyUnusable as fault:
        raise ReleaseUnusable("The trusted keys cannot be read.", cause=str(fault)) from None
    return orjson.dumps(
        {
            "directory": str(directory.absolute()),
            "keys": keys,
            "unsigned": trust.unsigned,
            "prefer": prefer,
            "rules": asdict(rules),
            "seconds": seconds,
        }
    )


def _describe_end(name: str, code: int, seconds: int) -> ReleaseUnusable:
    if code == -signal.SIGALRM:
        return ReleaseUnusable(f"Version {name}: it was not loaded within {seconds} seconds in its trial.")
    if code < 0:
        return ReleaseUnusable(f"Version {name}: its trial process crashed ({signal.Signals(-code).name}).")
    return ReleaseUnusable(f"Version {name}: its trial process ended with exit code {code}.")


if __name__ == "__main__":
    main()
