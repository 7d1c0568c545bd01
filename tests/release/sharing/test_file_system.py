"""Releases that machines share, on a directory and on S3."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import orjson
import pytest
from moto.server import ThreadedMotoServer

from app.errors import Conflict, ModelStoreUnreachable, ReleaseUnusable
from app.release.manifest import FileEntry
from app.release.sharing.file_system import FileSystemDepot, UnknownAddress, open_depot
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST
from tests.manifests import SIGNER, TRUST, make_manifest, make_signer, sign_again
from tests.server import find_free_port


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    """A bucket of a server that answers as S3 does."""
    server = ThreadedMotoServer(port=find_free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            environment.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("models")
        yield "s3://models"
    server.stop()


@pytest.fixture(params=["directory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "directory":
        return str(tmp_path / "depot")
    return f"{request.getfixturevalue('s3_address')}/{tmp_path.name}"


def open_machine(path: Path, address: str) -> ReleaseStore:
    return ReleaseStore(path, trust=TRUST, signer=SIGNER, depot=open_depot(address))


def publish(store: ReleaseStore, content: str = "model") -> str:
    with store.staging() as staged:
        (staged / "plan").mkdir()
        (staged / "plan" / "trees.bin").write_text(content)
        return store.publish(staged, make_manifest()).version


def test_what_one_machine_publishes_another_fetches_and_verifies(tmp_path: Path, address: str) -> None:
    ours, theirs = open_machine(tmp_path / "a", address), open_machine(tmp_path / "b", address)
    version = publish(ours)
    theirs.fetch(version)
    theirs.fetch(version)
    assert theirs.verify(version) == ours.verify(version)
    assert (theirs.directory(version) / "plan" / "trees.bin").read_text() == "model"


def test_machines_never_give_the_same_number(tmp_path: Path, address: str) -> None:
    machines = [open_machine(tmp_path / name, address) for name in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(publish, machines * 2))
    assert sorted(given, key=int) == [str(number) for number in range(1, 9)]


def test_a_pointer_is_told_after_its_release_is_there(tmp_path: Path, address: str) -> None:
    ours, theirs = ReleaseStore(tmp_path / "a", trust=TRUST, signer=SIGNER), open_depot(address)
    version = publish(ours)
    assert theirs.read_pointer() is None
    shared = open_machine(tmp_path / "a", address)
    shared.share(shared.activate(version, by="ann"))
    assert theirs.holds(version)
    assert orjson.loads(theirs.read_pointer() or b"")["version"] == version


def test_a_version_that_is_deleted_is_gone_for_all_and_its_number_is_not_given_again(
    tmp_path: Path, address: str
) -> None:
    ours, theirs = open_machine(tmp_path / "a", address), open_machine(tmp_path / "b", address)
    publish(ours)
    ours.delete("1")
    with pytest.raises(ReleaseUnusable, match="There is no version '1'"):
        theirs.fetch("1")
    assert publish(theirs) == "2"


def test_a_version_that_is_active_elsewhere_is_not_deleted(tmp_path: Path, address: str) -> None:
    ours, theirs = open_machine(tmp_path / "a", address), open_machine(tmp_path / "b", address)
    version = publish(ours)
    ours.share(ours.activate(version, by="ann"))
    theirs.fetch(version)
    with pytest.raises(Conflict, match="active on machines that share"):
        theirs.delete(version)
    assert ours.versions() == theirs.versions() == [version]


def test_nothing_damaged_or_of_a_stranger_is_taken(tmp_path: Path) -> None:
    depot = tmp_path / "depot"
    ours, theirs = open_machine(tmp_path / "a", str(depot)), open_machine(tmp_path / "b", str(depot))
    stranger = ReleaseStore(tmp_path / "c", signer=make_signer("a stranger"), depot=open_depot(str(depot)))
    altered, longer, strange = publish(ours), publish(ours), publish(stranger)
    (depot / altered / "plan" / "trees.bin").write_text("MODEL")
    with (depot / longer / "plan" / "trees.bin").open("a") as file:
        file.write("!" * 10_000_000)
    for version in (altered, longer, strange, "9", "../a/1"):
        with pytest.raises(ReleaseUnusable):
            theirs.fetch(version)
    assert theirs.versions() == []
    assert not list((tmp_path / "b").glob("*/plan"))


def test_no_manifest_writes_outside_of_its_release(tmp_path: Path) -> None:
    depot = tmp_path / "depot"
    ours = open_machine(tmp_path / "a", str(depot))
    version = publish(ours)
    directory = depot / version
    manifest = make_manifest(version=version, files={"../../../outside": FileEntry(size=1, sha256="0" * 64)})
    (directory / MANIFEST).write_bytes(orjson.dumps(manifest.to_dict()))
    sign_again(directory)
    with pytest.raises(ReleaseUnusable, match="outside of it"):
        open_machine(tmp_path / "b", str(depot)).fetch(version)
    assert not (tmp_path / "outside").exists()


def test_a_release_whose_manifest_is_not_there_yet_is_not_there(tmp_path: Path) -> None:
    depot = tmp_path / "depot"
    version = publish(open_machine(tmp_path / "a", str(depot)))
    (depot / version / MANIFEST).unlink()
    assert not open_depot(str(depot)).holds(version)


def test_a_store_that_does_not_answer_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    depot = open_depot(str(tmp_path / "file" / "depot"))
    with pytest.raises(ModelStoreUnreachable, match=r"cannot be used now \(NotADirectoryError\)"):
        depot.claim(1)
    with pytest.raises(ModelStoreUnreachable):
        publish(ReleaseStore(tmp_path / "a", depot=depot))
    assert ReleaseStore(tmp_path / "a").versions() == []


def test_an_address_that_nothing_opens_is_refused() -> None:
    with pytest.raises(UnknownAddress, match="nowhere"):
        open_depot("nowhere://models")


def test_claims_start_where_they_are_asked_to(tmp_path: Path) -> None:
    depot: FileSystemDepot = open_depot(str(tmp_path))
    assert [depot.claim(7), depot.claim(7), depot.claim(3)] == [7, 8, 3]
