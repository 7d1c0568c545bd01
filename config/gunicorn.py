"""gunicorn's settings for the web role, for its option --config. Nothing starts before the fork."""

import contextlib
import ctypes
import math
import os
import random
import sys
from pathlib import Path
from typing import Any

# Before any library is imported. The pool of threads that OpenMP starts does not survive a fork, and its children hang;
# and one worker per core, each with a thread per core, would oversubscribe the machine.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

# gunicorn puts the working directory first, and many a project has an `app` or a `config` of its own there.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.front.desk import PLACES, Desk
from config.front.doorman.keeper import start_doorman
from config.front.watchdog import Watchdog
from config.host import describe_choice, plan_host, read_footprint, read_host
from config.logging import describe_gunicorn_logging
from config.metrics_files import MetricsFiles
from config.preloading import forget_program
from config.settings import Settings, SettingsError, list_secrets, load_settings, require_secret
from config.survival.bodies import BodiesUnderWay
from config.survival.inherited import inherit
from config.survival.loads import LoadsUnderWay
from config.survival.master import Master
from config.survival.parent import end_with_parent
from config.survival.survival import Survival
from config.watching import start_depot_follower, start_watcher


def _share_arenas() -> None:
    """Let all threads of a worker share two pools of memory, as by MALLOC_ARENA_MAX=2; workers inherit it.

    By default glibc gives each thread a pool of its own, and a worker's memory grows until every one has seen the
    largest request: 8 % over 20 activations, with two pools 1 %. Fallback: without glibc nothing is changed.
    """
    m_arena_max = -8
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(m_arena_max, 2)


_share_arenas()


def _read_settings_or_exit() -> Settings:
    try:
        settings = load_settings()
        require_secret(settings)
    except SettingsError as fault:
        sys.stderr.write(f"{fault}\n")
        raise SystemExit(2) from None
    return settings


_settings = _read_settings_or_exit()

wsgi_app = "wsgi:app"
proc_name = "gluonserve"
bind = _settings.bind
worker_class = "config.front.worker.Worker"
workers = _settings.workers
threads = _settings.threads

# A parent that has loaded a model must not fork, so each worker loads its own.
preload_app = False

# A worker takes only what its threads can answer now; the rest waits in the listening socket that all workers share.
# Connections queued inside one worker die with it (kill -9 under load: 28 of 320 requests failed with 1000 of them, 9
# with one per thread) and wait there while another worker is idle.
worker_connections = _settings.threads

# Follows from the above: a kept-alive connection would hold its place between requests. Measured with 64 persistent
# clients on 2 x 4 threads and 20 ms of work: with 5 s of keep-alive some clients got no answer for 6 s, without it p99
# was 179 ms at the same throughput. A new connection costs 0.2 ms on one machine.
keepalive = 0

# Bounds a boot, but no request: the heartbeat goes on beside a hung one, and our worker looks for those itself.
timeout = _settings.boot_timeout_seconds
graceful_timeout = _settings.graceful_timeout_seconds

# A head of many kilobytes is searched anew with every piece of it that comes: with gunicorn's own limits one of 1 MB,
# sent by anybody, takes 89 ms of a worker, with these 4. A token of 4096 characters still fits into its header.
limit_request_field_size = 4400
limit_request_fields = 40

# No header of a request says under which address the application lies, nor who has signed in, whoever sends it.
forwarder_headers = ""

# The heartbeat file on a disk that stalls would look like a dead worker.
if os.access("/dev/shm", os.W_OK):  # noqa: S108 - a file of gunicorn's, created safely by it
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# The control socket listens in the home of whoever starts the server, and nothing here uses it.
control_socket_disable = True

logger_class = "config.logging.access.AccessLogger"
logconfig_dict = describe_gunicorn_logging(
    _settings.log_level,
    access_log=_settings.access_log == "on",
    format=_settings.log_format,
    secrets=list_secrets(_settings),
)
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms id=%({x-request-id}o)s'


def on_starting(server: Any) -> None:
    """gunicorn calls this once, in the master, before any worker."""
    server.desk = Desk()
    server.__class__ = Master
    server.drain_seconds = _settings.drain_seconds
    server.survival = Survival(threads=_settings.threads, log=server.log)
    server.silent_after_seconds = _settings.hung_after_seconds
    server.metrics_files = MetricsFiles(_settings.home)
    plan = plan_host(read_host(), read_footprint(_settings.model_path, prefer=_settings.execution))
    server.log.info("%s", describe_choice(plan, workers=_settings.workers, threads=_settings.threads))


def when_ready(server: Any) -> None:
    """gunicorn calls this once, in the master, when it listens."""
    if _settings.most_wait_ms:
        start_doorman(
            server,
            most_wait_seconds=_settings.most_wait_ms / 1000,
            timeout_seconds=_settings.request_timeout_ms / 1000,
        )
    if _settings.monitor == "beside":
        start_watcher(server)
    if _settings.model_store:
        start_depot_follower(server)


def pre_fork(server: Any, worker: Any) -> None:
    """gunicorn calls this in the master for each worker."""
    worker.desk, worker.attendance = server.desk, server.survival.attendance
    worker.metrics_slot = server.metrics_files.take_slot(worker.age)
    worker.metrics_path = server.metrics_files.path
    worker.place = worker.metrics_slot % PLACES
    server.survival.expect(worker.place)
    worker.most_requests = _choose_most_requests()
    inherit(LoadsUnderWay(server.survival.loads, worker.place))
    worker.under_way = BodiesUnderWay(server.survival.bodies, worker.place)
    worker.count = lambda: {**server.desk.count(), **server.survival.count()}


def _choose_most_requests() -> float:
    """For each worker another number, so that they are not all replaced at once."""
    most = _settings.max_requests
    return most + random.randint(0, most // 10) if most else math.inf  # noqa: S311 - spread, not secrecy


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn counts the arguments
    """gunicorn calls this in each worker as it begins."""
    end_with_parent(server.pid)


def child_exit(server: Any, worker: Any) -> None:
    """gunicorn calls this in the master when a worker has ended, in whatever way."""
    server.desk.go(worker.place)
    server.survival.note_end(worker.place)
    server.metrics_files.free_slot(worker.age)


def on_reload(server: Any) -> None:
    """gunicorn calls this in the master at SIGHUP, before it replaces the workers."""
    forget_program()
    server.survival.loads.acquit_all()
    server.survival.relief.forget()
    server.silent_after_seconds = _settings.hung_after_seconds
    server.drain_seconds = _settings.drain_seconds


def on_exit(server: Any) -> None:
    """gunicorn calls this in the master at its end."""
    server.metrics_files.remove()


def post_worker_init(worker: Any) -> None:
    """gunicorn calls this in a worker that has loaded the application."""
    services = getattr(worker.wsgi, "extensions", {}).get("gluonserve")
    if services is None:
        return
    services.metrics.share(worker.metrics_path, worker.metrics_slot, front=worker.count, master=worker.ppid)
    services.lethal_bodies.share(worker.under_way)
    services.turns.share(worker.turn)
    services.drain.share(lambda: worker.desk.is_draining)
    if _settings.hung_after_seconds:
        worker.hung_after_seconds = _settings.hung_after_seconds
        worker.watchdog = Watchdog(services.prediction.under_way.started, limit_seconds=_settings.hung_after_seconds)
