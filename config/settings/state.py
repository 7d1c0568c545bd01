"""What an installation keeps, where, and whose releases it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.settings.parsing import one_of, read_keys_or_path, read_path, setting, whole_number


@dataclass(frozen=True, kw_only=True)
class StateSettings:
    """What an installation keeps, where, and whose releases it trusts."""

    environment: Literal["development", "production"] = setting(
        "GLUONSERVE_ENV",
        "development",
        one_of("development", "production"),
        "production refuses to start without GLUONSERVE_SECRET; development makes one in GLUONSERVE_HOME",
    )
    home: Path = setting("GLUONSERVE_HOME", "./var", read_path, "directory of all state")
    model_path: Path = setting(
        "MODEL_PATH", "{home}/models", read_path, "directory of the releases and of the pointer to the active one"
    )
    model_store: str | None = setting(
        "MODEL_STORE",
        None,
        str,
        "address of the releases that several machines share, such as s3://bucket/models or a mounted directory; "
        "MODEL_PATH then holds the verified copy of this one",
    )
    log_path: Path = setting(
        "LOG_PATH",
        "{home}/logs",
        read_path,
        "directory of the prediction log, which the watcher reads; on several machines one that they share",
    )
    database_url: str = setting(
        "DATABASE_URL",
        "sqlite:///{home}/gluonserve.db",
        str,
        "SQLAlchemy URL of the database of API keys; postgresql+psycopg://... for several machines",
        secret=True,
    )
    secret: str | None = setting(
        "GLUONSERVE_SECRET", None, str, "at least 32 characters; API keys are stored as HMACs under it", secret=True
    )
    signing_key: Path = setting(
        "GLUONSERVE_SIGNING_KEY",
        "{home}/signing.key",
        read_path,
        "file of the private key that published releases are signed with; only where models are published",
    )
    trusted_keys: tuple[str, ...] | Path = setting(
        "GLUONSERVE_TRUSTED_KEYS",
        "{home}/signing.pub",
        read_keys_or_path,
        "whose releases are opened: public keys separated by commas, or a file of them, one a line",
    )
    unsigned_releases: Literal["refuse", "allow"] = setting(
        "GLUONSERVE_UNSIGNED_RELEASES",
        "refuse",
        one_of("refuse", "allow"),
        "allow opens releases without a valid signature of a trusted key; never in production",
    )
    keep_trainings: int = setting(
        "GLUONSERVE_KEEP_TRAININGS",
        "3",
        whole_number(0, 1000),
        "newest versions whose training is kept below GLUONSERVE_HOME/trainings, for gluonserve optimise; 0 keeps none",
    )
    keep_releases: int = setting(
        "GLUONSERVE_KEEP_RELEASES",
        "10",
        whole_number(2, 100_000),
        "newest versions that are kept; the active, the previous and a candidate version are never removed",
    )
    rollout_rules: Path | None = setting(
        "GLUONSERVE_ROLLOUT_RULES",
        None,
        read_path,
        "file of the rules that withdraw or promote a candidate; none takes config/rollout.yaml of the program",
    )
