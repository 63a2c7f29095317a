"""The application: one RSGI function, a dictionary of paths, and the model.

RSGI is Granian's own interface; https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
describes it. Measured with the same model on one worker and 16 connections, a bare function with
msgspec answers three times as many requests as the same behind a framework.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]

from mainline.serving import metrics as measures
from mainline.serving import scorer
from mainline.serving.configuration import Configuration
from mainline.serving.csvinput import CsvReader
from mainline.serving.inputs import Assembler, JsonReader, Rows
from mainline.serving.patience import Patience
from mainline.serving.predictionlog import PredictionLog
from mainline.serving.rejection import Rejection, invalid
from mainline.serving.signature import Signature
from mainline.serving.together import Together

JSON = "application/json"
DEFECT = b'{"error_code":"INTERNAL_ERROR","message":"the server failed: its own log says why"}'
SMALL = 16 * 1024  # bytes of a body that is answered in the loop itself: some 30 rows, a tenth of a millisecond
NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
PROBES = frozenset({"/ping", "/health", "/ready"})

Reader = Callable[[bytes], Rows]
Answered = tuple[bytes, list[Any], bytes | None]  # as it is sent, as lists, and as it is logged


class App:
    """Answers for one exported model; `draining` is set by whoever is about to stop the server."""

    def __init__(self, signature: Signature, folder: Path, configuration: Configuration) -> None:
        self.signature = signature
        self.folder = folder
        self.configuration = configuration
        self.version = configuration.version or signature.version
        self.scorer = scorer.load(signature, folder)
        self.assemble = Assembler(signature)
        self.together = Together(self.score)
        self.readers: dict[str, Reader] = {
            JSON: JsonReader(signature, configuration.max_rows),
            "text/csv": CsvReader(signature, configuration.max_rows),
        }
        self.metrics = measures.Metrics(signature, self.version)
        self.log: PredictionLog | None = None
        if configuration.log:
            self.log = self.metrics.log = PredictionLog(configuration.log, configuration, signature, self.version)
        self.pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="batch")
        self.encode = msgspec.json.Encoder().encode
        self.patience = Patience(configuration.body_seconds)
        self.draining = False
        self.waiting = 0
        self.prefix = os.urandom(8).hex()
        self.number = 0
        self.pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/ping": self._alive,
            "/health": self._alive,
            "/ready": self._ready,
            "/version": self._version,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
            "/model-card": self._card,
        }

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        request = ""
        try:
            if scope.path == "/invocations" and scope.method == "POST":
                request = self._request_id(scope.headers)
                self._authorise(scope.headers)
                status, kind, body = 200, JSON, await self._invocations(scope.headers, proto, request)
            else:
                status, kind, body = self._page(scope)
        except Rejection as rejection:
            self.metrics.rejected[rejection.reason] += 1
            status, kind, body = rejection.status, JSON, self.encode(rejection.body())
        except Exception:
            # Whatever it is, it is ours: the client is told no more than that.
            traceback.print_exc()
            status, kind, body = 500, JSON, DEFECT
        self.metrics.requests[scope.path if scope.path in self.pages or request else "other", status] += 1
        headers = [("content-type", kind)]
        if request:
            headers.append(("x-request-id", request))
        if status == 401:
            headers.append(("www-authenticate", "Bearer"))
        elif status == 405:
            headers.append(("allow", "POST" if scope.path == "/invocations" else "GET, HEAD"))
        elif status == 503:
            headers.append(("retry-after", "1"))
        if self.draining:
            # Clients that keep connections open leave by themselves.
            headers.append(("connection", "close"))
        proto.response_bytes(status, headers, body)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.log:
            self.log.start()

    def close(self) -> None:
        """After the last answer: what is still to be logged is written."""
        self.pool.shutdown()
        if self.log:
            self.log.stop()

    async def _invocations(self, headers: Any, proto: Any, request: str) -> bytes:
        reader = self._reader(headers)
        if self.waiting >= self.configuration.max_waiting:
            raise Rejection(503, "overload", f"{self.waiting} requests are being answered: try again")
        self.waiting += 1
        try:
            body = await self._body(headers, proto, reader)
            started = time.perf_counter()
            answer, listed, line = await self._answer(reader, body, request)
        finally:
            self.waiting -= 1
        if self.log and line:
            self.log.put(line)
        self.metrics.scored(listed)
        self.metrics.latency.observe(time.perf_counter() - started)
        return answer

    async def _answer(self, reader: Reader, body: bytes, request: str) -> Answered:
        if len(body) <= SMALL:
            rows = reader(body)
            return self._told(rows, await self.together(rows), request)
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._batch, reader, body, request)

    def _batch(self, reader: Reader, body: bytes, request: str) -> Answered:
        rows = reader(body)
        return self._told(rows, self.score(rows), request)

    def _told(self, rows: Rows, listed: list[Any], request: str) -> Answered:
        line = self.log.line(request, rows, listed) if self.log else None
        return self.encode({"predictions": listed}), listed, line

    def score(self, rows: Rows) -> list[Any]:
        """What the model says of each row."""
        answers: list[Any] = self.scorer(*self.assemble(rows)).tolist()
        return answers

    def _reader(self, headers: Any) -> Reader:
        given = headers.get("content-type") or ""
        if given == JSON:
            return self.readers[JSON]
        kind, _, parameters = given.partition(";")
        charset = parameters.strip().lower().removeprefix("charset=").strip('"')
        reader = self.readers.get(kind.strip().lower())
        if reader is None or charset not in ("", "utf-8", "utf8"):
            found = f"{given[:100]} was sent" if given else "no content-type was sent"
            raise Rejection(415, "content_type", f"{found}: application/json or text/csv is needed, in UTF-8")
        return reader

    async def _body(self, headers: Any, proto: Any, reader: Reader) -> bytes:
        """The whole body, if it comes in time and is not too long."""
        encoding = headers.get("content-encoding")
        if encoding and encoding.lower() != "identity":
            raise Rejection(415, "content_encoding", f"a body encoded as {encoding[:40]} is not taken: send it plain")
        length = headers.get("content-length")
        whole = length is not None and length.isascii() and length.isdigit()
        if whole and int(length) > self.configuration.max_body:
            raise self._too_long()
        if not whole and reader is not self.readers[JSON]:
            # Granian ends a broken stream of chunks as a whole one. JSON that is cut off is none; CSV is.
            raise Rejection(411, "length", "CSV without a content-length cannot be told from CSV that was cut off")
        try:
            return await self.patience.wait(proto() if whole else self._chunks(proto))
        except TimeoutError:
            message = f"the body did not come within {self.configuration.body_seconds:g} seconds"
            raise Rejection(408, "slow", message) from None
        except (ProtocolClosed, ProtocolError):
            raise invalid("the body ended before it was whole", reason="disconnect") from None

    async def _chunks(self, proto: Any) -> bytes:
        """A body whose length was not said."""
        parts, size = [], 0
        async for part in proto:
            size += len(part)
            if size > self.configuration.max_body:
                raise self._too_long()
            parts.append(part)
        return b"".join(parts)

    def _too_long(self) -> Rejection:
        message = f"the body is longer than {self.configuration.max_body:,} bytes: send the rows in parts"
        return Rejection(413, "body", message)

    def _request_id(self, headers: Any) -> str:
        """The client's own, where it is one that can be logged and sent back; else a new one."""
        given: str | None = headers.get("x-request-id")
        if given and len(given) <= 128 and NAME.issuperset(given):
            return given
        self.number += 1
        return f"{self.prefix}-{self.number:x}"

    def _authorise(self, headers: Any) -> None:
        key = self.configuration.api_key
        if key is None:
            return
        given = headers.get("x-api-key") or (headers.get("authorization") or "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), key):
            raise Rejection(401, "unauthenticated", "the API key is missing or wrong: send it as x-api-key")

    def _page(self, scope: Any) -> tuple[int, str, bytes]:
        page = self.pages.get(scope.path)
        if page is None and scope.path != "/invocations":
            raise Rejection(404, "path", f"nothing is here; there are /invocations, {', '.join(self.pages)}")
        if page is None or scope.method not in ("GET", "HEAD"):
            allowed = "POST" if page is None else "GET"
            raise Rejection(405, "method", f"{scope.path} takes {allowed}")
        if scope.path not in PROBES:
            self._authorise(scope.headers)
        status, kind, body = page()
        return status, kind, b"" if scope.method == "HEAD" else body

    def _alive(self) -> tuple[int, str, bytes]:
        return 200, JSON, b'{"status":"ok"}'

    def _ready(self) -> tuple[int, str, bytes]:
        if self.draining:
            raise Rejection(503, "draining", "the server is about to stop")
        return 200, JSON, b'{"status":"ready"}'

    def _version(self) -> tuple[int, str, bytes]:
        s = self.signature
        told = {
            "name": s.name,
            "version": self.version,
            "model_digest": s.digest,
            "pipeline_digest": s.pipeline_digest,
            "data_digest": s.data_digest,
            "fingerprint": s.fingerprint,
            "commit": s.commit,
            "trained": s.trained,
            "engine": s.engine,
            "task": s.task,
            "classes": s.classes,
            "threshold": s.threshold,
        }
        return 200, JSON, self.encode(told)

    def _metrics(self) -> tuple[int, str, bytes]:
        return 200, "text/plain; version=0.0.4; charset=utf-8", self.metrics.page()

    def _openapi(self) -> tuple[int, str, bytes]:
        from mainline.serving import openapi

        return 200, JSON, self.encode(openapi.describe(self.signature, self.version, self.configuration))

    def _docs(self) -> tuple[int, str, bytes]:
        from mainline.serving import docs

        return 200, "text/html; charset=utf-8", docs.page(self.signature, self.version, self.configuration).encode()

    def _card(self) -> tuple[int, str, bytes]:
        try:
            return 200, "text/markdown; charset=utf-8", (self.folder / "model-card.md").read_bytes()
        except FileNotFoundError:
            raise Rejection(404, "path", "this export has no model card") from None
