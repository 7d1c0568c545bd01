"""Where tables are read from and results are written to."""

from __future__ import annotations

import gzip
from pathlib import Path

import fsspec
import pytest
import zstandard

from app.errors import BadRequest, NotFound, UnsupportedMediaType
from app.serving.formats.media_types import CSV, PARQUET
from app.serving.scoring.places import opened_table, written_result


def test_a_file_is_opened_with_its_format_and_size(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"city\nOslo\n")
    with opened_table(str(tmp_path / "rows.csv")) as table:
        assert (table.media_type, table.size) == (CSV, 10)
        assert table.file.readline() == b"city\n"


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_compressed_file_is_read_plain(tmp_path: Path, ending: str, compress: object) -> None:
    assert callable(compress)
    path = tmp_path / f"rows.csv{ending}"
    path.write_bytes(compress(b"city\nOslo\n"))
    with opened_table(str(path)) as table:
        assert (table.media_type, table.size) == (CSV, None)
        assert table.file.readline() == b"city\n"


def test_other_places_are_reached_by_their_addresses() -> None:
    fsspec.filesystem("memory").pipe("/there/rows.parquet", b"PAR1")
    with opened_table("memory://there/rows.parquet") as table:
        assert (table.media_type, table.size) == (PARQUET, 4)
    with written_result("memory://there/scores.csv") as file:
        file.write(b"prediction\n")
    assert fsspec.filesystem("memory").cat("/there/scores.csv") == b"prediction\n"


def test_a_result_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    with written_result(str(path)) as file:
        file.write(b"prediction\n")
        assert not path.exists()
    assert path.read_bytes() == b"prediction\n"


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(b"of yesterday\n")
    with pytest.raises(KeyboardInterrupt), written_result(str(path)):
        raise KeyboardInterrupt
    assert path.read_bytes() == b"of yesterday\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_opened_is_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such file"), opened_table(str(tmp_path / "rows.csv")):
        pass
    with pytest.raises(UnsupportedMediaType, match="must end in"), opened_table(str(tmp_path / "rows.xls")):
        pass
    with pytest.raises(BadRequest), opened_table("nowhere://rows.csv"):
        pass
    with pytest.raises(NotFound), written_result(str(tmp_path / "none" / "scores.csv")):
        pass
