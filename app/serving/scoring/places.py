"""Tables and results by their addresses: files of this machine, and with an extra of S3, GCS and Azure."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from app.errors import BadRequest, NotFound, UnsupportedMediaType
from app.serving.formats.media_types import find_format_of_file, list_file_endings

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class OpenedTable:
    """A table that is open for reading.

    Attributes:
        size: In bytes, of what is read; None where it is compressed.
    """

    file: BinaryIO
    media_type: str
    size: int | None


@contextmanager
def opened_table(address: str, *, media_type: str | None = None) -> Iterator[OpenedTable]:
    """Open a table, plain or compressed by gzip or zstd, for as long as the block lasts.

    Args:
        media_type: Of the table; None to tell it by the name.

    Raises:
        UnsupportedMediaType: when the name does not tell the format.
        NotFound: when nothing is there.
        BadRequest: when it cannot be opened.
    """
    name, compression = _split_compression(address)
    media_type = media_type or require_format(name)
    with _naming_faults(address):
        file_system, path = _find_file_system(address)
        size = None if compression else int(file_system.size(path))
        opened = file_system.open(path, "rb", compression=compression)
    # What decompresses may not know lines.
    with io.BufferedReader(opened) if compression else opened as file:
        yield OpenedTable(file, media_type, size)


@contextmanager
def written_result(address: str) -> Iterator[BinaryIO]:
    """A file to write, which appears under its name when it is whole: a block that fails leaves what was there.

    Raises:
        BadRequest: when it cannot be written.
    """
    with _naming_faults(address):
        file_system, path = _find_file_system(address)
        is_local = "file" in file_system.protocol
        staged = f"{path}.{os.getpid()}" if is_local else path
        # Stores of objects show nothing before the end by themselves.
        file: Any = open(staged, "wb") if is_local else file_system.open(path, "wb", autocommit=False)  # noqa: SIM115
    try:
        with _naming_faults(address):
            yield cast(BinaryIO, file)
            file.close()
            os.replace(staged, path) if is_local else file.commit()
    except BaseException:
        file.close()
        os.unlink(staged) if is_local else file.discard()
        raise


def require_format(name: str) -> str:
    """The format that a name ends in.

    Raises:
        UnsupportedMediaType: when its ending is unknown.
    """
    found = find_format_of_file(name)
    if found is None:
        raise UnsupportedMediaType(f"{name}: the name must end in {', '.join(list_file_endings())}.")
    return found


def _find_file_system(address: str) -> tuple[Any, str]:
    # It takes a quarter of a second to import: only a process that opens tables pays for it.
    import fsspec

    file_system, path = fsspec.url_to_fs(address)
    return file_system, str(path)


def _split_compression(address: str) -> tuple[str, str | None]:
    for ending, compression in _COMPRESSIONS.items():
        if address.lower().endswith(ending):
            return address[: -len(ending)], compression
    return address, None


@contextmanager
def _naming_faults(address: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"{address}: there is no such file.") from None
    except ImportError as missing:
        # fsspec says which package to install.
        raise BadRequest(f"{address}: {missing}.") from None
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
        raise BadRequest(f"{address}: {reason}.") from None
