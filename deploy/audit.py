"""`make audit`: ask a service of known vulnerabilities about every locked package, by pip-audit.

Exit codes: 0 nothing known, 1 something known, 2 not checked. The service is OSV; PIP_AUDIT_OSV_URL names another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Every version of the other locks stands in this one too.
LOCK = Path(__file__).with_name("requirements-test.lock")
CLEAN, VULNERABLE, NOT_CHECKED = 0, 1, 2
_TIMEOUT_SECONDS = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Example: python deploy/audit.py --if-reachable")
    parser.add_argument("lock", nargs="?", type=Path, default=LOCK, help="lock file with hashes (default: %(default)s)")
    parser.add_argument("--if-reachable", action="store_true", help="end with 0 where the service cannot be asked")
    options = parser.parse_args()
    report = _run_pip_audit(options.lock)
    if report is None:
        print("Not checked for known vulnerabilities: their service cannot be reached. Run `make audit` where it can.")
        return CLEAN if options.if_reachable else NOT_CHECKED
    return _tell(report, options.lock)


def _run_pip_audit(lock: Path) -> Mapping[str, Any] | None:
    """The report of pip-audit; None when the service did not answer for every package.

    Its own exit code says 1 for a vulnerability and for a service out of reach, and 0 where a service knew no package.
    """
    arguments = ["--requirement", str(lock), "--require-hashes", "--disable-pip", "--strict", "--format", "json"]
    service = ["--vulnerability-service", "osv", "--timeout", str(_TIMEOUT_SECONDS), "--progress-spinner", "off"]
    # What an earlier run was told may be known better by now.
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *arguments, *service, "--cache-dir", cache],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        sys.stderr.write(_last_line(done.stderr))
        return None
    return report if report["dependencies"] else None


def _tell(report: Mapping[str, Any], lock: Path) -> int:
    found = [(package, known) for package in report["dependencies"] for known in package["vulns"]]
    print(f"{len(report['dependencies'])} packages of {lock.name}, {len(found)} known vulnerabilities")
    for package, known in found:
        fixed = ", ".join(known["fix_versions"]) or "no version"
        print(f"  {package['name']} {package['version']}: {known['id']}, fixed in {fixed}")
    if found:
        print("Raise the lower bound in setup.cfg, then: make lock")
    return VULNERABLE if found else CLEAN


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"pip-audit: {lines[-1]}\n" if lines else ""


if __name__ == "__main__":
    sys.exit(main())
