"""Commands are loaded one by one, and are all there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from app.cli.main import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_called_as_it_is_listed(name: str) -> None:
    assert COMMANDS[name].name == name
    assert f"  {name} " in CliRunner().invoke(main, ["--help"]).output


def test_what_scores_a_table_loads_nothing_that_serves() -> None:
    code = "import sys, app.cli.main; app.cli.main.COMMANDS['predict']; print('flask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
