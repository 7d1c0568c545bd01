"""How often what a model gave some probability came true, on rows that it was not trained on: part of a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson

from app.errors import ReleaseUnusable
from app.release.files import write_json
from app.release.manifest import Manifest
from app.release.verification import read_listed_file

CALIBRATION = "calibration.json"

CalibrationMethod = Literal["none", "isotonic", "logistic"]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassCalibration:
    """Points of a line from the probability that was said, which goes up, to the share that came true."""

    said: Sequence[float]
    true: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What probabilities of a model are worth.

    Attributes:
        method: How it was learnt; none when the probabilities can be taken as they are.
        rows: How many held-out rows it was learnt on.
        classes: A line for each class, in the order of the manifest; empty for none.
    """

    method: CalibrationMethod
    rows: int
    classes: tuple[ClassCalibration, ...] = ()

    def apply(self, probabilities: Numbers) -> Numbers:
        """Calibrated probabilities, one row for each and one column for each class; rows sum to 1."""
        if not self.classes:
            return probabilities
        columns = [
            np.interp(probabilities[:, position], line.said, line.true) for position, line in enumerate(self.classes)
        ]
        calibrated = np.stack(columns, axis=1)
        sums = calibrated.sum(axis=1, keepdims=True)
        # Where every class was found to be impossible, nothing better is known than what the model said.
        return np.where(sums > 0, calibrated / np.where(sums > 0, sums, 1.0), probabilities)


def write_calibration(directory: Path, calibration: Calibration) -> None:
    write_json(directory / CALIBRATION, asdict(calibration))


def read_calibration(directory: Path, manifest: Manifest) -> Calibration | None:
    """The calibration of a release whose manifest is trusted; None for one that was published without.

    Raises:
        ReleaseUnusable: when it is not what was published.
    """
    if CALIBRATION not in manifest.files:
        return None
    content = read_listed_file(directory, manifest, CALIBRATION)
    try:
        return _build(orjson.loads(content))
    except (orjson.JSONDecodeError, KeyError, TypeError) as fault:
        reason = type(fault).__name__
        raise ReleaseUnusable(f"Version {manifest.version}: {CALIBRATION} is damaged ({reason}).") from fault


def _build(values: Mapping[str, Any]) -> Calibration:
    return Calibration(**{**values, "classes": tuple(ClassCalibration(**line) for line in values["classes"])})
