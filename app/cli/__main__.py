"""`python -m app.cli`: the command `gluonserve` where its script is not on the path."""

from __future__ import annotations

from app.cli.main import main

main(prog_name="gluonserve")
