"""`python deploy/image/size.py`: what the packages of each image take on disk, from those installed here.

Counted are the files of every package that a lock names and that is installed here; after `make test`, all are. The
base image is not counted, nor are the two Debian packages in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[1]
LOCKS = {"slim": "requirements-slim.lock", "full": "requirements.lock"}
# It is removed when gluonserve has been installed.
_NOT_KEPT = {"setuptools"}


def main() -> int:
    for image, lock in LOCKS.items():
        found = list_installed((DEPLOY / lock).read_text(encoding="utf-8"))
        sizes = {package.name: measure(package) for package in found if package.name not in _NOT_KEPT}
        largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)[:5]
        named = ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
        print(f"{image}: {len(sizes)} packages, {sum(sizes.values()) / 1e6:.0f} MB, most of it {named}")
    return 0


def list_installed(lock: str) -> Iterator[Distribution]:
    """The packages of a lock that are installed here in the locked version: it names some once for each Python."""
    for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", lock):
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        if package.version == version:
            yield package


def measure(package: Distribution) -> int:
    """The bytes of its files."""
    paths = (Path(str(file.locate())) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
