"""The directory of releases. A release is written aside, renamed into place, then never changed."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import orjson

from app.errors import Conflict, ReleaseUnusable
from app.release.candidate import read_candidate
from app.release.files import (
    UNFINISHED,
    compute_sha256,
    list_files,
    replace_file,
    sync_directory,
    sync_tree,
    write_json,
)
from app.release.manifest import FileEntry, Manifest
from app.release.pointer import (
    POINTER,
    ActivePointer,
    Stamp,
    activating,
    make_first_pointer,
    read_pointer,
    read_stamp,
    write_pointer,
)
from app.release.sharing.depot import NO_DEPOT, Depot, read_shared_version
from app.release.signing import TRUST_ANYONE, Signer, Trust
from app.release.verification import (
    MANIFEST,
    NOT_LISTED,
    SIGNATURE,
    parse_manifest,
    read_manifest,
    read_signed,
    verify_files,
    verify_release,
)

logger = logging.getLogger(__name__)

CARD = "card.html"
GOLDEN = "golden.json"
NATIVE = "native.tar.zst"
PLAN = "plan"
# Arrays of plans, unpacked by those who serve them; they can be removed at any time.
UNPACKED = ".unpacked"
_STAGING_PREFIX = ".staging-"
_DELETED_PREFIX = ".deleted-"
# The highest number that was ever given: the directory of that version may be gone.
_LAST_NUMBER = ".last-version"
_STAGING_LIFETIME_SECONDS = 24 * 3600
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

# Gets the staged directory, the manifest with its number, time and files, and the id of the signing key, if any.
Completion = Callable[[Path, Manifest, str | None], None]


def add_nothing(staged: Path, manifest: Manifest, signed_by: str | None) -> None:
    """Complete a release that is complete as it was staged."""


class ReleaseStore:
    """Releases under one directory, numbered from 1. Safe for several processes at once.

    Attributes:
        trust: Whose releases are opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        trust: Trust = TRUST_ANYONE,
        signer: Signer | None = None,
        keep: int | None = None,
        depot: Depot = NO_DEPOT,
    ) -> None:
        """Args:
        keep: How many of the newest versions stay when there are more; all when None.
        depot: Where what is published here is shared with other machines, and numbers are given for all of them.
        """
        self.path = path
        self.trust = trust
        self._signer = signer
        self._keep = keep
        self._depot = depot

    def versions(self) -> list[str]:
        """All published versions, oldest first."""
        if not self.path.is_dir():
            return []
        names = [entry.name for entry in self.path.iterdir() if _VERSION.fullmatch(entry.name) and entry.is_dir()]
        return sorted(names, key=int)

    def directory(self, version: str) -> Path:
        """The directory of a published version.

        Raises:
            ReleaseUnusable: when there is no such version.
        """
        directory = self.path / version
        if not _VERSION.fullmatch(version) or not directory.is_dir():
            raise ReleaseUnusable(f"There is no version {version!r} in the model store.")
        return directory

    def manifest(self, version: str) -> Manifest:
        """Raises ReleaseUnusable when the version is unknown, or its manifest cannot be read or is not trusted."""
        return read_manifest(self.directory(version), self.trust)

    def verify(self, version: str, *, unopened: str | None = None) -> Manifest:
        """Check signature and files of a version; the content of the file `unopened` is not read.

        Raises:
            ReleaseUnusable: naming what is wrong.
        """
        return verify_release(self.directory(version), self.trust, unopened=unopened)

    def active(self) -> ActivePointer | None:
        """The pointer to the active release; None when nothing was activated yet.

        Raises:
            ReleaseUnusable: when the pointer file exists and cannot be read.
        """
        return read_pointer(self.path)

    def pointer_stamp(self) -> Stamp | None:
        """A value that changes whenever the pointer is replaced; None when there is none. Costs one stat call."""
        return read_stamp(str(self.path / POINTER))

    def activate(self, version: str, *, by: str = "unknown") -> ActivePointer:
        """Verify a version and make it the active one.

        Raises:
            ReleaseUnusable: when the version is unknown or not as it was published; the pointer then stays.
        """
        self.verify(version)
        return self.point_at(version, by=by)

    def point_at(self, version: str, *, by: str) -> ActivePointer:
        """Make a version that was verified the active one; nothing is active in between, also after a crash.

        Raises:
            ReleaseUnusable: when the version has been removed meanwhile; the pointer then stays.
        """
        with self._lock():
            self.directory(version)
            before, now = self._readable_pointer(), _utc_now()
            replace_pointer = before.replace_by if before else make_first_pointer
            pointer = replace_pointer(version, by=by, at=now)
            write_pointer(self.path, pointer)
        self._prune()
        return pointer

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A directory to write a release into; removed at the end unless `publish` has renamed it."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned_staging()
        directory = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=self.path))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def publish(self, staged: Path, manifest: Manifest, *, complete: Completion = add_nothing) -> Manifest:
        """Give a staged release the next version number, list its files, sign that list and rename it into place.

        Args:
            complete: Called when number, time and files are known, to add what tells of them; it should be quick.
        """
        _drop_empty_directories(staged)
        with self._lock():
            version = self._next_version()
            numbered = replace(manifest, version=version, created=_utc_now(), files=_describe_files(staged, {}))
            complete(staged, numbered, self._signer.public_key.id if self._signer else None)
            published = replace(numbered, files=_describe_files(staged, numbered.files))
            write_json(staged / MANIFEST, published.to_dict())
            if self._signer:
                (staged / SIGNATURE).write_bytes(self._signer.sign((staged / MANIFEST).read_bytes()))
            staged.chmod(0o755)
            sync_tree(staged)
            replace_file(self.path / _LAST_NUMBER, version.encode())
            staged.rename(self.path / version)
            sync_directory(self.path)
        self._depot.upload(self.path / version)
        self.prune()
        return published

    def fetch(self, version: str) -> None:
        """Have a version of the depot in this store: all of it, once it is verified, or nothing.

        Raises:
            ReleaseUnusable: when there is no such version, or it is damaged or not trusted.
            ModelStoreUnreachable: when the depot does not answer.
        """
        if not _VERSION.fullmatch(version):
            raise ReleaseUnusable(f"There is no version {version!r} in the model store.")
        if version in self.versions():
            return
        with self.staging() as staged:
            self._depot.download(version, staged / version)
            verify_release(staged / version, self.trust)
            sync_tree(staged / version)
            with self._lock():
                if version not in self.versions():
                    (staged / version).rename(self.path / version)
                    sync_directory(self.path)

    def share(self, pointer: ActivePointer) -> None:
        """Tell other machines which version is active, after it is where they find it.

        Raises:
            ModelStoreUnreachable: when the depot does not answer.
        """
        if not self._depot.holds(pointer.version):
            self._depot.upload(self.directory(pointer.version))
        self._depot.write_pointer(orjson.dumps(asdict(pointer)))

    def sign(self, version: str) -> Manifest:
        """Vouch for a version that was published without a signature, or sign one anew with another key.

        Raises:
            ReleaseUnusable: when its files differ from its manifest, or somebody unknown has signed it.
        """
        directory = self.directory(version)
        content, signature = read_signed(directory)
        fault = None if signature is None else self.trust.find_signature_fault(content, signature)
        if fault or self._signer is None:
            reason = fault.reason if fault else "there is no key to sign with"
            raise ReleaseUnusable(f"Version {version} is not signed now: {reason}.")
        manifest = parse_manifest(directory, content)
        verify_files(directory, manifest)
        # Written beside the release: a second file in it would be one too many for whoever looks at it meanwhile.
        written = self.path / f".signature-{version}"
        replace_file(written, self._signer.sign(content))
        written.replace(directory / SIGNATURE)
        sync_directory(directory)
        return manifest

    def delete(self, version: str) -> None:
        """Remove a version for good; its number is not given again. Who still has its files open may read on.

        Raises:
            ReleaseUnusable: when there is no such version, or pointer or candidate cannot be read.
            Conflict: when it is the active, the previous or the candidate version, or one is being activated.
        """
        directory = self.directory(version)
        with activating(self.path), self._lock():
            use = self._list_uses().get(version)
            if use:
                raise Conflict(f"Version {version} stays: it is {use}.", code="version_in_use")
            if read_shared_version(self._depot.read_pointer()) == version:
                raise Conflict(
                    f"Version {version} stays: it is active on machines that share the model store.",
                    code="version_in_use",
                )
            self._depot.remove(version)
            self._remove(directory)

    def prune(self) -> list[str]:
        """Remove all but the newest versions and those in use; return what was removed.

        Fallback: while a version is being activated, where it is not known what is in use, or when a directory cannot
        be removed, older versions stay and a line is logged; a publication or an activation does not fail for it.
        """
        if self._keep is None:
            return []
        try:
            with activating(self.path):
                return self._prune()
        except Conflict:
            logger.info("Old versions are not removed now: one may be on its way to become active.")
            return []

    def _prune(self) -> list[str]:
        if self._keep is None:
            return []
        removed: list[str] = []
        try:
            with self._lock():
                uses = self._list_uses()
                for version in self.versions()[: -self._keep]:
                    if version not in uses:
                        self._remove(self.path / version)
                        removed.append(version)
        except (ReleaseUnusable, OSError) as fault:
            logger.warning("Old versions are not removed now: %s", fault)
        return removed

    def _list_uses(self) -> dict[str, str]:
        """What versions are needed for.

        Raises:
            ReleaseUnusable: when the pointer or the candidate cannot be read.
        """
        uses = {}
        candidate, pointer = read_candidate(self.path), self.active()
        if candidate:
            uses[candidate.version] = "the candidate; take it back with: gluonserve models withdraw"
        if pointer and pointer.previous:
            uses[pointer.previous] = "the previous one, kept ready for a rollback"
        if pointer:
            uses[pointer.version] = "the active one; activate another version first"
        return uses

    def _remove(self, directory: Path) -> None:
        aside = self.path / f"{_DELETED_PREFIX}{directory.name}"
        # Gone at once for everybody; what a crash leaves of it is removed with abandoned staging.
        directory.rename(aside)
        sync_directory(self.path)
        if aside.is_symlink():
            aside.unlink()
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(self.path / UNPACKED / directory.name, ignore_errors=True)

    def _readable_pointer(self) -> ActivePointer | None:
        """The pointer, or None where it is damaged: activating and publishing must be able to repair that."""
        try:
            return self.active()
        except ReleaseUnusable:
            return None

    def _next_version(self) -> str:
        pointer = self._readable_pointer()
        used = [int(version) for version in self.versions()]
        used += [int(str(entry["version"])) for entry in pointer.history] if pointer else []
        used.append(self._read_last_number())
        return str(self._depot.claim(max(used) + 1))

    def _read_last_number(self) -> int:
        """The highest number given so far. Fallback: 0 where that is not known; other traces of it then count."""
        try:
            return int((self.path / _LAST_NUMBER).read_bytes())
        except (OSError, ValueError):
            return 0

    def _remove_abandoned_staging(self) -> None:
        for directory in self.path.glob(f"{_DELETED_PREFIX}*"):
            shutil.rmtree(directory, ignore_errors=True)
        for left in [*self.path.glob(f"{_STAGING_PREFIX}*"), *self.path.glob(UNFINISHED)]:
            # Somebody may be at it, and be done with it by now.
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _STAGING_LIFETIME_SECONDS:
                    _remove_whatever_it_is(left)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _remove_whatever_it_is(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def _drop_empty_directories(staged: Path) -> None:
    """No manifest can list them, and what no manifest lists does not belong to a release."""
    for directory, _, _ in os.walk(staged, topdown=False):
        if directory != str(staged) and not os.listdir(directory):
            os.rmdir(directory)


def _describe_files(staged: Path, known: Mapping[str, FileEntry]) -> dict[str, FileEntry]:
    """Size and digest of every file; those that are known already are not read again."""
    return {
        path: known.get(path) or FileEntry(size=(staged / path).stat().st_size, sha256=compute_sha256(staged / path))
        for path in list_files(staged)
        if path not in NOT_LISTED
    }


def _utc_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
