"""An S3 look-alike that serves any keys, also those that real servers refuse to take."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 100


class ObjectServer(ThreadingHTTPServer):
    """One bucket, read-only: ListObjectsV2 with encoded names, HEAD and GET.

    `on_get` is called with the key of each GET before its answer, `on_half` when half of the body
    was sent.
    """

    daemon_threads = True

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = dict(objects)
        self.on_get: Callable[[str], None] = lambda _: None
        self.on_half: Callable[[str], None] = lambda _: None

    @property
    def env(self) -> dict[str, str]:
        """What the command needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def page(self, query: dict[str, list[str]]) -> bytes:
        """A page of the listing; a token is the last key of the page before, encoded."""
        prefix = query.get("prefix", [""])[0]
        after = unquote(query.get("continuation-token", [""])[0])
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        shown = keys[:PAGE]
        rows = "".join(
            f"<Contents><Key>{quote(key)}</Key><ETag>&quot;{etag(self.objects[key])}&quot;</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        )
        more = len(keys) > len(shown)
        token = f"<NextContinuationToken>{quote(shown[-1])}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>bucket</Name>'
            f"<Prefix>{escape(quote(prefix))}</Prefix><EncodingType>url</EncodingType>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


def etag(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ObjectServer

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", f'"{etag(body)}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.server.on_half(self.path)
            self.wfile.write(body[half:])

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        key = unquote(target.path.removeprefix("/bucket").removeprefix("/"))
        if not key:
            self.answer(200, self.server.page(parse_qs(target.query)))
        elif key in self.server.objects:
            if self.command == "GET":
                self.server.on_get(key)
            self.answer(200, self.server.objects[key])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET


@contextmanager
def object_server(objects: Mapping[str, bytes]) -> Iterator[ObjectServer]:
    server = ObjectServer(objects)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
