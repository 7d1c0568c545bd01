"""The repository stands by itself: no trace of where it was written, and its generated pages are up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from config.settings.page import render_settings_page
from tests.rules.repository import ROOT, list_files

# Directories of one machine, package hosts and options that name one. Split so that this file does not find itself.
TRACES = re.compile(
    r"(?<![\w.}$~])/(?:" + r"work|root|home/\w+|tmp" + r")/[\w.]"
    r"|py" + r"pi\.org|python" + r"hosted|index-" + r"url|find-" + r"links",
    re.IGNORECASE,
)
ACCEPTED = {
    # The options that keep package hosts out of the lock files name what they leave out.
    "Makefile": {"index-" + "url", "find-" + "links"},
    # An address that is refused before any file is opened.
    "tests/test_database.py": {"/t" + "mp/k"},
}
TOOLS_OF_THE_IMAGE = "deploy/requirements-sbom.lock"
SLIM = "deploy/requirements-slim.lock"
LOCKS = [f"deploy/requirements{suffix}.lock" for suffix in ("", "-demo", "-test")]
CLUSTER = "deploy/requirements-cluster.lock"


def read_texts() -> Iterator[tuple[str, str]]:
    for path in list_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8")


def find_traces(texts: Mapping[str, str]) -> list[str]:
    return [
        f"{path}:{number} {match.group()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for match in TRACES.finditer(line)
        if match.group().lower() not in ACCEPTED.get(path, ())
    ]


def find_unhashed_requirements(lock: str) -> list[str]:
    requirements = re.split(r"\n(?=[A-Za-z0-9])", lock)
    return [entry.split()[0] for entry in requirements if "==" in entry and "--hash=sha256:" not in entry]


def test_no_file_names_the_machine_or_a_package_host() -> None:
    assert find_traces(dict(read_texts())) == []


@pytest.mark.parametrize(
    "line",
    [
        "path = '/" + "work/main/app'",
        "cd /" + "tmp/probe",
        "--index-" + "url x",
        "see https://py" + "pi.org/simple",
        "/ro" + "ot/.cache",
    ],
)
def test_a_trace_is_found(line: str) -> None:
    assert len(find_traces({"a.md": f"first\n{line}\n"})) == 1


def test_the_settings_page_is_the_generated_one() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == render_settings_page(), "run: python -m config.settings.page > docs/settings.md"


@pytest.mark.parametrize("lock", [*LOCKS, CLUSTER])
def test_a_lock_holds_hashes_and_no_cuda(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "autogluon-tabular==" in text
    assert find_unhashed_requirements(text) == []
    assert re.findall(r"(?m)^(?:nvidia|torch|xgboost==.*linux)\S*", text) == []


def test_the_lock_of_the_slim_image_leaves_out_what_trains() -> None:
    text = (ROOT / SLIM).read_text(encoding="utf-8")
    assert re.findall(r"(?m)^(?:autogluon|pandas|catboost|matplotlib|boto3|ray|nvidia|torch)\S*", text) == []
    assert {"numpy", "lightgbm", "xgboost-cpu"} - set(re.findall(r"(?m)^([\w-]+)==", text)) == set()
    assert find_unhashed_requirements(text) == []


def test_what_only_the_build_of_the_image_installs_is_locked_too() -> None:
    text = (ROOT / TOOLS_OF_THE_IMAGE).read_text(encoding="utf-8")
    assert "cyclonedx-bom==" in text
    assert find_unhashed_requirements(text) == []


def test_a_requirement_without_hash_is_found() -> None:
    assert find_unhashed_requirements("a==1 \\\n    --hash=sha256:0\nb==2\n    # via a\n") == ["b==2"]


def test_the_locks_agree_on_every_version() -> None:
    # Versions only: for which Python one is taken depends on who else asks for it.
    pins = [
        set(re.findall(r"(?m)^([^\s;]+==[^\s;]+)(?: ; .*?)? *\\$", (ROOT / lock).read_text(encoding="utf-8")))
        for lock in (*LOCKS, TOOLS_OF_THE_IMAGE, SLIM, CLUSTER)
    ]
    runtime, demo, tests, tools, slim, cluster = pins
    assert "flask" in {pin.partition("==")[0] for pin in runtime}
    assert runtime - tests == set()
    assert demo - tests == set()
    assert tools - tests == set()
    assert slim - runtime == set()
    # Of what only a cluster needs nobody else has a version.
    known = {pin.partition("==")[0] for pin in tests}
    assert [pin for pin in cluster - tests if pin.partition("==")[0] in known] == []
