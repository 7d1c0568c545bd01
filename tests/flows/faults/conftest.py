from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest

from app.release.store import ReleaseStore
from tests.bench.models.prepare import choose_rows
from tests.fixtures import FittedModel
from tests.flows.faults.rig.installation import Installation, Served
from tests.flows.faults.rig.scale import Scale, read_scale

_ROWS = 200


@pytest.fixture(scope="session")
def scale() -> Scale:
    return read_scale()


@pytest.fixture(scope="session")
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> Sequence[object]:
    """Rows that the published model has not seen."""
    return choose_rows(plannable("binary").held_out.drop(columns="bought"), published_plan.path)[:_ROWS]


@pytest.fixture(scope="session")
def make_installation(
    published_plan: ReleaseStore,
    rows: Sequence[object],
    tmp_path_factory: pytest.TempPathFactory,
    make_key: Callable[..., str],
) -> Callable[[], Installation]:
    """Make a home with a small model of every family, a key, and rows for it. Nothing runs yet."""

    def make() -> Installation:
        home = tmp_path_factory.mktemp("faults") / "home"
        shutil.copytree(published_plan.path, home / "models")
        return Installation(home, make_key(home, "predict", "model_info"), rows)

    return make


@pytest.fixture
def installation(make_installation: Callable[[], Installation]) -> Installation:
    return make_installation()


@pytest.fixture(scope="module")
def served(make_installation: Callable[[], Installation]) -> Iterator[Served]:
    """A server for all tests of a module, with a model that can be made slow and to hang."""
    installation = make_installation()
    with installation.serve() as server:
        yield Served(installation, server)
