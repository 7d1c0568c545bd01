"""Who may say what a release is."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from app.release.signing import (
    PublicKey,
    Signer,
    SigningKeyExists,
    SigningKeyUnusable,
    Trust,
    read_key_id,
    read_trusted_keys,
)
from tests.manifests import make_signer

MANIFEST = b'{"version": "1"}'
SIGNER, OTHER = make_signer("ours"), make_signer("another")
TRUST = Trust(keys=(SIGNER.public_key,))


def find_reason(trust: Trust, manifest: bytes, signature: bytes | None) -> str | None:
    fault = trust.find_fault(manifest, signature)
    return fault.reason if fault else None


def test_a_manifest_signed_by_a_trusted_key_is_trusted() -> None:
    assert find_reason(TRUST, MANIFEST, SIGNER.sign(MANIFEST)) is None
    assert find_reason(Trust(keys=(OTHER.public_key, SIGNER.public_key)), MANIFEST, SIGNER.sign(MANIFEST)) is None
    assert read_key_id(SIGNER.sign(MANIFEST)) == SIGNER.public_key.id


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "it is not signed"),
        (b"", "its signature is damaged"),
        (b"\xff\xfe", "its signature is damaged"),
        (b"ed25519 x y z\n", "its signature is damaged"),
        (SIGNER.sign(MANIFEST).replace(b"ed25519", b"rot13"), "its signature is of an unknown kind"),
        (SIGNER.sign(MANIFEST).rstrip(), "its signature is damaged"),
        (SIGNER.sign(MANIFEST) + b"\n", "its signature is damaged"),
        (SIGNER.sign(b"{}"), "its manifest was altered after it was signed"),
        (
            OTHER.sign(MANIFEST),
            f"it was signed with a key that is not trusted here ({OTHER.public_key.id})",
        ),
        (
            OTHER.sign(MANIFEST).replace(OTHER.public_key.id.encode(), SIGNER.public_key.id.encode()),
            "its manifest was altered after it was signed",
        ),
    ],
)
def test_anything_else_is_refused_with_its_reason(signature: bytes | None, reason: str) -> None:
    assert find_reason(TRUST, MANIFEST, signature) == reason


def test_no_bit_of_a_signature_may_differ() -> None:
    signature = SIGNER.sign(MANIFEST)
    for place in range(len(signature)):
        for bit in range(8):
            flipped = bytes([*signature[:place], signature[place] ^ 1 << bit, *signature[place + 1 :]])
            assert find_reason(TRUST, MANIFEST, flipped) is not None, flipped


def test_no_byte_of_a_manifest_may_differ() -> None:
    chooser, signature = random.Random(0), SIGNER.sign(MANIFEST)
    for place in range(len(MANIFEST)):
        flipped = bytes([*MANIFEST[:place], MANIFEST[place] ^ chooser.randrange(1, 256), *MANIFEST[place + 1 :]])
        assert find_reason(TRUST, flipped, signature) == "its manifest was altered after it was signed"


def test_development_may_open_what_nobody_trusted_has_signed_and_still_sees_what_is_wrong() -> None:
    trust = Trust(unsigned="allow")
    assert trust.find_fault(MANIFEST, None) is None
    assert trust.find_fault(MANIFEST, OTHER.sign(MANIFEST)) is None
    fault = trust.find_signature_fault(MANIFEST, None)
    assert fault is not None
    assert fault.reason == "it is not signed"


def test_a_key_added_to_the_file_is_trusted_at_once_and_one_removed_no_more(tmp_path: Path) -> None:
    path = tmp_path / "signing.pub"
    trust = Trust(key_file=path)
    signature = SIGNER.sign(MANIFEST)
    assert find_reason(trust, MANIFEST, signature) is not None
    path.write_text(f"# ours\n\n{OTHER.public_key.text}\n{SIGNER.public_key.text}  # since November\n")
    assert find_reason(trust, MANIFEST, signature) is None
    path.write_text("")
    assert find_reason(trust, MANIFEST, signature) is not None


def test_a_damaged_file_of_keys_refuses_releases_and_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "signing.pub"
    path.write_text(f"{SIGNER.public_key.text}\nnot a key\n")
    fault = Trust(key_file=path).find_fault(MANIFEST, SIGNER.sign(MANIFEST))
    assert fault is not None
    assert fault.reason == "its signature cannot be checked"
    assert fault.advice == f"{path}, line 2: It is not a public key: 32 bytes in Base64 are expected."


@pytest.mark.parametrize(
    "text", ["", "short=", "A" * 43, "A" * 44, f"{'A' * 43}=\u00e9", "-----BEGIN PRIVATE KEY-----"]
)
def test_what_is_no_public_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SigningKeyUnusable) as refused:
        PublicKey.parse(text)
    assert str(refused.value) == "It is not a public key: 32 bytes in Base64 are expected."


def test_trusted_keys_are_read_without_blanks_and_comments() -> None:
    assert read_trusted_keys(["", " # none", f" {SIGNER.public_key.text} "], place="line") == (SIGNER.public_key,)


def test_a_private_key_is_kept_for_its_owner_and_signs_the_same_when_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "signing.key"
    SIGNER.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["signing.key"]
    assert Signer.read(path).sign(MANIFEST) == SIGNER.sign(MANIFEST)


def test_a_private_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_text("precious")
    with pytest.raises(SigningKeyExists, match="There is a signing key already"):
        SIGNER.write(path)
    assert path.read_text() == "precious"


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    with pytest.raises(SigningKeyUnusable, match=r"cannot be read: No such file"):
        Signer.read(path)
    path.write_text(SIGNER.public_key.text)
    with pytest.raises(SigningKeyUnusable, match="not a private key without a password in PEM"):
        Signer.read(path)


def test_a_private_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "signing.key").write_bytes(pem)
    with pytest.raises(SigningKeyUnusable, match="not an Ed25519 key; make one with: gluonserve keys signing"):
        Signer.read(tmp_path / "signing.key")
