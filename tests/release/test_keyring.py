"""The keys of an installation: made once, trusted beside others, asked for before anything is published."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from app.release.keyring import make_key_pair, require_signer
from app.release.signing import PublicKey, Signer, SigningKeyExists, SigningKeyUnusable, Trust
from app.wiring.store.opening import open_store
from config.settings import Settings, SettingsError, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"GLUONSERVE_HOME": str(tmp_path / "home")})


def test_development_makes_a_pair_at_the_first_publication_and_trusts_it(settings: Settings) -> None:
    assert open_store(settings).trust.list_keys() == ()
    assert not settings.home.exists()
    open_store(settings, to_publish=True)
    assert sorted(path.name for path in settings.home.iterdir()) == ["signing.key", "signing.pub"]
    assert open_store(settings).trust.list_keys() == (Signer.read(settings.signing_key).public_key,)


def test_the_pair_stays_at_the_next_publication(settings: Settings) -> None:
    open_store(settings, to_publish=True)
    before = settings.signing_key.read_bytes()
    open_store(settings, to_publish=True)
    assert settings.signing_key.read_bytes() == before


def test_a_pair_of_which_a_crash_left_the_private_half_is_completed(settings: Settings) -> None:
    signer = Signer.generate()
    signer.write(settings.signing_key)
    open_store(settings, to_publish=True)
    assert open_store(settings).trust.list_keys() == (signer.public_key,)


def test_production_makes_no_key_and_says_how_to_make_one(settings: Settings) -> None:
    production = replace(settings, environment="production")
    with pytest.raises(SettingsError, match=r"There is no key to sign releases with .* gluonserve keys signing$"):
        open_store(production, to_publish=True)
    assert not settings.home.exists()


def test_production_serves_with_the_public_key_alone(settings: Settings) -> None:
    key = Signer.generate().public_key
    production = replace(settings, environment="production", trusted_keys=(key.text,))
    assert open_store(production).trust == Trust(keys=(key,))


def test_development_that_trusts_somebody_else_makes_no_key_of_its_own(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "signing.pub").write_text(Signer.generate().public_key.text)
    with pytest.raises(SettingsError, match="There is no key to sign releases with"):
        open_store(settings, to_publish=True)
    assert not settings.signing_key.exists()


def test_nothing_is_published_that_would_not_be_opened_here(settings: Settings) -> None:
    signer = Signer.generate()
    signer.write(settings.signing_key)
    elsewhere = replace(settings, trusted_keys=(Signer.generate().public_key.text,))
    with pytest.raises(SettingsError) as refused:
        open_store(elsewhere, to_publish=True)
    assert str(refused.value) == (
        f"What {settings.signing_key} signs would not be opened here: "
        f"add its public key {signer.public_key.text} to GLUONSERVE_TRUSTED_KEYS."
    )


def test_a_setting_that_holds_no_key_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"^GLUONSERVE_TRUSTED_KEYS, key 2: It is not a public key"):
        open_store(replace(settings, trusted_keys=(Signer.generate().public_key.text, "AAAA=")))


def test_processes_that_publish_first_at_once_agree_on_the_pair(tmp_path: Path) -> None:
    publishers = 8
    for attempt in range(20):
        path, together = tmp_path / str(attempt), Barrier(publishers)

        def publish_first(home: Path = path, together: Barrier = together) -> PublicKey:
            together.wait()
            trust = Trust(key_file=home / "signing.pub")
            return require_signer(home / "signing.key", trust, make_missing=True).public_key

        with ThreadPoolExecutor(publishers) as pool:
            made = [pool.submit(publish_first) for _ in range(publishers)]
        assert {key.result() for key in made} == set(Trust(key_file=path / "signing.pub").list_keys())


def test_a_new_pair_is_trusted_beside_the_old_one(tmp_path: Path) -> None:
    trust = Trust(key_file=tmp_path / "signing.pub")
    old = make_key_pair(tmp_path / "old.key", trust)
    new = make_key_pair(tmp_path / "new.key", trust)
    assert trust.list_keys() == (old.public_key, new.public_key)
    assert trust.find_fault(b"{}", old.sign(b"{}")) is None


def test_a_list_that_does_not_end_its_last_line_is_not_spoiled(tmp_path: Path) -> None:
    old, path = Signer.generate().public_key, tmp_path / "signing.pub"
    path.write_text(old.text)
    new = make_key_pair(tmp_path / "signing.key", Trust(key_file=path))
    assert Trust(key_file=path).list_keys() == (old, new.public_key)


def test_an_existing_key_stays_and_nothing_else_is_trusted(tmp_path: Path) -> None:
    trust = Trust(key_file=tmp_path / "signing.pub")
    make_key_pair(tmp_path / "signing.key", trust)
    before = trust.list_keys()
    with pytest.raises(SigningKeyExists):
        make_key_pair(tmp_path / "signing.key", trust)
    assert trust.list_keys() == before


def test_no_key_is_made_where_the_list_of_trusted_ones_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "signing.pub").write_text("nonsense")
    with pytest.raises(SigningKeyUnusable, match="line 1"):
        make_key_pair(tmp_path / "signing.key", Trust(key_file=tmp_path / "signing.pub"))
    assert not (tmp_path / "signing.key").exists()
