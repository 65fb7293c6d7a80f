"""A server that answers every request the same way and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    """One request: its line's target and its headers, names in lower case."""

    method: str
    target: str
    headers: dict[str, str]


class Recorder(ThreadingHTTPServer):
    """Also a proxy: a CONNECT is refused, another request answered as if by its target."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Asked] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Nothing to the terminal."""

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        target = self.requestline.split(" ")[1]  # self.path has lost a second leading slash
        self.server.asked.append(Asked(self.command, target, headers))
        self.send_response(403 if self.command == "CONNECT" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_DELETE = do_CONNECT = answer


@contextmanager
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
