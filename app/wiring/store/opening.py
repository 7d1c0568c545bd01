"""The model store, and whose releases are trusted."""

from __future__ import annotations

from pathlib import Path

from app.release.keyring import require_signer
from app.release.sharing.depot import NO_DEPOT, Depot
from app.release.signing import SigningKeyUnusable, Trust, read_trusted_keys
from app.release.store import ReleaseStore
from config.settings import Settings, SettingsError


def open_store(settings: Settings, *, to_publish: bool = False) -> ReleaseStore:
    """The model store of an installation; the one place that decides whose releases are trusted.

    Args:
        to_publish: Sign what is published; in development, make a key pair in home when there is none yet.

    Raises:
        SettingsError: when keys are no keys, or there is none to sign with.
    """
    trust = read_trust(settings)
    signer = None
    if to_publish:
        is_development = settings.environment == "development"
        try:
            signer = require_signer(settings.signing_key, trust, make_missing=is_development)
        except SigningKeyUnusable as fault:
            raise SettingsError(str(fault)) from None
    depot = open_shared_depot(settings)
    return ReleaseStore(settings.model_path, trust=trust, signer=signer, keep=settings.keep_releases, depot=depot)


def open_shared_depot(settings: Settings) -> Depot:
    """What the installation shares its releases by; nothing when it is one machine.

    Raises:
        SettingsError: when nothing that is installed opens MODEL_STORE.
    """
    if settings.model_store is None:
        return NO_DEPOT
    # Only where it is used: file systems take time and memory.
    from app.release.sharing.file_system import UnknownAddress, open_depot

    try:
        return open_depot(settings.model_store)
    except UnknownAddress as fault:
        raise SettingsError(
            f"MODEL_STORE: {fault}. What opens it comes with: pip install 'gluonserve[s3]', [gcs] or [azure]."
        ) from None


def require_trust(settings: Settings) -> Trust:
    """Whose releases are opened, after a look into the file of keys: at a start, a fault in it is told at once.

    Raises:
        SettingsError: when one of the keys is not a key, or the file is there and cannot be read.
    """
    trust = read_trust(settings)
    try:
        trust.list_keys()
    except SigningKeyUnusable as fault:
        raise SettingsError(str(fault)) from None
    return trust


def read_trust(settings: Settings) -> Trust:
    """Whose releases are opened. A file of keys is read when a release is checked, not now.

    Raises:
        SettingsError: when the setting holds what is not a key.
    """
    if isinstance(settings.trusted_keys, Path):
        return Trust(key_file=settings.trusted_keys, unsigned=settings.unsigned_releases)
    try:
        keys = read_trusted_keys(settings.trusted_keys, place="GLUONSERVE_TRUSTED_KEYS, key")
    except SigningKeyUnusable as fault:
        raise SettingsError(str(fault)) from None
    return Trust(keys=keys, unsigned=settings.unsigned_releases)
