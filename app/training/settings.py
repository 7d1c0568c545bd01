"""The settings of one training: ranges, the merging of preset, file and command line, and checks before any work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

import config
from app.release.manifest import LadderKind
from app.training.gate.limits import Limit, parse_limits, resolve_limits, write_as_texts
from app.training.gate.metric_names import PROBLEM_TYPES, UnknownMetric, resolve_metric_name
from app.training.ladder.choice import LADDER_PARTS, LadderLimits
from app.training.refusals import InvalidTrainingSettings, suggest_closest

PRESETS_FILE = Path(config.__file__).parent / "presets.yaml"
PRESETS = ("production", "fast", "quality")
DEFAULT_PRESET = "production"
MOST_CPUS = 32

# The model families that need no torch, by AutoGluon's names.
FAMILIES = {
    "GBM": "LightGBM",
    "CAT": "CatBoost",
    "XGB": "XGBoost",
    "RF": "random forest",
    "XT": "extra trees",
    "KNN": "nearest neighbours",
    "LR": "linear model",
}


def count_cores() -> int:
    return len(os.sched_getaffinity(0))


def _default_cpus() -> int:
    return min(MOST_CPUS, count_cores())


def _whole_number(minimum: int, maximum: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        text = str(value).strip()
        if isinstance(value, bool) or not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
            raise ValueError(f"expected a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _number(minimum: float, maximum: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        expected = f"expected a number from {minimum:g} to {maximum:g}"
        try:
            number = float("nan" if isinstance(value, bool) else value)
        except (TypeError, ValueError):
            raise ValueError(expected) from None
        if not minimum <= number <= maximum:
            raise ValueError(expected)
        return number

    return parse


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        text = str(value).strip()
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}.{suggest_closest(text, choices)}")
        return text

    return parse


def _column_name(value: Any) -> str | None:
    if value is None or not str(value).strip():
        return None
    return str(value)


def _quantile_levels(value: Any) -> tuple[float, ...]:
    items = value.split(",") if isinstance(value, str) else value
    try:
        levels = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        levels = ()
    if not levels or sorted(set(levels)) != list(levels) or levels[0] <= 0 or levels[-1] >= 1:
        raise ValueError("expected rising numbers between 0 and 1, for example 0.1,0.5,0.9")
    return levels


def _ladder(value: Any) -> tuple[LadderKind, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ValueError(f"expected none, all, or some of {','.join(LADDER_PARTS)}")
    named = [str(item).strip() for item in items]
    if named in (["all"], ["none"], []):
        return LADDER_PARTS if named == ["all"] else ()
    for name in named:
        _one_of(*LADDER_PARTS)(name)
    return tuple(part for part in LADDER_PARTS if part in named)


def _hyperparameters(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(
            f"expected model families with their parameters, for example GBM: {{}}; families are {_list_families()}"
        )
    for family, configurations in value.items():
        if family not in FAMILIES:
            raise ValueError(f"{family!r} is not a model family; families are {_list_families()}")
        items = configurations if isinstance(configurations, list) else [configurations]
        if not items or not all(isinstance(item, Mapping) for item in items):
            raise ValueError(f"{family} expects a mapping of parameters, or a list of such mappings")
    return dict(value)


def _list_families() -> str:
    return ", ".join(f"{name} ({title})" for name, title in FAMILIES.items())


def _setting(option: str, parse: Callable[[Any], Any], help: str, **default: Any) -> Any:
    return field(metadata={"option": option, "parse": parse, "help": help}, **default)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What one training may use and must reach. 'auto' leaves the choice to AutoGluon."""

    preset: str = _setting("preset", _one_of(*PRESETS), "set of models and folds", default=DEFAULT_PRESET)
    problem_type: str = _setting("problem-type", _one_of("auto", *PROBLEM_TYPES), "kind of prediction", default="auto")
    eval_metric: str = _setting("eval-metric", str, "metric that training improves", default="auto")
    quantile_levels: tuple[float, ...] = _setting(
        "quantile-levels", _quantile_levels, "levels of a quantile model", default=()
    )
    time_limit_seconds: int = _setting("time-limit", _whole_number(60, 86400), "seconds for fitting", default=3600)
    bag_folds: int = _setting("bag-folds", _whole_number(2, 10), "folds of a bag", default=3)
    bag_sets: int = _setting("bag-sets", _whole_number(1, 5), "repetitions of the folds", default=1)
    cpus: int = _setting("cpus", _whole_number(1, MOST_CPUS), "processor cores", default_factory=_default_cpus)
    gpus: int = _setting("gpus", _whole_number(0, 8), "graphics cards", default=0)
    memory_gb: float = _setting("memory-gb", _number(1, 64), "memory in GB", default=8.0)
    date_column: str | None = _setting("date-column", _column_name, "column that orders the rows in time", default=None)
    held_out_fraction: float = _setting(
        "held-out-fraction", _number(0.01, 0.5), "share of the rows kept back for the report", default=0.2
    )
    seed: int = _setting("seed", _whole_number(0, 2**31 - 1), "seed of every random choice", default=0)
    max_regression: float = _setting(
        "max-regression", _number(0, 10), "share by which quality may be below that of the active version", default=0.01
    )
    ladder: tuple[LadderKind, ...] = _setting(
        "ladder", _ladder, "candidates to build besides the full ensemble", default=()
    )
    max_latency_ms: float | None = _setting(
        "max-latency-ms", _number(0, 1e6), "milliseconds that one row may take in the candidate chosen", default=None
    )
    max_size_mb: float | None = _setting(
        "max-size-mb", _number(0, 1e6), "size that the candidate chosen may have", default=None
    )
    max_quality_loss: float | None = _setting(
        "max-quality-loss", _number(0, 1), "share of the metric that the candidate chosen may lose", default=None
    )
    hyperparameters: Mapping[str, Any] = _setting("hyperparameters", _hyperparameters, "model families to fit")
    limits: tuple[Limit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def problem_type_for_autogluon(self) -> str | None:
        return None if self.problem_type == "auto" else self.problem_type

    @property
    def eval_metric_for_autogluon(self) -> str | None:
        return None if self.eval_metric == "auto" else self.eval_metric

    @property
    def ladder_limits(self) -> LadderLimits:
        return LadderLimits(
            latency_ms=self.max_latency_ms, size_mb=self.max_size_mb, quality_loss=self.max_quality_loss
        )

    def with_problem_type(self, problem_type: str) -> TrainingSettings:
        """These settings for the problem type that the data turned out to be.

        Raises:
            InvalidTrainingSettings: when the metric or a limit is not for this problem type.
        """
        faults: list[str] = []
        limits = self.limits
        metric = _check_metric(self.eval_metric, problem_type, faults)
        try:
            limits = resolve_limits(self.limits, problem_type)
        except InvalidTrainingSettings as fault:
            faults += fault.faults
        if faults:
            raise InvalidTrainingSettings(faults)
        return replace(self, problem_type=problem_type, eval_metric=metric, limits=limits)


def build_training_settings(
    *, options: Mapping[str, Any] | None = None, file: Mapping[str, Any] | None = None
) -> TrainingSettings:
    """Merge the command line over the file over the preset over the defaults.

    Keys are the names of options; `min` and `max` hold the limits: texts on the command line, mappings in the file.

    Raises:
        InvalidTrainingSettings: naming every fault at once.
    """
    given = {_as_option(name): value for name, value in (options or {}).items() if value not in (None, ())}
    from_file = {_as_option(name): value for name, value in (file or {}).items() if value is not None}
    faults = _find_unknown_names(from_file)
    preset = _read_preset(given.get("preset", from_file.get("preset", DEFAULT_PRESET)))
    merged = {**preset, **from_file, **given}
    values = _parse_values(merged, faults)
    problem_type = values.get("problem_type", "auto")
    values["eval_metric"] = _check_metric(str(merged.get("eval-metric", "auto")), problem_type, faults)
    values["limits"] = _merge_limits(given, from_file, problem_type, faults)
    faults += _find_conflicts(values)
    if faults:
        raise InvalidTrainingSettings(faults)
    return TrainingSettings(**values, notes=_note_aliases(merged, values))


def read_settings_file(path: Path) -> Mapping[str, Any]:
    """Parse a YAML file of settings.

    Raises:
        InvalidTrainingSettings: when it is missing, not YAML or not a mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise InvalidTrainingSettings([f"--config {path}: {fault.strerror or 'cannot be read'}."]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        place = getattr(fault, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise InvalidTrainingSettings([f"--config {path}: this is not YAML{where}."]) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidTrainingSettings([f"--config {path}: expected names with values, for example time_limit: 600."])
    return {str(name): value for name, value in values.items()}


def _read_preset(name: Any) -> Mapping[str, Any]:
    """The values of a preset; those of the default one while an unknown name is being reported."""
    presets: dict[str, dict[str, Any]] = yaml.safe_load(PRESETS_FILE.read_text(encoding="utf-8"))
    values = presets[name if name in PRESETS else DEFAULT_PRESET]
    return {_as_option(key): value for key, value in values.items()}


def _as_option(name: str) -> str:
    return name.replace("_", "-")


def _options() -> dict[str, Any]:
    return {item.metadata["option"]: item for item in fields(TrainingSettings) if item.metadata}


def _find_unknown_names(file: Mapping[str, Any]) -> list[str]:
    known = [*_options(), "min", "max"]
    return [
        f"{name.replace('-', '_')} in the configuration file is not a setting of training."
        f"{suggest_closest(name, known).replace('-', '_')}"
        for name in file
        if name not in known
    ]


def _parse_values(merged: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option, item in _options().items():
        if option not in merged:
            continue
        try:
            values[item.name] = item.metadata["parse"](merged[option])
        except ValueError as fault:
            sentence = str(fault)
            faults.append(f"--{option} {merged[option]}: {sentence}{'' if sentence.endswith(('.', '?')) else '.'}")
    return values


def _check_metric(name: str, problem_type: str, faults: list[str]) -> str:
    if name.strip().lower() == "auto":
        return "auto"
    try:
        return resolve_metric_name(name, None if problem_type == "auto" else problem_type)
    except UnknownMetric as fault:
        faults.append(f"--eval-metric {name}: {fault}")
        return "auto"


def _merge_limits(
    given: Mapping[str, Any], file: Mapping[str, Any], problem_type: str, faults: list[str]
) -> tuple[Limit, ...]:
    kind = None if problem_type == "auto" else problem_type
    typed, typed_faults = parse_limits(minima=given.get("min", ()), maxima=given.get("max", ()), problem_type=kind)
    for name in ("min", "max"):
        if not isinstance(file.get(name, {}), Mapping):
            faults.append(f"{name} in the configuration file: expected metrics with values, for example accuracy: 0.8.")
            return tuple(typed)
    filed, filed_faults = parse_limits(
        minima=write_as_texts(file.get("min", {})), maxima=write_as_texts(file.get("max", {})), problem_type=kind
    )
    faults += filed_faults + typed_faults
    overridden = {(limit.metric, limit.direction) for limit in typed}
    return (*(limit for limit in filed if (limit.metric, limit.direction) not in overridden), *typed)


def _find_conflicts(values: Mapping[str, Any]) -> list[str]:
    quantile = values.get("problem_type") == "quantile"
    if quantile and not values.get("quantile_levels"):
        return ["--problem-type quantile needs --quantile-levels, for example 0.1,0.5,0.9."]
    if values.get("quantile_levels") and not quantile:
        return ["--quantile-levels needs --problem-type quantile."]
    return []


def _note_aliases(merged: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    typed = str(merged.get("eval-metric", "auto"))
    resolved = values["eval_metric"]
    return () if typed == resolved or resolved == "auto" else (f"{typed} is read as {resolved}.",)
