"""Signatures over manifests: who may say what a release is. Ed25519 (RFC 8032)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.errors import ReleaseUnusable
from app.release.files import create_file

_ALGORITHM = "ed25519"
_KEY_BYTES = 32
# What is signed begins with this, so that no signature made for anything else is ever one over a manifest.
_PURPOSE = b"gluonserve release manifest\n"

Unsigned = Literal["refuse", "allow"]


class SigningKeyUnusable(Exception):
    """A key cannot be read or made. The message is for the operator and holds nothing of the key."""


class SigningKeyExists(SigningKeyUnusable):
    """There is a key already, and it stays."""


@dataclass(frozen=True)
class PublicKey:
    """A key whose releases are opened.

    Attributes:
        text: The 32 bytes of the key in Base64, as it stands in settings and files.
    """

    text: str

    @property
    def id(self) -> str:
        """A short name of the key for messages and lists; trust never follows from it."""
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Raises SigningKeyUnusable when the text is not a public key."""
        try:
            if len(base64.b64decode(text, validate=True)) != _KEY_BYTES:
                raise ValueError
        except (binascii.Error, ValueError):
            raise SigningKeyUnusable("It is not a public key: 32 bytes in Base64 are expected.") from None
        return cls(text)


class Signer:
    """Signs manifests with a private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = PublicKey(base64.b64encode(raw).decode())

    def sign(self, manifest: bytes) -> bytes:
        """The content of a signature file: algorithm, id of the key and signature, on one line."""
        return _format_signature(_ALGORITHM, self.public_key.id, self._key.sign(_PURPOSE + manifest))

    @classmethod
    def generate(cls) -> Signer:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> Signer:
        """Read a private key in PEM.

        Raises:
            SigningKeyUnusable: when there is none, or it is of another kind.
        """
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as fault:
            raise SigningKeyUnusable(f"The signing key {path} cannot be read: {fault.strerror}.") from None
        except (ValueError, TypeError):
            raise SigningKeyUnusable(f"{path} is not a private key without a password in PEM.") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyUnusable(f"{path} is not an Ed25519 key; make one with: gluonserve keys signing")
        return cls(key)

    def write(self, path: Path) -> None:
        """Keep the private key, readable by its owner only.

        Raises:
            SigningKeyExists: when there is a file already.
            SigningKeyUnusable: when it cannot be written.
        """
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            create_file(path, pem, mode=0o600)
        except FileExistsError:
            raise SigningKeyExists(f"There is a signing key already: {path}.") from None
        except OSError as fault:
            raise SigningKeyUnusable(f"The signing key cannot be kept in {path}: {fault.strerror}.") from None


@dataclass(frozen=True)
class SignatureFault:
    """Why a manifest is not to be trusted, and what an operator who trusts it can do; `{version}` stands for which."""

    reason: str
    advice: str


_NOT_SIGNED = SignatureFault(
    "it is not signed", "If you published it yourself, sign it with: gluonserve models sign {version}"
)
_ALTERED = SignatureFault("its manifest was altered after it was signed", "Publish it again, or restore its files.")
_DAMAGED = SignatureFault("its signature is damaged", "Publish it again, or restore its files.")
_UNKNOWN_KIND = SignatureFault("its signature is of an unknown kind", "Publish it again with this version.")


@dataclass(frozen=True)
class Trust:
    """Whose releases are opened.

    Attributes:
        keys: Public keys that are trusted.
        key_file: A file of more of them. It is read at each check, so that a running server trusts a key added to it.
        unsigned: What becomes of a release without a valid signature of a trusted key.
    """

    keys: tuple[PublicKey, ...] = ()
    key_file: Path | None = None
    unsigned: Unsigned = "refuse"

    def list_keys(self) -> tuple[PublicKey, ...]:
        """All trusted keys; a file that does not exist holds none.

        Raises:
            SigningKeyUnusable: when the file cannot be read, or not all it lists are keys.
        """
        if self.key_file is None:
            return self.keys
        try:
            lines = self.key_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return self.keys
        except (OSError, UnicodeDecodeError) as fault:
            reason = fault.strerror if isinstance(fault, OSError) else "it is not text"
            raise SigningKeyUnusable(f"The trusted keys in {self.key_file} cannot be read: {reason}.") from None
        return (*self.keys, *read_trusted_keys(lines, place=f"{self.key_file}, line"))

    def find_fault(self, manifest: bytes, signature: bytes | None) -> SignatureFault | None:
        """Say why a manifest is not to be opened; None when it may be. Nothing of the manifest is parsed.

        Args:
            signature: The content of the signature file; None when there is none.
        """
        return None if self.unsigned == "allow" else self.find_signature_fault(manifest, signature)

    def find_signature_fault(self, manifest: bytes, signature: bytes | None) -> SignatureFault | None:
        """What is wrong with a signature, also where such releases are opened; None when it is a trusted key's."""
        if signature is None:
            return _NOT_SIGNED
        try:
            algorithm, key_id, text = signature.decode("ascii").split()
            raw = base64.b64decode(text, validate=True)
        except (UnicodeDecodeError, ValueError, binascii.Error):
            return _DAMAGED
        if _format_signature(algorithm, key_id, raw) != signature:
            return _DAMAGED
        if algorithm != _ALGORITHM:
            return _UNKNOWN_KIND
        try:
            keys = [key for key in self.list_keys() if key.id == key_id]
        except SigningKeyUnusable as fault:
            return SignatureFault("its signature cannot be checked", str(fault))
        if not keys:
            return self._describe_unknown_key(key_id)
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[0].text)).verify(raw, _PURPOSE + manifest)
        except InvalidSignature:
            return _ALTERED
        return None

    def _describe_unknown_key(self, key_id: str) -> SignatureFault:
        place = self.key_file or "GLUONSERVE_TRUSTED_KEYS"
        return SignatureFault(
            f"it was signed with a key that is not trusted here ({key_id[:32]})",
            f"If you know whose key that is, add its public key to {place}",
        )


TRUST_ANYONE = Trust(unsigned="allow")


def read_trusted_keys(texts: Iterable[str], *, place: str) -> tuple[PublicKey, ...]:
    """Public keys from lines or items of a list; blank ones and comments are left out.

    Args:
        place: Where they stand, for the message; the number of the line or item follows it.

    Raises:
        SigningKeyUnusable: when one is not a key.
    """
    keys = []
    for number, text in enumerate(texts, start=1):
        stripped = text.partition("#")[0].strip()
        try:
            if stripped:
                keys.append(PublicKey.parse(stripped))
        except SigningKeyUnusable as fault:
            raise SigningKeyUnusable(f"{place} {number}: {fault}") from None
    return tuple(keys)


def read_key_id(signature: bytes) -> str:
    """The id of the key in a signature that was found to be good."""
    return signature.split()[1].decode("ascii")


def require_trusted(trust: Trust, manifest: bytes, signature: bytes | None, *, name: str) -> None:
    """Raises ReleaseUnusable when the manifest of version `name` is not to be trusted."""
    fault = trust.find_fault(manifest, signature)
    if fault:
        advice = fault.advice.replace("{version}", name).rstrip(".")
        raise ReleaseUnusable(f"Version {name} is refused: {fault.reason}.", cause=f"{advice}.")


def _format_signature(algorithm: str, key_id: str, raw: bytes) -> bytes:
    return f"{algorithm} {key_id} {base64.b64encode(raw).decode()}\n".encode()
