"""Every setting of the service: its name in the environment, default, unit and meaning. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A setting is missing, unknown or out of range. The message is one sentence for the operator."""


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def _whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
            raise ValueError(f"expected a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _absolute_path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _setting(name: str, default: str | None, parse: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:
    return field(metadata={"name": name, "default": default, "parse": parse, "help": help, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one process, read once from the environment by `load_settings`."""

    environment: str = _setting(
        "GLUONSERVE_ENV",
        "development",
        _one_of("development", "production"),
        "production refuses to start without GLUONSERVE_SECRET; development makes one in GLUONSERVE_HOME",
    )
    home: Path = _setting("GLUONSERVE_HOME", "./var", _absolute_path, "directory of all state")
    model_path: Path = _setting(
        "MODEL_PATH", "{home}/models", _absolute_path, "directory of the releases and of the pointer to the active one"
    )
    database_url: str = _setting(
        "DATABASE_URL",
        "sqlite:///{home}/gluonserve.db",
        str,
        "SQLAlchemy URL of the database of API keys; postgresql+psycopg://... for several machines",
        secret=True,
    )
    secret: str | None = _setting(
        "GLUONSERVE_SECRET", None, str, "at least 32 characters; API keys are stored as HMACs under it", secret=True
    )
    log_level: str = _setting(
        "LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "least severe log line that is written"
    )
    bind: str = _setting("BIND", "127.0.0.1:8000", str, "HOST:PORT or unix:PATH that the server listens on")
    workers: int = _setting(
        "WEB_CONCURRENCY", "{cores}", _whole_number(1, 256), "worker processes; each holds its own loaded model"
    )
    threads: int = _setting("GLUONSERVE_THREADS", "4", _whole_number(1, 64), "request threads in each worker")
    graceful_timeout_seconds: int = _setting(
        "GLUONSERVE_GRACEFUL_TIMEOUT", "30", _whole_number(1, 3600), "seconds that requests under way get at a stop"
    )
    max_body_mb: int = _setting("GLUONSERVE_MAX_BODY_MB", "16", _whole_number(1, 1024), "largest request body, in MB")
    max_rows: int = _setting(
        "GLUONSERVE_MAX_ROWS", "10000", _whole_number(1, 1_000_000), "most rows in one request to /predict"
    )
    unseen_values: str = _setting(
        "GLUONSERVE_UNSEEN_VALUES",
        "accept",
        _one_of("accept", "reject"),
        "a category or number outside what training saw: accept with a warning, or reject with 422",
    )
    unknown_fields: str = _setting(
        "GLUONSERVE_UNKNOWN_FIELDS",
        "ignore",
        _one_of("ignore", "reject"),
        "a field that the model does not know: ignore with a warning, or reject with 422",
    )


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: naming the variable, what was expected and, for an unknown name, the closest known one.
    """
    _refuse_unknown_names(environ)
    home = _read_home(environ)
    values: dict[str, Any] = {}
    for item in fields(Settings):
        name, default = item.metadata["name"], item.metadata["default"]
        text = environ.get(name) or default
        if text is None:
            values[item.name] = None
            continue
        if name not in environ or not environ[name]:
            text = text.format(home=home, cores=_count_cores()) if name != "GLUONSERVE_HOME" else text
        values[item.name] = _parse(name, text, item.metadata["parse"])
    return Settings(**values)


def describe_settings() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, in the order of the documentation."""
    return [(f.metadata["name"], f.metadata["default"] or "none", f.metadata["help"]) for f in fields(Settings)]


def _read_home(environ: Mapping[str, str]) -> Path:
    return _absolute_path(environ.get("GLUONSERVE_HOME") or "./var")


def _parse(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as fault:
        raise SettingsError(f"{name}={text!r}: {fault}.") from None


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {f.metadata["name"] for f in fields(Settings)}
    for name in environ:
        if name.startswith("GLUONSERVE_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingsError(f"{name} is not a setting of gluonserve.{hint}")


def _count_cores() -> int:
    return len(os.sched_getaffinity(0))
