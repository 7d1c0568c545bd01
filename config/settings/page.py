"""Renders docs/settings.md from the settings themselves: `python -m config.settings.page > docs/settings.md`."""

from __future__ import annotations

import sys

from config.settings import describe_settings

_HEADING = """\
# Settings

gluonserve is configured by environment variables. An empty variable counts as not set, a `GLUONSERVE_` name that is not
on this page stops the start, and so does a value out of range. `{home}` stands for the value of `GLUONSERVE_HOME`.
`{workers}` and `{threads}` are chosen at the start: one worker per core that affinity and control groups allow, as far
as memory goes; 4 threads in a worker that executes a compiled plan, 16 in one that runs AutoGluon and joins overlapping
requests. One line in the log says what was chosen and why. `{log_format}` is `text` where the log goes to a terminal,
elsewhere `json`.

This page is written by `python -m config.settings.page > docs/settings.md`.

| variable | default | meaning |
|---|---|---|
"""


def render_settings_page() -> str:
    return _HEADING + "".join(f"| `{name}` | `{default}` | {help} |\n" for name, default, help in describe_settings())


if __name__ == "__main__":
    sys.stdout.write(render_settings_page())
