from __future__ import annotations

import numpy as np
import pytest

from app.errors import ReleaseUnusable
from app.release.profile.calibration import CALIBRATION, Calibration, ClassCalibration, read_calibration
from app.release.store import ReleaseStore
from tests.manifests import make_manifest


def test_a_published_classifier_says_what_its_probabilities_are_worth(published_plan: ReleaseStore) -> None:
    calibration = read_calibration(published_plan.directory("1"), published_plan.manifest("1"))
    assert calibration is not None
    assert calibration.rows == published_plan.manifest("1").rows_held_out
    said = np.array([[0.1, 0.9], [0.6, 0.4]])
    assert calibration.apply(said).sum(axis=1) == pytest.approx(1.0)


def test_a_release_of_before_has_none(plan_store: ReleaseStore) -> None:
    assert read_calibration(plan_store.directory("1"), make_manifest()) is None


@pytest.mark.parametrize("damage", ["altered", "longer", "gone"])
def test_one_that_is_not_what_was_published_is_not_believed(plan_store: ReleaseStore, damage: str) -> None:
    path, manifest = plan_store.directory("1") / CALIBRATION, plan_store.manifest("1")
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content + b" " if damage == "longer" else content.replace(b"0.", b"1.", 1))
    with pytest.raises(ReleaseUnusable, match=CALIBRATION):
        read_calibration(plan_store.directory("1"), manifest)


def test_where_every_class_was_found_impossible_the_model_is_believed() -> None:
    never = ClassCalibration([0.0, 1.0], [0.0, 0.0])
    calibration = Calibration(method="isotonic", rows=100, classes=(never, never))
    said = np.array([[0.3, 0.7]])
    assert calibration.apply(said).tolist() == [[0.3, 0.7]]
