"""Every setting of the service: name in the environment, default, unit, meaning. Nothing else reads the environment."""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from config.host import plan_host, read_footprint, read_host
from config.logged_inputs import LoggedInputs, read_logged_inputs


class SettingsError(Exception):
    """A setting is missing, unknown or out of range. The message is one sentence for the operator."""


MIN_SECRET_CHARACTERS = 32
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def _log_level(text: str) -> str:
    return _one_of(*LOG_LEVELS)(text.upper())


def _whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
            raise ValueError(f"expected a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError("expected a number above 0, at most 1")
    return share


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError("expected HOST:PORT or unix:PATH")
    return text


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(item.strip()) for item in text.split(","))
    except ValueError:
        raise ValueError("expected networks such as 10.0.0.0/8, separated by commas") from None


def _absolute_path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no such user") from None


def _keys_or_path(text: str) -> tuple[str, ...] | Path:
    """Public keys as they stand, or the file that lists them. A key is Base64 of 32 bytes and so ends with `=`."""
    items = [item.strip() for item in text.split(",")]
    if all(item.endswith("=") for item in items):
        return tuple(items)
    return _absolute_path(text)


def _setting(name: str, default: str | None, parse: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:
    metadata = {"name": name, "default": default, "parse": parse, "help": help}
    return field(repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one process, read once from the environment by `load_settings`."""

    environment: Literal["development", "production"] = _setting(
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
    signing_key: Path = _setting(
        "GLUONSERVE_SIGNING_KEY",
        "{home}/signing.key",
        _absolute_path,
        "file of the private key that published releases are signed with; only where models are published",
    )
    trusted_keys: tuple[str, ...] | Path = _setting(
        "GLUONSERVE_TRUSTED_KEYS",
        "{home}/signing.pub",
        _keys_or_path,
        "whose releases are opened: public keys separated by commas, or a file of them, one a line",
    )
    unsigned_releases: Literal["refuse", "allow"] = _setting(
        "GLUONSERVE_UNSIGNED_RELEASES",
        "refuse",
        _one_of("refuse", "allow"),
        "allow opens releases without a valid signature of a trusted key; never in production",
    )
    keep_trainings: int = _setting(
        "GLUONSERVE_KEEP_TRAININGS",
        "3",
        _whole_number(0, 1000),
        "newest versions whose training is kept below GLUONSERVE_HOME/trainings, for gluonserve optimise; 0 keeps none",
    )
    keep_releases: int = _setting(
        "GLUONSERVE_KEEP_RELEASES",
        "10",
        _whole_number(2, 100_000),
        "newest versions that are kept; the active, the previous and a candidate version are never removed",
    )
    rollout_rules: Path | None = _setting(
        "GLUONSERVE_ROLLOUT_RULES",
        None,
        _absolute_path,
        "file of the rules that withdraw or promote a candidate; none takes config/rollout.yaml of the program",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "LOG_LEVEL", "INFO", _log_level, "least severe log line that is written"
    )
    access_log: Literal["on", "off"] = _setting(
        "GLUONSERVE_ACCESS_LOG", "off", _one_of("on", "off"), "on writes one log line per HTTP request"
    )
    logged_inputs: LoggedInputs = _setting(
        "GLUONSERVE_LOG_INPUTS",
        "none",
        read_logged_inputs,
        "values of requests that the prediction log keeps: all, hashed, none, or fields as in age,hash:customer_id",
    )
    metrics_networks: tuple[IPv4Network | IPv6Network, ...] | None = _setting(
        "GLUONSERVE_METRICS_NETWORKS",
        None,
        _networks,
        "networks that read /metrics without a key, as in 10.0.0.0/8,127.0.0.1; none asks everybody for a key",
    )
    bind: str = _setting("BIND", "127.0.0.1:8000", _address, "HOST:PORT or unix:PATH that the server listens on")
    proxies: int = _setting(
        "GLUONSERVE_PROXIES",
        "0",
        _whole_number(0, 10),
        "proxies in front of the server, each of which appends to X-Forwarded-For; 0 believes nobody's header",
    )
    workers: int = _setting(
        "WEB_CONCURRENCY", "{workers}", _whole_number(1, 256), "worker processes; each holds its own loaded model"
    )
    threads: int = _setting("GLUONSERVE_THREADS", "{threads}", _whole_number(1, 64), "request threads in each worker")
    graceful_timeout_seconds: int = _setting(
        "GLUONSERVE_GRACEFUL_TIMEOUT", "30", _whole_number(1, 3600), "seconds that requests under way get at a stop"
    )
    request_timeout_ms: int = _setting(
        "GLUONSERVE_REQUEST_TIMEOUT_MS",
        "30000",
        _whole_number(1, 600_000),
        "milliseconds within which a prediction has to be answered when the caller does not send X-Request-Timeout-Ms",
    )
    most_wait_ms: int = _setting(
        "GLUONSERVE_MOST_WAIT_MS",
        "1000",
        _whole_number(0, 60_000),
        "longest expected wait for a turn, in milliseconds; beyond it a request is refused with 503 at once; 0 never "
        "refuses and lets all of them wait",
    )
    hung_after_seconds: int = _setting(
        "GLUONSERVE_HUNG_AFTER",
        "60",
        _whole_number(0, 3600),
        "seconds, and at least twice its deadline, after which a prediction counts as hung and its worker is replaced; "
        "0 never",
    )
    execution: Literal["plan", "native"] = _setting(
        "GLUONSERVE_EXECUTION",
        "plan",
        _one_of("plan", "native"),
        "plan executes releases by their compiled plans, where they have one; native always by AutoGluon itself",
    )
    max_body_mb: int = _setting("GLUONSERVE_MAX_BODY_MB", "16", _whole_number(1, 1024), "largest request body, in MB")
    max_rows: int = _setting(
        "GLUONSERVE_MAX_ROWS", "10000", _whole_number(1, 1_000_000), "most rows in one request to /predict"
    )
    max_fields: int = _setting(
        "GLUONSERVE_MAX_FIELDS",
        "10000",
        _whole_number(1, 1_000_000),
        "most fields in one row; never fewer than training had columns",
    )
    max_text: int = _setting(
        "GLUONSERVE_MAX_TEXT",
        "100000",
        _whole_number(1, 10_000_000),
        "most characters in one text of a row, unless training had it",
    )
    max_depth: int = _setting(
        "GLUONSERVE_MAX_DEPTH", "32", _whole_number(3, 200), "how deep lists and objects of a body may nest"
    )
    max_faults: int = _setting(
        "GLUONSERVE_MAX_FAULTS",
        "1000",
        _whole_number(1, 100_000),
        "most faults, and most warnings, that are listed in one answer; checking ends when there are more",
    )
    redis_url: str | None = _setting(
        "REDIS_URL",
        None,
        str,
        "redis://:password@host:6379/0 that all workers count limits in; none counts in each",
        secret=True,
    )
    key_requests_per_minute: int | None = _setting(
        "GLUONSERVE_KEY_REQUESTS_PER_MINUTE",
        None,
        _whole_number(1, 1_000_000_000),
        "requests per minute of every API key that has no limit of its own",
    )
    key_rows_per_minute: int | None = _setting(
        "GLUONSERVE_KEY_ROWS_PER_MINUTE",
        None,
        _whole_number(1, 1_000_000_000),
        "rows per minute of every API key that has no limit of its own",
    )
    key_cpu_share: float = _setting(
        "GLUONSERVE_KEY_CPU_SHARE",
        "0.5",
        _share,
        "share of a worker's time that the large requests of one key may take while other callers are there; 1 is all",
    )
    failed_attempts_per_minute: int | None = _setting(
        "GLUONSERVE_FAILED_ATTEMPTS_PER_MINUTE",
        None,
        _whole_number(1, 1_000_000_000),
        "wrong credentials per minute after which an address is refused with 429",
    )
    unseen_values: Literal["accept", "reject"] = _setting(
        "GLUONSERVE_UNSEEN_VALUES",
        "accept",
        _one_of("accept", "reject"),
        "a category or number outside what training saw: accept with a warning, or reject with 422",
    )
    unknown_fields: Literal["ignore", "reject"] = _setting(
        "GLUONSERVE_UNKNOWN_FIELDS",
        "ignore",
        _one_of("ignore", "reject"),
        "a field that the model does not know: ignore with a warning, or reject with 422",
    )

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
    derived = {"home": home, "workers": plan.workers, "threads": plan.threads}
    settings = Settings(**{item.name: _read(item, environ, derived) for item in by_name.values()})
    if settings.environment == "production" and settings.unsigned_releases == "allow":
        raise SettingsError("GLUONSERVE_UNSIGNED_RELEASES=allow is for development only; in production leave it out.")
    return settings


def require_secret(settings: Settings) -> str:
    """Return the secret that API keys are stored under; in development, make one in home when none is set.

    Raises:
        SettingsError: when the secret is too short, cannot be kept, or is missing in production.
    """
    if settings.secret is not None:
        return _check_secret(settings.secret, "GLUONSERVE_SECRET")
    if settings.environment == "production":
        raise SettingsError(
            "Production needs GLUONSERVE_SECRET, at least 32 random characters that stay the same; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'."
        )
    path = settings.home / "secret"
    try:
        if not path.exists():
            _keep_new_secret(path)
        return _check_secret(path.read_text(encoding="ascii").strip(), str(path))
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"The secret of this installation cannot be kept in {path} ({fault}).") from None


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


def _check_secret(secret: str, place: str) -> str:
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise SettingsError(f"{place} holds {len(secret)} characters; at least {MIN_SECRET_CHARACTERS} are needed.")
    return secret


def _keep_new_secret(path: Path) -> None:
    """Write a new secret, whole and readable by its owner only; of several processes at once, one wins for all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(written, path)
    finally:
        os.unlink(written)
