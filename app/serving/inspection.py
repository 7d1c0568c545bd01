"""Everything that is wrong with a release, in plain words; what serves it stops at the first fault instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from app.errors import ReleaseUnusable
from app.release.golden import read_golden_rows
from app.release.libraries import list_installed_libraries, list_version_faults
from app.release.manifest import Manifest
from app.release.signing import Trust, read_key_id
from app.release.store import GOLDEN, ReleaseStore
from app.release.verification import list_file_faults, parse_manifest, read_signed
from app.runtime.loading import Execution, LoadedRelease, load_release

CheckName = Literal["signature", "manifest", "files", "libraries", "golden rows"]
Outcome = Literal["good", "wrong", "not checked"]

_RESTORE = "Publish it again, or restore its files from a copy."
_MOST_FILES_NAMED = 100


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes:
        found: One sentence for each thing that is wrong, or one that says what is good or why nothing was looked at.
        advice: What to do about it.
    """

    check: CheckName
    outcome: Outcome
    found: tuple[str, ...]
    advice: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def inspect_release(store: ReleaseStore, version: str, *, prefer: Execution = "plan") -> Iterator[Finding]:
    """Look at everything in the order of trust: nothing is parsed before its signature or digest was found good.

    Raises:
        ReleaseUnusable: when there is no such version.
    """
    directory = store.directory(version)
    try:
        content, signature = read_signed(directory)
    except ReleaseUnusable as fault:
        yield _wrong("manifest", str(fault), advice=_RESTORE)
        return
    signed = _inspect_signature(store.trust, content, signature, version=version)
    yield signed
    if signed.outcome == "wrong":
        reason = "only a manifest that can be trusted says what they should be"
        yield Finding(check="files", outcome="not checked", found=(reason,))
        return
    try:
        manifest = parse_manifest(directory, content)
    except ReleaseUnusable as fault:
        yield _wrong("manifest", str(fault), advice=_RESTORE)
        return
    files = _inspect_files(directory, manifest)
    yield files
    if files.outcome == "good":
        yield from _inspect_loading(directory, manifest, store.trust, prefer)
    else:
        yield _inspect_libraries(manifest, None)
        reason = "nothing of it is opened as long as its files differ"
        yield Finding(check="golden rows", outcome="not checked", found=(reason,))


def _inspect_signature(trust: Trust, content: bytes, signature: bytes | None, *, version: str) -> Finding:
    fault = trust.find_signature_fault(content, signature)
    if fault is None and signature is not None:
        return _good("signature", f"made with key {read_key_id(signature)}, which is trusted here")
    reason, advice = (fault.reason, fault.advice.replace("{version}", version)) if fault else ("", "")
    if trust.unsigned == "allow":
        return _good("signature", f"{reason}, which GLUONSERVE_UNSIGNED_RELEASES=allow lets pass")
    return _wrong("signature", reason, advice=advice)


def _inspect_files(directory: Path, manifest: Manifest) -> Finding:
    faults = list(islice(list_file_faults(directory, manifest), _MOST_FILES_NAMED + 1))
    if len(faults) > _MOST_FILES_NAMED:
        faults[-1] = "and more than are named here"
    if faults:
        return _wrong("files", *faults, advice=_RESTORE)
    return _good("files", f"{len(manifest.files)} files are as they were published")


def _inspect_loading(directory: Path, manifest: Manifest, trust: Trust, prefer: Execution) -> Iterator[Finding]:
    try:
        loaded = load_release(directory, trust=trust, prefer=prefer)
    except ReleaseUnusable as fault:
        libraries = _inspect_libraries(manifest, None)
        yield libraries
        advice = "See the library versions above." if libraries.outcome == "wrong" else _RESTORE
        yield _wrong("golden rows", str(fault), advice=advice)
        return
    yield _inspect_libraries(manifest, loaded)
    yield _describe_answers(loaded, len(read_golden_rows(directory / GOLDEN).rows))


def _inspect_libraries(manifest: Manifest, loaded: LoadedRelease | None) -> Finding:
    faults = tuple(list_version_faults(manifest.libraries, list_installed_libraries()))
    if not faults:
        return _good("libraries", "the installed versions fit")
    if loaded and loaded.execution == "plan":
        reason = "its compiled plan runs here; AutoGluon could not answer in its place"
        return Finding(check="libraries", outcome="good", found=(reason, *faults))
    return _wrong("libraries", *faults, advice="Install these versions, or train and publish again with those here.")


def _describe_answers(loaded: LoadedRelease, rows: int) -> Finding:
    if loaded.plan_fault:
        return _wrong(
            "golden rows",
            loaded.plan_fault,
            f"AutoGluon answers {rows} rows as at publication, slower than the plan would",
            advice="It can be activated. For the speed of the plan, publish it again.",
        )
    executed = "by its compiled plan" if loaded.execution == "plan" else "by AutoGluon itself"
    return _good("golden rows", f"{rows} rows are answered as at publication, {executed}")


def _good(check: CheckName, reason: str) -> Finding:
    return Finding(check=check, outcome="good", found=(reason,))


def _wrong(check: CheckName, *faults: str, advice: str) -> Finding:
    return Finding(check=check, outcome="wrong", found=faults, advice=advice)
