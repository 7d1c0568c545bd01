"""`gluonserve models card` as an operator uses it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import CARD, ReleaseStore
from tests.manifests import SIGNER, make_manifest


def run(store: ReleaseStore, *arguments: str) -> Result:
    return CliRunner(env={"MODEL_PATH": str(store.path)}).invoke(main, ["models", "card", *arguments])


def test_the_path_of_the_card_is_printed(published_store: ReleaseStore) -> None:
    result = run(published_store, "1")
    assert (result.exit_code, result.output) == (0, f"{published_store.directory('1') / CARD}\n")


def test_the_card_is_written_to_a_file(published_store: ReleaseStore, tmp_path: Path) -> None:
    result = run(published_store, "1", "--output", str(tmp_path / "shop.html"))
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "shop.html").read_bytes() == (published_store.directory("1") / CARD).read_bytes()


def test_a_file_that_cannot_be_written_is_named(published_store: ReleaseStore, tmp_path: Path) -> None:
    result = run(published_store, "1", "--output", str(tmp_path / "missing" / "shop.html"))
    assert result.exit_code == 1
    assert "missing/shop.html" in result.output
    assert "No such file or directory" in result.output


def test_an_altered_card_is_refused(store: ReleaseStore) -> None:
    path = store.directory("1") / CARD
    path.write_text(path.read_text(encoding="utf-8").replace("shop", "sh0p"), encoding="utf-8")
    result = run(store, "1")
    assert (result.exit_code, CARD in result.output) == (1, True)


def test_a_release_without_a_card_says_why(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path, signer=SIGNER)
    with store.staging() as staged:
        (staged / "schema.json").write_text("{}")
        store.publish(staged, make_manifest())
    result = run(store, "1")
    assert (result.exit_code, result.output) == (
        1,
        "Error: Version 1 has no model card: it was published before there were any.\n",
    )
