"""What stands around a server, each part real, and the ways in which it breaks."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.database import create_tables, opened_database
from app.security.keys.store import KeyStore
from config.settings import load_settings, require_secret
from tests.flows.faults.rig.blows import kill, list_processes_of
from tests.flows.faults.rig.breaking import find_watchers
from tests.flows.faults.rig.installation import Installation
from tests.postgres_server import PostgresServer
from tests.redis_link.server import RedisServer
from tests.server import wait_until

VOLUME_MB = 64
_SECONDS_TO_COME_BACK = 60
# So many that nobody is refused: what counts them is Redis, which every request asks for it.
_REQUESTS_PER_MINUTE = 1_000_000


@dataclass(frozen=True)
class Surroundings:
    """Attributes: home: A directory on a volume of its own, where one could be mounted."""

    home: Path
    redis: RedisServer
    postgres: PostgresServer
    database_url: str
    is_volume: bool

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "REDIS_URL": self.redis.url,
            "DATABASE_URL": self.database_url,
            "GLUONSERVE_MONITOR": "beside",
            "GLUONSERVE_CACHE": "on",
            "GLUONSERVE_CACHE_MB": "1",
        }

    def make_key(self) -> str:
        settings = load_settings({"GLUONSERVE_HOME": str(self.home), **self.settings})
        with opened_database(settings.database_url) as database:
            create_tables(database)
            store = KeyStore(database, require_secret(settings))
            return store.create("tests", ("predict",), requests_per_minute=_REQUESTS_PER_MINUTE).text


@contextmanager
def surroundings(home: Path) -> Iterator[Surroundings]:
    with PostgresServer() as postgres, RedisServer() as redis, volume(home) as is_volume:
        yield Surroundings(home, redis, postgres, postgres.make_database(), is_volume)


@contextmanager
def volume(path: Path) -> Iterator[bool]:
    """Have a small file system of its own at a path until the end of the block, where that is allowed; tell whether."""
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m", "tmpfs", str(path)]
    is_volume = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield is_volume
    finally:
        if is_volume:
            subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextmanager
def without_redis(place: Surroundings) -> Iterator[None]:
    place.redis.kill()
    yield
    place.redis.start()


@contextmanager
def with_hung_redis(place: Surroundings) -> Iterator[None]:
    place.redis.freeze()
    yield
    place.redis.thaw()


@contextmanager
def without_database(place: Surroundings) -> Iterator[None]:
    place.postgres.kill()
    yield
    place.postgres.start()


@contextmanager
def with_full_disk(place: Surroundings) -> Iterator[None]:
    """Where no volume could be mounted, no file of any process of the server may grow."""
    if place.is_volume:
        filler = place.home / "filler"
        fill(filler)
        yield
        filler.unlink()
    else:
        limit_files(place.home, 0)
        yield
        limit_files(place.home, resource.RLIM_INFINITY)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def limit_files(home: Path, most_bytes: int) -> None:
    for process in list_processes_of(home):
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (most_bytes, hard))


@contextmanager
def with_full_disk_and_killed_worker(place: Surroundings) -> Iterator[None]:
    with with_full_disk(place):
        kill(Installation(place.home, "", ()).list_serving()[0])
        yield


@contextmanager
def without_watcher(place: Surroundings) -> Iterator[None]:
    wait_until(lambda: find_watchers(place.home) != [], seconds=_SECONDS_TO_COME_BACK)
    for pid in find_watchers(place.home):
        os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def without_log_directory(place: Surroundings) -> Iterator[None]:
    """Removed, and something that is no directory in its place."""
    directory = place.home / "logs" / "predictions"
    directory.parent.mkdir(exist_ok=True)

    def is_replaced() -> bool:
        # Whoever writes the log may make it anew in between.
        shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(IsADirectoryError):
            directory.write_text("")
        return directory.is_file()

    wait_until(is_replaced, seconds=_SECONDS_TO_COME_BACK)
    yield
    directory.unlink()


@dataclass(frozen=True)
class Fault:
    """Attributes: needed_by: What a careless request does that fails meanwhile; see `breaking`."""

    applied_to: Callable[[Surroundings], AbstractContextManager[None]]
    needed_by: str


FAULTS: Mapping[str, Fault] = {
    "Redis killed": Fault(without_redis, "redis"),
    "Redis hung": Fault(with_hung_redis, "redis"),
    "the database killed": Fault(without_database, "database"),
    "the disk full": Fault(with_full_disk, "disk"),
    "the disk full and a worker killed": Fault(with_full_disk_and_killed_worker, "disk"),
    "the watcher killed": Fault(without_watcher, "watcher"),
    "the directory of the prediction log removed": Fault(without_log_directory, "disk"),
}
