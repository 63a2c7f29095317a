"""ClickHouse's engine of PyPI (chdb) behind the part of ClickHouse's HTTP interface that a source uses.

A process of its own: `python clickhouse_front.py FOLDER PORT [SQL …]` runs the statements, prints a line and serves. It
answers as the server does: the exception's text with its code, a login by headers, only reading on GET. A query with
`cut_off` in it ends the process in the middle of its answer.
"""

from __future__ import annotations

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

LOGIN = ("tester", "se/cret")  # pragma: allowlist secret
DENIED = "Code: 516. DB::Exception: {}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query))
        login = (self.headers["X-ClickHouse-User"], self.headers["X-ClickHouse-Key"])
        if login != LOGIN:
            self.answer(403, DENIED.format(login[0]).encode())
            return
        known = {"database", "default_format", "wait_end_of_query", "session_timezone", "query"}
        assert asked.keys() <= known | {"param_until"}, asked
        assert asked["wait_end_of_query"] == "1"
        bound = {name.removeprefix("param_"): value for name, value in asked.items() if name.startswith("param_")}
        engine.query(f"USE {asked['database']}")
        try:
            body = engine.query(asked["query"], asked["default_format"], params=bound).bytes()
        except RuntimeError as error:
            self.answer(404 if "UNKNOWN_" in str(error) else 500, str(error).encode())
            return
        self.answer(200, body, cut="cut_off" in asked["query"])

    def answer(self, status: int, body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            os._exit(1)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    from chdb.session import Session

    folder, port, *statements = sys.argv[1:]
    engine = Session(folder)
    for statement in statements:
        engine.query(statement)
    engine.query("SET session_timezone = 'UTC'")
    engine.query("SET readonly = 2")  # as a GET has it
    version = re.sub(r"\s", "", str(engine.query("SELECT version()", "TSV")))
    with HTTPServer(("127.0.0.1", int(port)), Handler) as server:
        print(version, flush=True)
        server.serve_forever()
