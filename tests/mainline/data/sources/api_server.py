"""An API on the loopback that pages in four ways, filters by time, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

TOKEN = "a-very/secret token"  # pragma: allowlist secret
PAGE = 10


class Api(ThreadingHTTPServer):
    """Serves `rows` by their `at`; `mishaps` by the number of the request (from 1) take the place of an answer."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.rows: list[dict[str, Any]] = hourly(35)
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str | None] = []
        self.keys: list[str | None] = []
        self.mishaps: dict[int, Callable[[_Handler], None]] = {}
        self.before: dict[int, Callable[[], None]] = {}  # what happens to the rows before a request is answered
        self.end_is_404 = False
        self.headers: dict[str, str] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that was killed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self.server.asked.append({"path": parts.path, **query})
        self.server.tokens.append(self.headers.get("Authorization"))
        self.server.keys.append(self.headers.get("X-Key"))
        number = len(self.server.asked)
        if number in self.server.before:
            self.server.before[number]()
        if number in self.server.mishaps:
            self.server.mishaps[number](self)
            return
        rows = [row for row in self.server.rows if query.get("from", "") <= row["at"] < query.get("to", "9")]
        getattr(self, parts.path.strip("/"))(rows, query, int(query.get("limit", PAGE)))

    def whole(self, rows: list[Any], query: dict[str, str], limit: int) -> None:
        self.answer(rows)

    def numbered(self, rows: list[Any], query: dict[str, str], limit: int) -> None:
        start = (int(query["page"]) - 1) * limit
        if self.server.end_is_404 and start >= len(rows):
            self.answer({"error": "no such page"}, 404)
        else:
            self.answer({"items": rows[start : start + limit], "meta": {"total": len(rows)}})

    def offset(self, rows: list[Any], query: dict[str, str], limit: int) -> None:
        start = int(query["offset"])
        self.answer({"data": {"items": rows[start : start + limit]}})

    def cursor(self, rows: list[Any], query: dict[str, str], limit: int) -> None:
        start = int(query.get("after", "0"))
        more = str(start + limit) if start + limit < len(rows) else None
        self.answer({"items": rows[start : start + limit], "next": more})

    def linked(self, rows: list[Any], query: dict[str, str], limit: int) -> None:
        start = int(query.get("start", "0"))
        following = urlencode({**query, "start": start + limit})
        link = {"Link": f'</linked?{following}>; rel="next"'} if start + limit < len(rows) else {}
        self.answer(rows[start : start + limit], headers=link)

    def answer(self, content: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**self.server.headers, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def status(number: int, body: bytes = b"", **headers: str) -> Callable[[_Handler], None]:
    """Answer with a status; a header's name is written with underscores."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(body, number, given)


def cut_off(handler: _Handler) -> None:
    """Send half of what was promised, and close."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    handler.close_connection = True


def hourly(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"at": f"2013-01-{1 + i // 24:02d}T{i % 24:02d}:00:00Z", "n": i, "rate": i / 8, "note": f"é{i}"}
        for i in range(start, start + count)
    ]


@contextmanager
def serving(server: Api) -> Iterator[Api]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
