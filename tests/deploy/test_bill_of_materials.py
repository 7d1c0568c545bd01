from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator

from tests.rules.repository import ROOT

LOCK = ROOT / "deploy" / "requirements.lock"


def write_bill(to: Path, *options: str) -> str:
    command = [sys.executable, str(ROOT / "deploy" / "bill_of_materials.py"), "--to", str(to), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    path = to / f"gluonserve-{version('gluonserve')}.cdx.json"
    assert (done.stdout, done.stderr) == (f"{path}\n", "")
    return path.read_text(encoding="utf-8")


def write_short_bill(to: Path) -> str:
    (to / "short.lock").write_text(f"click==8.1.8 \\\n    --hash=sha256:{'0' * 64}\n")
    return write_bill(to, "--lock", str(to / "short.lock"))


def find_fault(bill: str) -> object:
    return make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6).validate_str(bill)


def test_the_list_holds_every_locked_version_with_its_hashes(tmp_path: Path) -> None:
    bill = write_bill(tmp_path)
    listed = {
        (part["name"], part["version"], hash["content"])
        for part in json.loads(bill)["components"]
        for place in part["externalReferences"]
        for hash in place["hashes"]
    }
    locked = {
        (name, pinned, digest)
        for name, pinned, hashes in re.findall(
            r"(?m)^([\w.-]+)==([\w.+]+)[^\\\n]*\\\n((?:    --hash=\S+.*\n)+)", LOCK.read_text(encoding="utf-8")
        )
        for digest in re.findall(r"sha256:(\w+)", hashes)
    }
    assert len(locked) > 500
    assert listed == locked


def test_the_list_is_valid_cyclonedx_of_this_version_and_the_same_each_time(tmp_path: Path) -> None:
    bill = write_short_bill(tmp_path)
    described = json.loads(bill)["metadata"]["component"]
    assert (described["name"], described["version"]) == ("gluonserve", version("gluonserve"))
    assert described["licenses"] == [{"license": {"acknowledgement": "declared", "id": "Apache-2.0"}}]
    assert find_fault(bill) is None
    assert find_fault(bill.replace('"name"', '"nome"')) is not None
    assert write_short_bill(tmp_path) == bill
