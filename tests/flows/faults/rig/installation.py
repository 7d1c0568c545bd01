"""What a fault is done to: a server with its own home, behind the real nginx or not, and the requests for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import orjson

from app.runtime.switching.workers import list_live_workers
from config.settings import load_settings
from tests.bench.load.requests import frame_request
from tests.bench.servers.nginx import running_nginx
from tests.flows.faults.rig.breaking import BREAKABLE_APPLICATION, ONE
from tests.flows.faults.rig.scale import read_scale
from tests.flows.faults.rig.supervising import RestartPolicy, Supervisor, supervised
from tests.flows.faults.rig.traffic import NO_MARK, Address, find_address
from tests.rules.repository import ROOT
from tests.server import RunningServer, find_free_port, find_log, running_server, start_server, wait_until

WORKERS = 2
THREADS = 4
PATIENCE_SECONDS = 60
# What is broken is a server that computes each answer.
SETTINGS = {"GLUONSERVE_CACHE": "off", "GLUONSERVE_THREADS": str(THREADS)}
# In the suite a machine that is busy with other tests is not overload.
if read_scale().is_whole:
    SETTINGS["GLUONSERVE_MOST_WAIT_MS"] = str(load_settings({}).most_wait_ms)
    # As installed: the program is compiled once and not at each start.
    SETTINGS |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / "var" / "compiled")}


@dataclass(frozen=True)
class SupervisedServer:
    """Attributes: supervisor: Knows the process that runs now."""

    supervisor: Supervisor
    url: str
    log: Path

    def is_ready(self) -> bool:
        return RunningServer(self.supervisor.process, self.url, self.log).is_ready()


@dataclass(frozen=True)
class Installation:
    """A home that a server can be started in, and a caller's key and rows."""

    home: Path
    key: str
    rows: Sequence[object]

    def copy(self) -> Installation:
        """Another home with the same model, secret and keys: of another machine. Before anything runs in this one."""
        home = Path(tempfile.mkdtemp(dir=self.home.parent)) / "home"
        shutil.copytree(self.home, home)
        return replace(self, home=home)

    def make_requests(self, rows: int = ONE, *, headers: str = "") -> Sequence[bytes]:
        """Different requests, each for so many predictions; see NumberedRequests about the end of their bodies.

        Args:
            headers: More of them, each with its end of line.
        """
        starts = range(len(self.rows) - rows + 1)
        bodies = [orjson.dumps({"data": self.rows[start : start + rows]}) + NO_MARK for start in starts]
        return [frame_request(body, self.key, headers=headers) for body in bodies]

    def list_serving(self) -> list[int]:
        """The workers that have loaded the model, by their process ids."""
        workers = list_live_workers(self.home / "models").values()
        return [worker.pid for worker in workers if worker.active is not None]

    def await_all(self) -> None:
        wait_until(lambda: len(self.list_serving()) == WORKERS, seconds=PATIENCE_SECONDS)

    @contextmanager
    def serve(
        self, settings: Mapping[str, str] = MappingProxyType({}), *, application: str = BREAKABLE_APPLICATION
    ) -> Iterator[RunningServer]:
        """Serve until the end of the block, which begins when every worker serves."""
        environment = {**SETTINGS, **settings}
        with running_server(self.home, workers=WORKERS, environment=environment, application=application) as server:
            self.await_all()
            yield server

    @contextmanager
    def supervise(
        self, policy: RestartPolicy, settings: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[SupervisedServer]:
        """As `serve`, by a server that is started again when it ends."""
        environment, port = {**SETTINGS, **settings}, find_free_port()
        start = partial(
            start_server, self.home, port, workers=WORKERS, environment=environment, application=BREAKABLE_APPLICATION
        )
        with supervised(start, policy) as supervisor:
            server = SupervisedServer(supervisor, f"http://127.0.0.1:{port}", find_log(self.home, port))
            wait_until(server.is_ready, seconds=PATIENCE_SECONDS)
            yield server

    @contextmanager
    def stand_before(self, *servers: RunningServer | SupervisedServer, retries: bool = True) -> Iterator[Address]:
        """Have nginx before servers until the end of the block; yield where it listens."""
        places = ["{}:{}".format(*find_address(server.url)) for server in servers]
        upstream = places[0] if len(places) == 1 else places
        home = Path(tempfile.mkdtemp(dir=self.home)) / "nginx"
        with running_nginx(home, upstream=upstream, retries=retries) as address:
            yield address


@dataclass(frozen=True)
class Served:
    """A server that runs with an installation, for all tests of a module. Each leaves it whole."""

    installation: Installation
    server: RunningServer

    @property
    def address(self) -> Address:
        return find_address(self.server.url)

    @contextmanager
    def behind_nginx(self, *, retries: bool = True) -> Iterator[Address]:
        with self.installation.stand_before(self.server, retries=retries) as address:
            yield address
