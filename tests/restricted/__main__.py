"""`python -m tests.restricted [ARGUMENTS OF PYTEST]`: tests as a user without rights who can write to little."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.restricted.confinement import confine, describe_environment, may_confine
from tests.rules.repository import ROOT

_NOT_ALLOWED = "This has to be started by root, on a machine or in a container that may mount (CAP_SYS_ADMIN)."


def main() -> int:
    if not may_confine():
        sys.stderr.write(f"{_NOT_ALLOWED}\n")
        return 2
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *sys.argv[1:]]
    environment = describe_environment(os.environ)
    return subprocess.run(confine(command), cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
