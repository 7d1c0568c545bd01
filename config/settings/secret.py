"""The secret of an installation, which API keys and tokens are kept under."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from config.settings.loading import Settings
from config.settings.parsing import SettingsError

MIN_SECRET_CHARACTERS = 32


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
