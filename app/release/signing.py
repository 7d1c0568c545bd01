"""Signatures over manifests: who may say what a release is. Ed25519 (RFC 8032)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.errors import ReleaseUnusable

_ALGORITHM = "ed25519"
_KEY_BYTES = 32
# What is signed begins with this, so that no signature made for anything else is ever one over a manifest.
_PURPOSE = b"gluonserve release manifest\n"

Unsigned = Literal["refuse", "allow"]


class SigningKeyUnusable(Exception):
    """A key cannot be read or made. The message is one sentence for the operator and holds nothing of the key."""


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
            raise SigningKeyUnusable("A trusted key is not a public key: 32 bytes in Base64 are expected.") from None
        return cls(text)


class Signer:
    """Signs manifests with a private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = PublicKey(base64.b64encode(raw).decode())

    def sign(self, manifest: bytes) -> bytes:
        """The content of a signature file: algorithm, id of the key and signature, on one line."""
        signature = base64.b64encode(self._key.sign(_PURPOSE + manifest)).decode()
        return f"{_ALGORITHM} {self.public_key.id} {signature}\n".encode()

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
            SigningKeyUnusable: when there is a file already, or it cannot be written.
        """
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise SigningKeyUnusable(f"There is a signing key already: {path}.") from None
        except OSError as fault:
            raise SigningKeyUnusable(f"The signing key cannot be kept in {path}: {fault.strerror}.") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class Trust:
    """Whose releases are opened.

    Attributes:
        unsigned: What becomes of a release without a valid signature of a trusted key.
    """

    keys: tuple[PublicKey, ...] = ()
    unsigned: Unsigned = "refuse"

    def find_fault(self, manifest: bytes, signature: bytes | None) -> str | None:
        """Say why a manifest is not to be trusted; None when it is. Nothing of the manifest is parsed.

        Args:
            signature: The content of the signature file; None when there is none.
        """
        if self.unsigned == "allow":
            return None
        if signature is None:
            return "it is not signed"
        known = {key.id: key for key in self.keys}
        try:
            algorithm, key_id, text = signature.decode("ascii").split()
            raw = base64.b64decode(text, validate=True)
        except (UnicodeDecodeError, ValueError, binascii.Error):
            return "its signature is damaged"
        if algorithm != _ALGORITHM:
            return "its signature is of an unknown kind"
        if key_id not in known:
            return f"it was signed with a key that is not trusted here ({key_id[:32]!r})"
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(known[key_id].text))
            public.verify(raw, _PURPOSE + manifest)
        except InvalidSignature:
            return "its manifest was altered after it was signed"
        return None


TRUST_ANYONE = Trust(unsigned="allow")


def read_trusted_keys(texts: Iterable[str]) -> tuple[PublicKey, ...]:
    """Public keys from lines or items of a list; blank ones and comments are left out.

    Raises:
        SigningKeyUnusable: when one is not a key.
    """
    stripped = (text.partition("#")[0].strip() for text in texts)
    return tuple(PublicKey.parse(text) for text in stripped if text)


def require_trusted(trust: Trust, manifest: bytes, signature: bytes | None, *, name: str) -> None:
    """Raises ReleaseUnusable when the manifest of version `name` is not to be trusted."""
    fault = trust.find_fault(manifest, signature)
    if fault:
        raise ReleaseUnusable(f"Version {name} is refused: {fault}.")
