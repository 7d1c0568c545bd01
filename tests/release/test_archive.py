"""Archives come back file by file, have the same bytes each time, and hostile ones write nothing outside."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from app.release.archive import ArchiveRefused, pack_directory, read_unpacked_size, unpack_archive, unpack_privately

FILES = {
    "a.bin": b"",
    "models/Über/model.pkl": b"x" * 1_500_000,
    f"models/{'n' * 150}/z": b"2",
    "version": b"1.6.3",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_files(tmp_path / "source", FILES)


def write_files(directory: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def read_files(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def write_archive(path: Path, add: Callable[[tarfile.TarFile], None], *, announced: int | None = None) -> Path:
    """A tape archive that pack_directory would not write."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add(archive)
    content = stream.getvalue()
    packed = zstandard.ZstdCompressor(write_content_size=announced != -1).compress(content)
    path.write_bytes(packed)
    return path


def make_member(name: str, *, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
    return member


def test_an_archive_gives_back_every_file(source: Path, tmp_path: Path) -> None:
    pack_directory(source, tmp_path / "archive")
    (tmp_path / "copy").mkdir()
    unpack_archive(tmp_path / "archive", tmp_path / "copy")
    assert read_files(tmp_path / "copy") == FILES
    assert (tmp_path / "archive").stat().st_size < 2000
    assert 1_500_000 < read_unpacked_size(tmp_path / "archive") < 1_510_000


def test_other_tools_can_read_an_archive(source: Path, tmp_path: Path) -> None:
    pack_directory(source, tmp_path / "archive")
    content = zstandard.ZstdDecompressor().decompress((tmp_path / "archive").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == sorted(FILES)


def test_equal_content_has_equal_bytes_whatever_its_times_and_modes(source: Path, tmp_path: Path) -> None:
    again = write_files(tmp_path / "again", dict(reversed(FILES.items())))
    os.utime(again / "version", (1, 1))
    (again / "version").chmod(0o600)
    for directory in (source, again):
        pack_directory(directory, tmp_path / f"{directory.name}.tar.zst")
    assert (tmp_path / "source.tar.zst").read_bytes() == (tmp_path / "again.tar.zst").read_bytes()


def test_a_link_is_not_packed(source: Path, tmp_path: Path) -> None:
    (source / "link").symlink_to("version")
    with pytest.raises(ArchiveRefused, match="link is not a plain file"):
        pack_directory(source, tmp_path / "archive")


@pytest.mark.parametrize(
    "member",
    [
        make_member("../outside"),
        make_member("models/../../outside"),
        make_member("/outside"),
        make_member("."),
        make_member("link", kind=tarfile.SYMTYPE, target="/etc/passwd"),
        make_member("link", kind=tarfile.LNKTYPE, target="version"),
        make_member("pipe", kind=tarfile.FIFOTYPE),
        make_member("device", kind=tarfile.CHRTYPE),
        make_member("directory", kind=tarfile.DIRTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_only_plain_files_below_the_directory_are_unpacked(member: tarfile.TarInfo, tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", lambda tar: tar.addfile(member, io.BytesIO(b"evil")))
    (tmp_path / "copy").mkdir()
    with pytest.raises(ArchiveRefused, match="which is no plain file below it"):
        unpack_archive(archive, tmp_path / "copy")
    assert read_files(tmp_path) == {"archive": archive.read_bytes()}


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    def add(tar: tarfile.TarFile) -> None:
        tar.addfile(make_member("version"), io.BytesIO(b"once"))
        tar.addfile(make_member("version"), io.BytesIO(b"more"))

    (tmp_path / "copy").mkdir()
    with pytest.raises(ArchiveRefused, match="archive is damaged"):
        unpack_archive(write_archive(tmp_path / "archive", add), tmp_path / "copy")
    assert read_files(tmp_path / "copy") == {"version": b"once"}


def test_an_archive_that_does_not_say_its_size_is_refused(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", lambda _: None, announced=-1)
    with pytest.raises(ArchiveRefused, match="does not say how large it is"):
        unpack_archive(archive, tmp_path)


def test_no_more_is_written_than_an_archive_announces(source: Path, tmp_path: Path) -> None:
    pack_directory(source, tmp_path / "archive")
    content = bytearray((tmp_path / "archive").read_bytes())
    size = read_unpacked_size(tmp_path / "archive")
    place = content.index(size.to_bytes(4, "little"))
    content[place : place + 4] = (2000).to_bytes(4, "little")
    (tmp_path / "archive").write_bytes(content)
    (tmp_path / "copy").mkdir()
    with pytest.raises(ArchiveRefused):
        unpack_archive(tmp_path / "archive", tmp_path / "copy")
    assert sum(map(len, read_files(tmp_path / "copy").values())) <= 2000


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_ends_early_is_refused(share: float, source: Path, tmp_path: Path) -> None:
    (source / "noise").write_bytes(os.urandom(300_000))
    pack_directory(source, tmp_path / "archive")
    content = (tmp_path / "archive").read_bytes()
    (tmp_path / "archive").write_bytes(content[: int(share * len(content))])
    (tmp_path / "copy").mkdir()
    with pytest.raises(ArchiveRefused):
        unpack_archive(tmp_path / "archive", tmp_path / "copy")


def test_a_flipped_bit_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "noise").write_bytes(os.urandom(300_000))
    pack_directory(source, tmp_path / "archive")
    content = bytearray((tmp_path / "archive").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "archive").write_bytes(content)
    (tmp_path / "copy").mkdir()
    with pytest.raises(ArchiveRefused):
        unpack_archive(tmp_path / "archive", tmp_path / "copy")


def test_a_private_copy_is_for_one_user_and_goes_at_the_end(source: Path, tmp_path: Path) -> None:
    pack_directory(source, tmp_path / "archive")
    with unpack_privately(tmp_path / "archive") as directory:
        assert read_files(directory) == FILES
        assert directory.stat().st_mode & 0o077 == 0
    assert not directory.exists()


def test_what_a_killed_process_left_behind_goes_and_what_is_in_use_stays(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_directory(source, tmp_path / "archive")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    code = "import os, pathlib, sys; from app.release.archive import unpack_privately\n"
    code += "with unpack_privately(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    environment = {**os.environ, "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "archive")], env=environment, check=False)
    (abandoned,) = temporary.iterdir()
    with unpack_privately(tmp_path / "archive") as in_use:
        assert abandoned.exists(), "it could be one that is just being made"
        for directory in (abandoned, in_use):
            os.utime(directory, (1, 1))
        with unpack_privately(tmp_path / "archive"):
            assert not abandoned.exists()
            assert in_use.exists()
