"""Reading of tables, and every file that cannot be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from app.training.data import read_table, require_columns
from app.training.refusals import TrainingRefused


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_three_formats_hold_the_same_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", "y"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name).rows, frame)


def test_a_compressed_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(path).rows.to_dict("records") == [{"a": 1, "b": 2}]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert list(read_table(write(tmp_path / "t.csv", b"\xef\xbb\xbfa,b\n1,2\n")).rows.columns) == ["a", "b"]
    assert list(read_table(write(tmp_path / "t.jsonl", b'\xef\xbb\xbf{"a": 1}\n')).rows.columns) == ["a"]


def test_texts_of_json_lines_stay_texts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.jsonl", '{"zip": "007", "date": "2024-01-02", "modified": 1}\n\n{"zip": "1", "date": null}\n'
    )
    rows = read_table(path).rows
    assert rows["zip"].tolist() == ["007", "1"]
    assert rows["date"].tolist() == ["2024-01-02", None]
    assert rows["modified"].iloc[0] == 1


def test_a_column_without_a_name_is_left_out_and_told(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", ",a\n0,1\n1,2\n"))
    assert list(table.rows.columns) == ["a"]
    assert table.notes == ("t.csv: 1 column without a name left out.",)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("t.xlsx", "a", "the file's name must end in"),
        ("t.csv", "", "the file is empty"),
        ("t.csv", "a,b\n", "the file has no rows"),
        ("t.csv", "\n\n", "the file is empty"),
        ("t.csv", "a,b,a\n1,2,3\n", "column names that occur more than once: a"),
        ("t.csv", "a,b\n1,2,3\n", "a row has more values than the header has names"),
        ("t.csv", "a,b\n1,2\n1,2,3\n", "not readable as csv"),
        ("t.csv", b"a,b\n\xff\xfe,2\n", "the text is not UTF-8"),
        ("t.parquet", "a,b\n1,2\n", "not readable as parquet"),
        ("t.jsonl", '{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("t.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("t.jsonl", '{"a": 1, "a": 2}\n', "column names that occur more than once in line 1: a"),
        ("t.jsonl", '{"a": [1]}\n', "column 'a' holds lists or objects"),
        ("t.jsonl", "\n", "the file has no rows"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, fault: str
) -> None:
    with pytest.raises(TrainingRefused, match=fault) as caught:
        read_table(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="there is no such file"):
        read_table(tmp_path / "none.csv")


def test_a_parquet_file_with_doubled_names_is_refused(tmp_path: Path) -> None:
    table = pyarrow.table([[1], [2]], names=["a", "a"])
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")  # type: ignore[no-untyped-call]
    with pytest.raises(TrainingRefused, match="column names that occur more than once: a"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        (["Churn", "b"], "there is no column 'churn'. Did you mean Churn?"),
        (["x", "y"], "there is no column 'churn'. The columns are x, y."),
        (
            ["x;churn"],
            "there is no column 'churn'. The columns seem to be separated by semicolons; commas are expected.",
        ),
    ],
)
def test_a_missing_column_is_told_with_the_likely_reason(columns: list[str], hint: str) -> None:
    with pytest.raises(TrainingRefused) as caught:
        require_columns(pd.DataFrame(columns=columns), ["churn"], Path("t.csv"))
    assert str(caught.value) == f"t.csv: {hint}"


def test_a_column_named_as_text_keeps_its_leading_zeros(tmp_path: Path) -> None:
    path = tmp_path / "shops.csv"
    path.write_text("zip,visits\n007,1\n,2\n")
    rows = read_table(path, text_columns=["zip", "another"]).rows
    assert rows["zip"].tolist()[0] == "007"
    assert rows["zip"].isna().tolist() == [False, True]
    assert rows["visits"].tolist() == [1, 2]
