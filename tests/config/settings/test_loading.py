"""Settings are read once, checked, and refused in one sentence."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from threading import Barrier

import pytest

from config.settings import Settings, SettingsError, describe_settings, list_secrets, load_settings, require_secret
from config.settings.page import render_settings_page

LONG_SECRET = "s" * 32


def refuse(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refusal:
        load_settings(environ)
    return str(refusal.value)


def test_defaults_lie_below_home() -> None:
    settings = load_settings({"GLUONSERVE_HOME": "/srv/gluonserve"})
    assert settings.model_path == Path("/srv/gluonserve/models")
    assert settings.database_url == "sqlite:////srv/gluonserve/gluonserve.db"
    assert settings.bind == "127.0.0.1:8000"
    assert settings.workers >= 1
    assert settings.threads == 16
    assert settings.secret is None


def test_trusted_keys_are_keys_or_the_file_that_lists_them() -> None:
    key = "N0BpHqxAbuqJFiqeZ79axLm12N1oJuNY6D90DJcmppY="
    assert load_settings({"GLUONSERVE_TRUSTED_KEYS": key}).trusted_keys == (key,)
    assert load_settings({"GLUONSERVE_TRUSTED_KEYS": f"{key}, {key}"}).trusted_keys == (key, key)
    assert load_settings({"GLUONSERVE_TRUSTED_KEYS": "/etc/keys"}).trusted_keys == Path("/etc/keys")
    assert load_settings({"GLUONSERVE_HOME": "/srv"}).trusted_keys == Path("/srv/signing.pub")
    assert load_settings({"GLUONSERVE_HOME": "/srv"}).signing_key == Path("/srv/signing.key")


def test_production_never_opens_what_nobody_trusted_has_signed() -> None:
    environ = {"GLUONSERVE_UNSIGNED_RELEASES": "allow"}
    assert load_settings(environ).unsigned_releases == "allow"
    assert refuse({**environ, "GLUONSERVE_ENV": "production"}) == (
        "GLUONSERVE_UNSIGNED_RELEASES=allow is for development only; in production leave it out."
    )


def test_home_is_var_below_the_working_directory_when_nothing_is_set() -> None:
    assert load_settings({}).home == Path.cwd() / "var"


def test_braces_in_a_path_stay_as_they_are() -> None:
    assert load_settings({"GLUONSERVE_HOME": "/srv/{workers}"}).model_path == Path("/srv/{workers}/models")
    assert load_settings({"MODEL_PATH": "/srv/{home}"}).model_path == Path("/srv/{home}")


def test_threads_follow_the_active_release(tmp_path: Path) -> None:
    (tmp_path / "models" / "1" / "plan").mkdir(parents=True)
    (tmp_path / "models" / "ACTIVE").write_text('{"version": "1"}')
    assert load_settings({"GLUONSERVE_HOME": str(tmp_path)}).threads == 4
    assert load_settings({"GLUONSERVE_HOME": str(tmp_path), "GLUONSERVE_THREADS": "7"}).threads == 7


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"BIND": "", "GLUONSERVE_SECRET": "", "LOG_LEVEL": ""}) == load_settings({})


@pytest.mark.parametrize("text", ["warning", "Warning", "WARNING"])
def test_a_log_level_is_known_in_any_case(text: str) -> None:
    assert load_settings({"LOG_LEVEL": text}).log_level == "WARNING"


@pytest.mark.parametrize("address", ["0.0.0.0:80", "localhost:0", "[::1]:8000", "unix:/run/gluonserve.sock"])
def test_an_address_is_host_and_port_or_a_socket(address: str) -> None:
    assert load_settings({"BIND": address}).bind == address


@pytest.mark.parametrize("address", ["8000", ":8000", "localhost", "localhost:http", "localhost:65536", "unix:"])
def test_another_address_is_refused(address: str) -> None:
    assert refuse({"BIND": address}) == f"BIND={address!r}: expected HOST:PORT or unix:PATH."


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY='0': expected a whole number from 1 to 256."),
        ("WEB_CONCURRENCY", "1e1", "WEB_CONCURRENCY='1e1': expected a whole number from 1 to 256."),
        ("GLUONSERVE_THREADS", "-1", "GLUONSERVE_THREADS='-1': expected a whole number from 1 to 64."),
        ("GLUONSERVE_KEEP_RELEASES", "1", "GLUONSERVE_KEEP_RELEASES='1': expected a whole number from 2 to 100000."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL='loud': expected one of DEBUG, INFO, WARNING, ERROR."),
        ("GLUONSERVE_ENV", "prod", "GLUONSERVE_ENV='prod': expected one of development, production."),
        ("MODEL_PATH", "~nobody-of-this-name/m", "MODEL_PATH='~nobody-of-this-name/m': there is no such user."),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, text: str, sentence: str) -> None:
    assert refuse({name: text}) == sentence


def test_an_unknown_name_is_refused_with_the_closest_known_one() -> None:
    sentence = refuse({"GLUONSERVE_THREAD": "2"})
    assert sentence == "GLUONSERVE_THREAD is not a setting of gluonserve. Did you mean GLUONSERVE_THREADS?"


def test_names_of_other_programs_are_left_alone() -> None:
    assert load_settings({"PATH": "/bin", "GLUON": "x"}) == load_settings({})


def test_a_printed_setting_shows_no_secret() -> None:
    shown = repr(load_settings({"GLUONSERVE_SECRET": LONG_SECRET, "DATABASE_URL": "postgresql+psycopg://u:hidden@h/d"}))
    assert LONG_SECRET not in shown
    assert "hidden" not in shown


def test_the_secrets_are_listed_for_the_log_to_mask() -> None:
    url = "postgresql+psycopg://u:hidden@h/d"
    secrets = list_secrets(load_settings({"GLUONSERVE_SECRET": LONG_SECRET, "DATABASE_URL": url}))
    assert {url, LONG_SECRET} <= set(secrets)
    assert all(isinstance(secret, str) for secret in secrets)


@pytest.mark.parametrize("name", [item.metadata["name"] for item in fields(Settings) if not item.repr])
def test_a_secret_that_cannot_be_read_is_refused_without_showing_it(name: str) -> None:
    sentence = ""
    try:
        load_settings({name: "Canary7Value,,://"})
    except SettingsError as refused:
        sentence = str(refused)
    assert "Canary7Value" not in sentence


def test_every_setting_is_described_once() -> None:
    described = describe_settings()
    assert len({name for name, _, _ in described}) == len(fields(Settings))
    assert all(f"| `{name}` | `{default}` | {help} |" in render_settings_page() for name, default, help in described)


def test_a_secret_that_is_set_is_used() -> None:
    assert require_secret(load_settings({"GLUONSERVE_SECRET": LONG_SECRET})) == LONG_SECRET


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_short_secret_is_refused_without_showing_it(environment: str) -> None:
    settings = load_settings({"GLUONSERVE_SECRET": "hunter2", "GLUONSERVE_ENV": environment})
    with pytest.raises(SettingsError, match=r"^GLUONSERVE_SECRET holds 7 characters; at least 32 are needed\.$"):
        require_secret(settings)


def test_production_without_a_secret_is_refused_and_told_how_to_make_one(tmp_path: Path) -> None:
    settings = load_settings({"GLUONSERVE_ENV": "production", "GLUONSERVE_HOME": str(tmp_path)})
    with pytest.raises(SettingsError, match=r"^Production needs GLUONSERVE_SECRET, .* make one with: python3 -c"):
        require_secret(settings)
    assert list(tmp_path.iterdir()) == []


def test_development_makes_a_secret_for_its_owner_and_keeps_it(tmp_path: Path) -> None:
    settings = load_settings({"GLUONSERVE_HOME": str(tmp_path / "home")})
    secret = require_secret(settings)
    assert len(secret) >= 43
    assert require_secret(settings) == secret
    assert [path.name for path in settings.home.iterdir()] == ["secret"]
    assert stat.S_IMODE((settings.home / "secret").stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    starts = 8
    for attempt in range(20):
        settings = load_settings({"GLUONSERVE_HOME": str(tmp_path / str(attempt))})
        together = Barrier(starts)

        def start(settings: Settings = settings, together: Barrier = together) -> str:
            together.wait()
            return require_secret(settings)

        with ThreadPoolExecutor(starts) as pool:
            made = [pool.submit(start) for _ in range(starts)]
        assert len({secret.result() for secret in made}) == 1


def test_a_damaged_secret_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("cut")
    with pytest.raises(SettingsError, match=r"secret holds 3 characters; at least 32 are needed\.$"):
        require_secret(load_settings({"GLUONSERVE_HOME": str(tmp_path)}))
    assert (tmp_path / "secret").read_text() == "cut"


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"^The secret of this installation cannot be kept in "):
        require_secret(load_settings({"GLUONSERVE_HOME": str(tmp_path / "file" / "home")}))
