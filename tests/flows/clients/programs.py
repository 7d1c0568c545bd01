"""The clients of docs/clients, and what each needs to be run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.rules.repository import ROOT

PLACE = ROOT / "docs" / "clients"
_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Client:
    """A program that asks for a prediction.

    Attributes:
        needs: Programs that build and run it.
        libraries: Of Mono, which Debian has in packages of their own.
        command: How it is run; `{place}` is where it lies and what was built of it.
        build: How it is built before, if it is.
    """

    file: str
    needs: tuple[str, ...]
    command: tuple[str, ...]
    build: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        programs = tuple(program for program in self.needs if shutil.which(program) is None)
        return programs or tuple(name for name in self.libraries if not _is_in_mono(name))

    def prepare(self, place: Path) -> None:
        shutil.copy(PLACE / self.file, place)
        if self.build:
            subprocess.run([part.format(place=place) for part in self.build], check=True, timeout=_SECONDS)

    def start(self, place: Path, row: Path, *, url: str, key: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*(part.format(place=place) for part in self.command), str(row)],
            env={**os.environ, "GLUONSERVE_URL": url, "GLUONSERVE_KEY": key, "no_proxy": "*"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, place: Path, row: Path, *, url: str, key: str) -> tuple[int, str, str]:
        """Its exit code, and what it wrote to stdout and stderr."""
        process = self.start(place, row, url=url, key=key)
        output, errors = process.communicate(timeout=_SECONDS)
        return process.returncode, output, errors


def _is_in_mono(library: str) -> bool:
    mono = Path(shutil.which("mono") or "mono").resolve()
    return any((mono.parents[1] / "lib" / "mono").glob(f"4.5/{library}.dll"))


_OF_MONO = ("System.Net.Http", "System.Runtime.Serialization", "System.Xml.Linq")
CLIENTS = (
    Client(file="predict.sh", needs=("curl", "awk"), command=("sh", "{place}/predict.sh")),
    Client(file="predict.php", needs=("php",), command=("php", "{place}/predict.php")),
    Client(file="Predict.java", needs=("java",), command=("java", "{place}/Predict.java")),
    Client(
        file="Predict.cs",
        needs=("mcs", "mono"),
        libraries=_OF_MONO,
        build=("mcs", f"-r:{','.join(_OF_MONO)}", "-out:{place}/Predict.exe", "{place}/Predict.cs"),
        command=("mono", "{place}/Predict.exe"),
    ),
    Client(file="predict.mjs", needs=("node",), command=("node", "{place}/predict.mjs")),
)
RUNNABLE = tuple(client for client in CLIENTS if not client.missing)


def describe_what_is_not_run() -> str:
    """One sentence about the clients that this machine cannot run; empty when it can run all."""
    lacking = [f"{client.file} (no {', '.join(client.missing)})" for client in CLIENTS if client.missing]
    return f"not run: {'; '.join(lacking)}" if lacking else ""
