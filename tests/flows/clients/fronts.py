"""What may stand between a client and gluonserve: a server that is busy at first, and one that never answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import requests

_BUSY = {"error": "overloaded", "detail": "Too many wait.", "status": 503, "request_id": "busy-1"}
_PASSED_ON = ("Content-Type", "Accept", "X-API-Key")


@dataclass
class BusyFront:
    """Refuses the first requests with 503, then passes them on."""

    url: str
    refusals: int
    retry_after: int
    asked_at: list[float] = field(default_factory=list)


@contextmanager
def busy_front(behind: str, *, refusals: int, retry_after: int) -> Iterator[BusyFront]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            front.asked_at.append(time.monotonic())
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(front.asked_at) <= front.refusals:
                self._answer(503, "application/problem+json", orjson.dumps(_BUSY))
                return
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            answer = requests.post(behind + self.path, data=body, headers=headers, timeout=60)
            self._answer(answer.status_code, answer.headers["Content-Type"], answer.content)

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            if status == 503:
                self.send_header("Retry-After", str(front.retry_after))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    front = BusyFront(f"http://127.0.0.1:{server.server_address[1]}", refusals, retry_after)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_server() -> Iterator[str]:
    """An address where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
