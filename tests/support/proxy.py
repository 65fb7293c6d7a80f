"""A loopback proxy in front of an S3 server: counts requests, acts on them, cuts connections.

The client signs for the proxy's address, and the server believes the Host header it gets: nothing
is rewritten. Plain HTTP/1.1 with Content-Length or chunked replies.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

BLOCK = 256 * 1024
LARGEST_HEAD = 256 * 1024
SECONDS = 60


class CutError(Exception):
    """The connection is to end here."""


@dataclass
class Request:
    """A request as its head tells it; `number` counts from 0 over the proxy's life."""

    number: int
    method: str
    target: str
    headers: dict[str, str]

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", 0))

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def kind(self) -> str:
        """What it does, as far as multipart uploads and ranges go; else the method."""
        query = self.query
        if "uploadId" in query:
            return {"PUT": "part", "POST": "finish", "DELETE": "abort"}.get(self.method, "parts")
        if "uploads" in query:
            return "begin" if self.method == "POST" else "uploads"
        if self.method == "GET" and "range" in self.headers:
            return "range"
        return self.method


@dataclass
class Plan:
    """What becomes of one request.

    `on_byte` is called with the number of bytes of the request's body before each block of it is
    passed on, `before` once before its head is.
    """

    before: Callable[[], None] | None = None
    on_byte: Callable[[int], None] | None = None
    cut_body_at: int | None = None  # so many bytes of the body go through
    cut_reply_at: int | None = None  # so many bytes of the reply, head and body, go through
    answer: bytes | None = None  # in place of the server's


Rule = Callable[[Request], "Plan | None"]


class _Stream:
    """A socket read by lines and blocks."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def more(self) -> bool:
        got = self.sock.recv(BLOCK)
        self.buffer += got
        return bool(got)

    def head(self) -> bytes:
        """Up to and with the empty line; empty at the end of the stream."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > LARGEST_HEAD or not self.more():
                return b""
        head, self.buffer = self.buffer[: end + 4], self.buffer[end + 4 :]
        return head

    def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if not self.more():
                raise CutError
        line, self.buffer = self.buffer[: end + 2], self.buffer[end + 2 :]
        return line

    def blocks(self, length: int) -> Iterator[bytes]:
        while length > 0:
            if not self.buffer and not self.more():
                raise CutError
            block, self.buffer = self.buffer[:length], self.buffer[length:]
            length -= len(block)
            yield block


def _fields(head: bytes) -> tuple[str, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in rest if ":" in line)
    return first, {name.lower(): value.strip() for name, value in pairs}


class Proxy:
    """Listens on a free port of 127.0.0.1; `rule` decides on each request, by default nothing."""

    def __init__(self, upstream: str, rule: Rule | None = None) -> None:
        where = urlsplit(upstream)
        assert where.hostname is not None
        assert where.port is not None
        self.upstream = (where.hostname, where.port)
        self.rule = rule
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def kinds(self) -> list[str]:
        with self.lock:
            return [request.kind for request in self.requests]

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection of the client, with one to the server."""
        with client, contextlib.suppress(OSError, CutError):
            client.settimeout(SECONDS)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with socket.create_connection(self.upstream, SECONDS) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ask, reply = _Stream(client), _Stream(server)
                while head := ask.head():
                    self._exchange(head, ask, reply)

    def _exchange(self, head: bytes, ask: _Stream, reply: _Stream) -> None:
        first, fields = _fields(head)
        method, target, _ = first.split(" ")
        with self.lock:
            request = Request(len(self.requests), method, target, fields)
            self.requests.append(request)
        plan = (self.rule(request) if self.rule else None) or Plan()
        if plan.before is not None:
            plan.before()
        if plan.answer is not None:
            for _ in ask.blocks(request.length):
                pass
            ask.sock.sendall(plan.answer)
            return
        reply.sock.sendall(head)
        self._send_body(request, plan, ask, reply)
        self._return_reply(request, plan, ask, reply)

    @staticmethod
    def _send_body(request: Request, plan: Plan, ask: _Stream, reply: _Stream) -> None:
        sent, left = 0, plan.cut_body_at
        for block in ask.blocks(request.length):
            if plan.on_byte is not None:
                plan.on_byte(sent)
            if left is not None:
                block = block[: left - sent]
            reply.sock.sendall(block)
            sent += len(block)
            if left is not None and sent >= left:
                raise CutError
        if left is not None:
            raise CutError

    def _return_reply(self, request: Request, plan: Plan, ask: _Stream, reply: _Stream) -> None:
        left = plan.cut_reply_at
        for block in self._reply_blocks(request, reply):
            ask.sock.sendall(block if left is None else block[:left])
            if left is not None:
                left -= len(block)
                if left <= 0:
                    raise CutError
        if left is not None:
            raise CutError

    @staticmethod
    def _reply_blocks(request: Request, reply: _Stream) -> Iterator[bytes]:
        head = reply.head()
        if not head:
            raise CutError
        yield head
        first, fields = _fields(head)
        status = int(first.split(" ")[1])
        if request.method == "HEAD" or status in (204, 304):
            return
        if "content-length" in fields:
            yield from reply.blocks(int(fields["content-length"]))
            return
        while True:
            line = reply.line()
            yield line
            size = int(line.split(b";")[0], 16)
            yield from reply.blocks(size + 2)
            if size == 0:
                return


@contextmanager
def proxied(upstream: str, rule: Rule | None = None) -> Iterator[Proxy]:
    """A running proxy."""
    proxy = Proxy(upstream, rule)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        with contextlib.suppress(OSError):
            proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        thread.join()
