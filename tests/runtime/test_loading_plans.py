"""A release with a compiled plan: what executes it, what it falls back to, and what such a process never touches."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.files import compute_sha256
from app.release.plan import PLAN_FILE
from app.release.signing import TRUST_ANYONE
from app.release.store import NATIVE, PLAN, UNPACKED, ReleaseStore
from app.release.verification import MANIFEST
from app.runtime.loading import GoldenRowsDiffer, load_release
from tests.runtime.test_loading import make_bomb, rewrite

# Run in a process of its own: blocks what a plan must do without, then loads and predicts.
SERVE_WITHOUT = """
import pickle, sys
from pathlib import Path

BLOCKED = {"autogluon", "pandas", "sklearn", "scipy", "lightgbm", "catboost", "xgboost", "joblib", "torch"}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED and sys._getframe(1).f_code.co_name == "_find_spec" and not probing():
            raise AssertionError(f"{name} was imported")

def probing():
    # importlib.util.find_spec only asks where a package lies.
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "find_spec" and frame.f_code.co_filename.endswith("importlib/util.py"):
            return True
        frame = frame.f_back
    return False

def refuse(*args, **kwargs):
    raise AssertionError("something was unpickled")

sys.meta_path.insert(0, Blocker())
pickle.load = pickle.loads = pickle.Unpickler = refuse

from app.release.golden import read_golden_rows
from app.release.signing import TRUST_ANYONE
from app.runtime.loading import load_release
from app.runtime.rows import RowValidator

directory = Path(sys.argv[1])
release = load_release(directory, trust=TRUST_ANYONE)
golden = read_golden_rows(directory / "golden.json")
answers = release.executor.predict(RowValidator(release.schema).check(golden.rows).rows)
assert answers.labels == golden.labels
assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
print(release.execution)
"""


def vouch_for(directory: Path, path: str) -> None:
    """Make the manifest agree with a file that was changed."""
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    size = (directory / path).stat().st_size
    manifest["files"][path] = {"size": size, "sha256": compute_sha256(directory / path)}
    (directory / MANIFEST).write_bytes(orjson.dumps(manifest))


def edit_plan(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = directory / PLAN / PLAN_FILE
    document = orjson.loads(path.read_bytes())
    change(document)
    path.write_bytes(orjson.dumps(document))
    vouch_for(directory, f"{PLAN}/{PLAN_FILE}")


def test_a_release_with_a_plan_is_executed_by_it(published_plan: ReleaseStore) -> None:
    assert published_plan.manifest("1").plan_refusal is None
    assert load_release(published_plan.directory("1"), trust=TRUST_ANYONE).execution == "plan"


def test_workers_share_the_memory_of_its_arrays_and_they_go_with_the_release(plan_store: ReleaseStore) -> None:
    unpacked = plan_store.path / UNPACKED / "1"
    release = load_release(plan_store.directory("1"), trust=TRUST_ANYONE)
    assert f" {unpacked}/" in Path("/proc/self/maps").read_text()
    (plan_store.path / "ACTIVE").unlink()
    plan_store.delete("1")
    assert not unpacked.exists()
    assert release.execution == "plan"


def test_autogluon_executes_it_where_that_is_preferred(published_plan: ReleaseStore) -> None:
    assert load_release(published_plan.directory("1"), trust=TRUST_ANYONE, prefer="native").execution == "native"


def test_a_process_that_serves_a_plan_imports_no_heavy_library_and_unpickles_nothing(
    published_plan: ReleaseStore,
) -> None:
    command = [sys.executable, "-c", SERVE_WITHOUT, str(published_plan.directory("1"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("plan\n", "")


def test_the_block_of_that_test_holds(published_store: ReleaseStore) -> None:
    command = [sys.executable, "-c", SERVE_WITHOUT, str(published_store.directory("1"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "was imported" in done.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda plan: plan["libraries"].update(numpy="1.0.0"), "it was made with numpy 1.0.0"),
        (lambda plan: plan.update(format=999), "its plan has format 999"),
        (lambda plan: plan.pop("ensemble"), "'ensemble'"),
    ],
)
def test_a_plan_that_cannot_be_used_here_leaves_the_answer_to_autogluon(
    plan_store: ReleaseStore, caplog: pytest.LogCaptureFixture, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    edit_plan(plan_store.directory("1"), change)
    with caplog.at_level(logging.WARNING, "app.runtime.loading"):
        assert load_release(plan_store.directory("1"), trust=TRUST_ANYONE).execution == "native"
    [warning] = [record.message for record in caplog.records if record.name == "app.runtime.loading"]
    assert reason in warning
    assert warning.endswith("AutoGluon answers in place of the plan, slower.")


def test_a_release_whose_plan_answers_golden_rows_otherwise_is_refused_and_nothing_of_it_unpickled(
    plan_store: ReleaseStore,
) -> None:
    directory = plan_store.directory("1")
    edit_plan(directory, lambda plan: plan["answers"]["names"].reverse())
    rewrite(directory, f"{NATIVE}!predictor.pkl", make_bomb(plan_store.path / "exploded"))
    with pytest.raises(GoldenRowsDiffer, match="golden row 0 has other probabilities than at publication"):
        load_release(directory, trust=TRUST_ANYONE)
    assert not (plan_store.path / "exploded").exists()


def test_without_autogluon_the_reason_against_the_plan_is_told_too(plan_store: ReleaseStore) -> None:
    directory = plan_store.directory("1")
    edit_plan(directory, lambda plan: plan.update(format=999))
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    manifest["libraries"]["autogluon.tabular"] = "1.5.0"
    (directory / MANIFEST).write_bytes(orjson.dumps(manifest))
    with pytest.raises(ReleaseUnusable, match=r"made with autogluon\.tabular 1\.5\.0.*its plan has format 999"):
        load_release(directory, trust=TRUST_ANYONE)


def test_an_altered_plan_is_refused_altogether(plan_store: ReleaseStore) -> None:
    path = plan_store.directory("1") / PLAN / PLAN_FILE
    path.write_bytes(path.read_bytes().replace(b'"format"', b'"forma7"'))
    with pytest.raises(ReleaseUnusable, match=r"plan/plan\.json was altered after publication"):
        load_release(plan_store.directory("1"), trust=TRUST_ANYONE)


def test_a_missing_file_of_the_predictor_is_seen_without_opening_any(plan_store: ReleaseStore) -> None:
    (plan_store.directory("1") / NATIVE).unlink()
    with pytest.raises(ReleaseUnusable, match=r"native\.tar\.zst is missing"):
        load_release(plan_store.directory("1"), trust=TRUST_ANYONE)
