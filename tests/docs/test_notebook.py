"""From a notebook's predictor to an answer, and to the clients of other servers: the pages are typed as they stand."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.docs.conftest import NOTEBOOK, run_python_of
from tests.docs.reading import Reader, find_missing, read_examples
from tests.rules.repository import ROOT

MIGRATE = ROOT / "docs" / "calls" / "migrate.md"


def test_a_predictor_of_a_notebook_answers_over_http_also_to_clients_of_other_servers(
    published_notebook: Path, project: Path
) -> None:
    assert (published_notebook / "missing.txt").read_text(encoding="utf-8") == ""
    run_python_of(MIGRATE, project)
    with ExitStack() as stack:
        reader = Reader(project, stack)
        for page in (NOTEBOOK, MIGRATE):
            text = page.read_text(encoding="utf-8")
            for example in read_examples(text):
                if "publish" not in example.command:
                    assert find_missing(reader, example, text) == [], example.command
