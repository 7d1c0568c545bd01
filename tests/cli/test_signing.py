"""`gluonserve keys signing`, and what is done with signed and unsigned versions on the command line."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.signing import Signer, Trust
from app.release.store import ReleaseStore
from app.release.verification import SIGNATURE
from tests.manifests import make_manifest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(home: Path, *arguments: str, **settings: str) -> Result:
    """A command with the keys of this home, not with those of all tests."""
    defaults = {"GLUONSERVE_SIGNING_KEY": "", "GLUONSERVE_TRUSTED_KEYS": ""}
    return CliRunner(env={**defaults, "GLUONSERVE_HOME": str(home), **settings}).invoke(main, arguments)


def publish_unsigned(home: Path) -> ReleaseStore:
    store = ReleaseStore(home / "models")
    with store.staging() as staged:
        (staged / "schema.json").write_text("{}")
        store.publish(staged, make_manifest())
    return store


class TestSigningKey:
    def test_a_person_gets_the_public_key_and_what_to_set_where(self, home: Path) -> None:
        result = run(home, "keys", "signing")
        key = Signer.read(home / "signing.key").public_key
        assert result.output == (
            f"Public key  {key.text}\n"
            f"Id          {key.id}\n"
            f"\nReleases published here are signed with {home}/signing.key from now on. Keep that file to yourself.\n"
            f"They are opened here: the public key was added to {home}/signing.pub.\n"
            f"To have them opened on every other machine, set GLUONSERVE_TRUSTED_KEYS={key.text}\n"
        )
        assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600
        assert Trust(key_file=home / "signing.pub").list_keys() == (key,)

    def test_a_program_gets_json_without_the_private_key(self, home: Path) -> None:
        made = orjson.loads(run(home, "keys", "signing", "--json").output)
        key = Signer.read(home / "signing.key").public_key
        assert made == {
            "id": key.id,
            "public_key": key.text,
            "signing_key": f"{home}/signing.key",
            "trusted_in": f"{home}/signing.pub",
        }

    def test_a_key_that_is_there_is_not_overwritten(self, home: Path) -> None:
        run(home, "keys", "signing")
        before = (home / "signing.key").read_bytes()
        result = run(home, "keys", "signing")
        assert (result.exit_code, result.output) == (
            1,
            f"Error: There is a signing key already: {home}/signing.key.\n",
        )
        assert (home / "signing.key").read_bytes() == before

    def test_the_next_key_is_trusted_beside_those_of_the_setting(self, home: Path) -> None:
        old = Signer.generate().public_key
        result = run(home, "keys", "signing", GLUONSERVE_TRUSTED_KEYS=old.text)
        new = Signer.read(home / "signing.key").public_key
        assert result.output.splitlines()[-1] == (
            f"To have them opened here and on every other machine, set GLUONSERVE_TRUSTED_KEYS={old.text},{new.text}"
        )
        assert [path.name for path in home.iterdir()] == ["signing.key"]

    def test_a_place_that_cannot_be_written_is_refused(self, home: Path) -> None:
        home.write_text("")
        result = run(home, "keys", "signing")
        assert (result.exit_code, result.output) == (
            1,
            f"Error: The trusted keys in {home}/signing.pub cannot be read: Not a directory.\n",
        )


class TestSign:
    def test_an_unsigned_version_is_refused_told_how_to_sign_it_and_then_activated(self, home: Path) -> None:
        store = publish_unsigned(home)
        run(home, "keys", "signing")
        refused = run(home, "models", "show", "1")
        assert (refused.exit_code, refused.output) == (
            1,
            "Error: Version 1 is refused: it is not signed. "
            "If you published it yourself, sign it with: gluonserve models sign 1.\n",
        )
        signed = run(home, "models", "sign", "1")
        assert (signed.exit_code, signed.output) == (0, "churn version 1 is signed.\n")
        assert (store.directory("1") / SIGNATURE).exists()

    def test_production_without_a_key_says_how_to_make_one(self, home: Path) -> None:
        publish_unsigned(home)
        result = run(home, "models", "sign", "1", GLUONSERVE_ENV="production")
        assert (result.exit_code, result.output) == (
            2,
            f"Error: There is no key to sign releases with ({home}/signing.key). "
            "Make one with: gluonserve keys signing\n",
        )


class TestVerify:
    def test_what_is_wrong_is_told_with_what_to_do_and_exit_code_1(self, home: Path) -> None:
        publish_unsigned(home)
        result = run(home, "models", "verify", "1")
        assert (result.exit_code, result.output) == (
            1,
            "signature    wrong        it is not signed\n"
            "                          -> If you published it yourself, sign it with: gluonserve models sign 1\n"
            "files        not checked  only a manifest that can be trusted says what they should be\n"
            "Error: version 1 is not as it should be: signature.\n",
        )

    def test_a_program_gets_the_same_as_json(self, home: Path) -> None:
        publish_unsigned(home)
        result = CliRunner(env={"GLUONSERVE_HOME": str(home)}).invoke(main, ["models", "verify", "1", "--json"])
        assert result.exit_code == 1
        assert orjson.loads(result.stdout) == {
            "version": "1",
            "good": False,
            "checks": [
                {
                    "check": "signature",
                    "outcome": "wrong",
                    "found": ["it is not signed"],
                    "advice": "If you published it yourself, sign it with: gluonserve models sign 1",
                },
                {
                    "check": "files",
                    "outcome": "not checked",
                    "found": ["only a manifest that can be trusted says what they should be"],
                    "advice": None,
                },
            ],
        }

    def test_a_good_version_has_one_line_for_each_check_and_exit_code_0(self, published_plan: ReleaseStore) -> None:
        result = CliRunner(env={"MODEL_PATH": str(published_plan.path)}).invoke(main, ["models", "verify", "1"])
        assert result.exit_code == 0
        assert [line.split()[0] for line in result.output.splitlines()] == [
            "signature",
            "files",
            "libraries",
            "golden",
            "Version",
        ]
        assert result.output.endswith("Version 1 is good.\n")


class TestDelete:
    def test_a_version_is_deleted_and_the_active_one_is_not(self, home: Path) -> None:
        store = publish_unsigned(home)
        publish_unsigned(home)
        store.activate("1")
        (home / "trainings" / "2").mkdir(parents=True)
        deleted, refused = run(home, "models", "delete", "2"), run(home, "models", "delete", "1")
        assert (deleted.exit_code, deleted.output) == (0, "Version 2 is deleted.\n")
        assert (refused.exit_code, refused.output) == (
            1,
            "Error: Version 1 stays: it is the active one; activate another version first.\n",
        )
        assert store.versions() == ["1"]
        assert list((home / "trainings").iterdir()) == []


@pytest.mark.parametrize("command", [("models", "list"), ("serve",)])
def test_a_setting_that_holds_no_key_stops_every_command(home: Path, command: tuple[str, ...]) -> None:
    result = run(home, *command, GLUONSERVE_TRUSTED_KEYS="c2hvcnQ=")
    assert (result.exit_code, result.output) == (
        2,
        "Error: GLUONSERVE_TRUSTED_KEYS, key 1: It is not a public key: 32 bytes in Base64 are expected.\n",
    )


def test_a_file_of_keys_with_a_fault_stops_the_start_of_a_server(home: Path) -> None:
    home.mkdir()
    (home / "signing.pub").write_text(f"{Signer.generate().public_key.text}\nnonsense\n")
    result = run(home, "serve")
    assert (result.exit_code, result.output) == (
        2,
        f"Error: {home}/signing.pub, line 2: It is not a public key: 32 bytes in Base64 are expected.\n",
    )
