"""What right and wrong answers are worth, as a file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.monitoring.quality.labels import number_classes, write_label
from app.release.manifest import Manifest

CASES = ("true_positive", "false_positive", "true_negative", "false_negative")

_MOST_VALUE = 1e12
_MOST_PAIRS = 1000


class ValuesUnusable(Exception):
    """The file of values cannot be used. The message is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class ClassValues:
    """Attributes: pairs: Of a true class and the class that was answered, where it is worth something else."""

    right: float = 0.0
    wrong: float = 0.0
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NumberValues:
    """For each unit by which an answer was above or below what turned out to be true."""

    per_unit_too_high: float
    per_unit_too_low: float


@dataclass(frozen=True, kw_only=True)
class OutcomeValues:
    """What one outcome is worth, for each kind of model that values are declared for; costs are negative."""

    currency: str
    binary: Mapping[str, float] | None = None
    classes: ClassValues | None = None
    numbers: NumberValues | None = None


def read_values(path: Path) -> OutcomeValues:
    """Read and check a file of values.

    Raises:
        ValuesUnusable: naming the file and all that is wrong in it.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        values: Any = _ValuesDocument().load(document if isinstance(document, dict) else {})
    except OSError as fault:
        raise ValuesUnusable(f"The values of outcomes {path} cannot be read: {fault.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        line = str(fault).replace("\n", " ")
        raise ValuesUnusable(f"The values of outcomes {path} are not YAML: {line}.") from None
    except ValidationError as fault:
        faults = _describe_faults(fault.messages)
        raise ValuesUnusable(f"The values of outcomes {path} do not fit: {faults}.") from None
    return _build_values(values)


def find_unknown_classes(values: OutcomeValues, manifest: Manifest) -> list[str]:
    """Classes that values are declared for and that a model does not have: most likely misspelt."""
    known = number_classes(manifest.class_labels or ())
    named = {name for pair in (values.classes.pairs if values.classes else ()) for name in pair}
    return sorted(named - known.keys()) if manifest.problem_type == "multiclass" else []


def _build_values(values: Mapping[str, Any]) -> OutcomeValues:
    classes, numbers = values.get("classes"), values.get("numbers")
    return OutcomeValues(
        currency=values["currency"],
        binary=values.get("binary"),
        classes=classes
        and ClassValues(
            right=classes["right"],
            wrong=classes["wrong"],
            pairs={(item["outcome"], item["answered"]): item["value"] for item in classes["pairs"]},
        ),
        numbers=numbers and NumberValues(**numbers),
    )


def _describe_faults(messages: Any, place: str = "") -> str:
    if isinstance(messages, Mapping):
        return "; ".join(_describe_faults(item, f"{place}.{name}".lstrip(".")) for name, item in messages.items())
    return f"{place.removesuffix('._schema')}: {' '.join(str(message).rstrip('.') for message in messages)}"


class _Value(fields.Float):
    """A number as YAML has it: no text, no yes or no."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> float:
        if isinstance(value, bool | str):
            raise ValidationError("Not a number.")
        return float(super()._deserialize(value, attr, data, **options))


class _Class(fields.Field[str]):
    """A class as people write it: YAML makes numbers and truths of some."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str | int | float) or not write_label(value):
            raise ValidationError("Not a class.")
        return write_label(value)


def _value(**options: Any) -> _Value:
    limits = validate.Range(min=-_MOST_VALUE, max=_MOST_VALUE)
    return _Value(allow_nan=False, validate=limits, **options)


def _nest(**members: fields.Field[Any]) -> fields.Nested:
    return fields.Nested(Schema.from_dict(members))


class _ValuesDocument(Schema):
    currency = fields.String(required=True, validate=validate.Length(min=1, max=10))
    binary = _nest(**{name: _value(required=True) for name in CASES})
    classes = _nest(
        right=_value(load_default=0.0),
        wrong=_value(load_default=0.0),
        pairs=fields.List(
            _nest(outcome=_Class(required=True), answered=_Class(required=True), value=_value(required=True)),
            load_default=list,
            validate=validate.Length(max=_MOST_PAIRS),
        ),
    )
    numbers = _nest(per_unit_too_high=_value(required=True), per_unit_too_low=_value(required=True))

    @validates_schema
    def expect_values(self, values: Mapping[str, Any], **_: Any) -> None:
        if not values.keys() & {"binary", "classes", "numbers"}:
            raise ValidationError("one of binary, classes and numbers is expected", "values")
        pairs = [(item["outcome"], item["answered"]) for item in values.get("classes", {}).get("pairs", ())]
        if len(set(pairs)) < len(pairs):
            raise ValidationError("one pair of classes is there twice", "classes.pairs")
