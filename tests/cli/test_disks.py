"""What the command line says of a disk that is full or read-only."""

from __future__ import annotations

import errno
import os

import click
import pytest
from click.testing import CliRunner

from app.cli.main import GluonserveGroup


def fail_with(fault: OSError) -> tuple[int, str, BaseException | None]:
    @click.group(cls=GluonserveGroup)
    def group() -> None: ...

    @group.command()
    def write() -> None:
        raise fault

    result = CliRunner().invoke(group, ["write"])
    return result.exit_code, result.output, result.exception


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_the_place_is_named_in_one_sentence(number: int) -> None:
    reason = os.strerror(number)
    assert fail_with(OSError(number, reason, "/srv/models/.4.tmp"))[:2] == (
        1,
        f"Error: /srv/models/.4.tmp cannot be written: {reason}. Make room there and try again.\n",
    )


def test_where_the_system_does_not_tell_the_places_are_named_that_it_may_be() -> None:
    _, output, _ = fail_with(OSError(errno.ENOSPC, "No space left on device"))
    assert output.startswith("Error: A file below GLUONSERVE_HOME, MODEL_PATH or TMPDIR cannot be written: ")


def test_another_fault_is_not_taken_for_one_of_the_disk() -> None:
    assert isinstance(fail_with(PermissionError(errno.EACCES, "Permission denied"))[2], PermissionError)
