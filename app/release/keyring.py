"""Where an installation keeps its keys: the private one that it signs with, and the list of those that it trusts."""

from __future__ import annotations

import contextlib
from pathlib import Path

from app.release.files import create_file, replace_file
from app.release.signing import PublicKey, Signer, SigningKeyExists, SigningKeyUnusable, Trust

_HEADING = "# Public keys of those whose releases are opened here, one a line.\n"


def require_signer(path: Path, trust: Trust, *, make_missing: bool) -> Signer:
    """The signer of an installation that publishes.

    Args:
        make_missing: Make a pair, and trust it, where nobody has said yet whom to trust.

    Raises:
        SigningKeyUnusable: when there is no key, or releases signed with it would not be opened here.
    """
    if make_missing and trust.key_file and not trust.key_file.exists():
        _make_pair_once(path, trust.key_file)
    if not path.exists():
        raise SigningKeyUnusable(
            f"There is no key to sign releases with ({path}). Make one with: gluonserve keys signing"
        )
    signer = Signer.read(path)
    if trust.unsigned == "refuse" and signer.public_key not in trust.list_keys():
        place = trust.key_file or "GLUONSERVE_TRUSTED_KEYS"
        raise SigningKeyUnusable(
            f"What {path} signs would not be opened here: add its public key {signer.public_key.text} to {place}."
        )
    return signer


def make_key_pair(path: Path, trust: Trust) -> Signer:
    """Make a new key to sign with; where trust is kept in a file, it is trusted at once beside those that are.

    Raises:
        SigningKeyExists: when there is one already, which then stays.
        SigningKeyUnusable: when it cannot be kept.
    """
    trust.list_keys()
    signer = Signer.generate()
    signer.write(path)
    if trust.key_file:
        _add_trusted_key(trust.key_file, signer.public_key)
    return signer


def _make_pair_once(path: Path, trusted: Path) -> None:
    """Make what is missing of a pair. Of several processes at once, one makes it for all."""
    with contextlib.suppress(SigningKeyExists):
        if not path.exists():
            Signer.generate().write(path)
    line = f"{Signer.read(path).public_key.text}\n"
    try:
        with contextlib.suppress(FileExistsError):
            create_file(trusted, (_HEADING + line).encode(), mode=0o644)
    except OSError as fault:
        raise SigningKeyUnusable(f"The public key cannot be kept in {trusted}: {fault.strerror}.") from None


def _add_trusted_key(trusted: Path, key: PublicKey) -> None:
    try:
        before = trusted.read_bytes() if trusted.exists() else _HEADING.encode()
        separator = b"" if before.endswith(b"\n") or not before else b"\n"
        trusted.parent.mkdir(parents=True, exist_ok=True)
        replace_file(trusted, before + separator + f"{key.text}\n".encode())
    except OSError as fault:
        raise SigningKeyUnusable(
            f"The public key {key.text} cannot be added to {trusted} ({fault.strerror}): add it yourself."
        ) from None
