from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import ReleaseUnusable
from app.release.candidate import CANDIDATE, CandidatePointer, read_candidate, remove_candidate, write_candidate

POINTER = CandidatePointer(
    version="4", mode="canary", share=0.05, by="key", since="2026-11-23T04:19:03.123Z", who="cli:ada", trial="t1"
)


def test_a_candidate_is_read_as_it_was_written_until_it_is_removed(tmp_path: Path) -> None:
    assert read_candidate(tmp_path) is None
    write_candidate(tmp_path, POINTER)
    assert read_candidate(tmp_path) == POINTER
    remove_candidate(tmp_path)
    assert read_candidate(tmp_path) is None
    remove_candidate(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": "4", "colour": "red"}'])
def test_a_damaged_candidate_is_refused_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / CANDIDATE).write_text(content)
    with pytest.raises(ReleaseUnusable, match="Remove the candidate with: gluonserve models withdraw"):
        read_candidate(tmp_path)
