"""A joint table sums what each of its tables sums, whatever they have in common and however long their chains are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.models.masks.table import MaskTable
from app.release.plan.models.masks.trees import Tree
from app.runtime.plan.models.masks import joint
from app.runtime.plan.models.masks.joint import fit_together, join_tables
from app.runtime.plan.models.masks.table import MaskedTrees, Table
from tests.runtime.plan.models.masks.test_table import CATEGORY, LEVELS, grow_tree, make_rows

CHAINS = st.lists(st.lists(st.integers(1, 70), min_size=1, max_size=4), min_size=1, max_size=3)


def make_table(rng: np.random.Generator, chains: list[list[int]], directory: Path, name: str) -> Table:
    trees = [[grow_tree(rng, leaves) for leaves in chain] for chain in chains]
    table = MaskTable(trees, levels={CATEGORY: LEVELS}, zero_is_missing=False, dtype=np.float64)
    return MaskedTrees(table.write(directory, name), directory).table


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), boosters=st.lists(CHAINS, min_size=2, max_size=4))
def test_the_sums_are_those_of_each_table(seed: int, boosters: list[list[list[int]]]) -> None:
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as directory:
        tables = [make_table(rng, chains, Path(directory), f"t{n}") for n, chains in enumerate(boosters)]
        # Words are as wide as a table's largest tree needs, and only tables of one width fit together.
        tables = [table for table in tables if table.masks.dtype == tables[0].masks.dtype]
        if not fit_together(tables):
            assert not any(table.columns for table in tables)
            return
        together = join_tables(tables)
        for row in make_rows(rng, 30).tolist():
            apart = np.concatenate([table.sum_row(row) for table in tables])
            np.testing.assert_array_equal(together.sum_row(row), apart, strict=True)


def test_a_table_without_columns_adds_the_same_in_company(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    alone = MaskTable([[Tree((), (0.5,))] * 2], levels={}, zero_is_missing=False, dtype=np.float64)
    constant = MaskedTrees(alone.write(tmp_path, "constant"), tmp_path).table
    grown = make_table(rng, [[9, 4]], tmp_path, "grown")
    if not fit_together([constant, grown]):
        pytest.fail("The tables are of one kind.")
    sums = [join_tables([constant, grown]).sum_row(row)[0] for row in make_rows(rng, 20).tolist()]
    assert sums == [1.0] * 20


def test_tables_of_another_precision_or_too_large_together_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    first, second = (make_table(rng, [[5]], tmp_path, name) for name in ("first", "second"))
    assert fit_together([first, second])
    in_32_bits = MaskTable([[grow_tree(rng, 5)]], levels={CATEGORY: LEVELS}, zero_is_missing=False, dtype=np.float32)
    assert not fit_together([first, MaskedTrees(in_32_bits.write(tmp_path, "third"), tmp_path).table])
    monkeypatch.setattr(joint, "_MOST_BYTES", 10)
    assert not fit_together([first, second])
