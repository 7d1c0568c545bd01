"""What gunicorn's master imports for its workers, in a process of its own each time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.rules.repository import ROOT


def run(source: str) -> Any:
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_nothing_is_started_by_it_that_a_fork_would_break() -> None:
    source = "import json, os, config.preloading; print(json.dumps(len(os.listdir('/proc/self/task'))))"
    assert run(f"import os; os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1'); {source}") == 1


def test_the_program_is_there_and_after_a_reload_another_one_with_the_same_libraries() -> None:
    source = """
import json, sys
from config.preloading import forget_program
first, flask = sys.modules["app.factory"], sys.modules["flask"]
forget_program()
left = [name for name in sys.modules if name.split(".")[0] == "app"]
from app import create_app
print(json.dumps([left, sys.modules["app.factory"] is first, sys.modules["flask"] is flask]))
"""
    assert run(source) == [[], False, True]
