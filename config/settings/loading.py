"""All settings of a process, read once from the environment. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from config.host import plan_host, read_footprint, read_host
from config.settings.access import AccessSettings
from config.settings.caching import CacheSettings
from config.settings.jobs import JobSettings
from config.settings.monitoring import MonitoringSettings
from config.settings.parsing import SettingsError
from config.settings.serving import ServingSettings
from config.settings.state import StateSettings


# Fields of a dataclass come in the order of its bases from the last to the first; documentation lists them so.
@dataclass(frozen=True, kw_only=True)
class Settings(AccessSettings, CacheSettings, JobSettings, ServingSettings, MonitoringSettings, StateSettings):
    """All settings of one process, read once from the environment by `load_settings`."""

    @property
    def trainings_path(self) -> Path:
        """Where trainings are kept, each in a directory named by its version; on this machine only."""
        return self.home / "trainings"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all settings. An empty variable counts as not set.

    Raises:
        SettingsError: naming the variable, what was expected and, for an unknown name, the closest known one.
    """
    _refuse_unknown_names(environ)
    by_name = {item.name: item for item in fields(Settings)}
    home = _read(by_name["home"], environ, {})
    models = _read(by_name["model_path"], environ, {"home": home})
    plan = plan_host(read_host(), read_footprint(models, prefer=_read(by_name["execution"], environ, {})))
    derived = {"home": home, "workers": plan.workers, "threads": plan.threads, "log_format": choose_log_format()}
    settings = Settings(**{item.name: _read(item, environ, derived) for item in by_name.values()})
    if settings.environment == "production" and settings.unsigned_releases == "allow":
        raise SettingsError("GLUONSERVE_UNSIGNED_RELEASES=allow is for development only; in production leave it out.")
    return settings


def choose_log_format() -> str:
    """For people where they look on, for machines elsewhere."""
    return "text" if sys.stderr is not None and sys.stderr.isatty() else "json"


def list_secrets(settings: Settings) -> list[str]:
    """The values of the settings that no log line may show."""
    values = [getattr(settings, item.name) for item in fields(settings) if not item.repr]
    return [value for value in values if isinstance(value, str)]


def describe_settings() -> list[tuple[str, str, str]]:
    """Name, default and meaning of every setting, in the order of the documentation."""
    return [(f.metadata["name"], f.metadata["default"] or "none", f.metadata["help"]) for f in fields(Settings)]


def _read(item: Field[Any], environ: Mapping[str, str], derived: Mapping[str, object]) -> Any:
    name, default, parse = item.metadata["name"], item.metadata["default"], item.metadata["parse"]
    text = environ.get(name) or (default and default.format_map(derived))
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as fault:
        shown = f"{name}={text!r}" if item.repr else name
        raise SettingsError(f"{shown}: {fault}.") from None


def _refuse_unknown_names(environ: Mapping[str, str]) -> None:
    known = {f.metadata["name"] for f in fields(Settings)}
    for name in environ:
        if name.startswith("GLUONSERVE_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingsError(f"{name} is not a setting of gluonserve.{hint}")
