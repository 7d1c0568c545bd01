"""`make sbom`: write what a release of gluonserve is made of, as CycloneDX, by cyclonedx-py from the lock file.

Versions, hashes and addresses are those of the lock; a package that stands there once for each Python does so here too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "deploy" / "requirements.lock"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Example: python deploy/bill_of_materials.py")
    parser.add_argument("--lock", type=Path, default=LOCK, help="lock file (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="directory of the file (default: %(default)s)")
    options = parser.parse_args()
    path = options.to / f"gluonserve-{metadata('gluonserve')['Version']}.cdx.json"
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        described = Path(directory, "pyproject.toml")
        described.write_text(describe_project(), encoding="utf-8")
        arguments = ["--pyproject", str(described), "--output-reproducible", "--validate", "--output-file", str(path)]
        # A lock says which package asks for which in comments only.
        quiet = ["-W", "ignore:The Component this BOM is describing:UserWarning"]
        subprocess.run(
            [sys.executable, *quiet, "-m", "cyclonedx_py", "requirements", *arguments, str(options.lock)], check=True
        )
    print(path)
    return 0


def describe_project() -> str:
    """Name, version, license and summary of gluonserve where cyclonedx-py looks for them: ours stand in setup.cfg."""
    known = metadata("gluonserve")
    return (
        "[project]\n"
        f'name = "{known["Name"]}"\n'
        f'version = "{known["Version"]}"\n'
        f'license = "{known["License"]}"\n'
        f'description = "{known["Summary"]}"\n'
    )


if __name__ == "__main__":
    sys.exit(main())
