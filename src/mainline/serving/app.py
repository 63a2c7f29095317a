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

from mainline.serving import error_messages, scorer, spelling
from mainline.serving import metrics as measures
from mainline.serving.body_timeout import Patience
from mainline.serving.csv_input import CsvReader
from mainline.serving.errors import Rejection, invalid
from mainline.serving.feedback import FeedbackLog
from mainline.serving.json_input import Assembler, JsonReader, Rows
from mainline.serving.micro_batching import MicroBatcher
from mainline.serving.prediction_log import PredictionLog
from mainline.serving.replay_time import HEADER, moment
from mainline.serving.request_ids import RequestIds, mark
from mainline.serving.settings import Configuration
from mainline.serving.signature import Signature

JSON = "application/json"
DEFECT = b'{"error_code":"INTERNAL_ERROR","message":"the server failed: its own log says why"}'
SMALL = 16 * 1024  # bytes of a body that is answered in the loop itself: some 30 rows, a tenth of a millisecond
BODIES = 2  # of the largest size that may be in memory at once: decoded, one takes up to eight times its bytes
CHECK = "x-mainline-check"  # of a request from the same host that is a check, and not logged as traffic
HERE = ("127.0.0.1:", "[::1]:", "::1:")
POSTS = frozenset({"/invocations", "/feedback"})
PROBES = frozenset({"/ping", "/health", "/ready"})

Reader = Callable[[bytes], Rows]
# The response body, the answers as lists, the line of the log, and the columns without a known value.
Answered = tuple[bytes, list[Any], bytes | None, list[str]]


class App:
    """Answers for one exported model; `draining` is set before the server stops."""

    def __init__(self, signature: Signature, folder: Path, configuration: Configuration) -> None:
        self.signature = signature
        self.folder = folder
        self.configuration = configuration
        self.version = configuration.version or signature.version
        self.scorer = scorer.load(signature, folder)
        self.assemble = Assembler(signature)
        self.unknown = spelling.unknown_columns(signature.columns)
        self.micro_batcher = MicroBatcher(self.score)
        self.readers: dict[str, Reader] = {
            JSON: JsonReader(signature, configuration.max_rows),
            "text/csv": CsvReader(signature, configuration.max_rows),
        }
        self.metrics = measures.Metrics(signature, self.version)
        self.log: PredictionLog | None = None
        self.feedback: FeedbackLog | None = None
        if configuration.log:
            given = (configuration.log, configuration, signature, self.version)
            self.log = self.metrics.log = PredictionLog(*given)
            self.feedback = self.metrics.feedback = FeedbackLog(*given)
        self.pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="batch")
        self.encode = msgspec.json.Encoder().encode
        self.patience = Patience(configuration.body_seconds)
        self.draining = False
        self.waiting = 0
        self.held = 0  # bytes of all bodies that are not small
        self.ids = RequestIds()
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
            if scope.path in POSTS and scope.method == "POST":
                given = scope.headers.get("x-request-id")
                request = given if given and self.ids.usable(given) else self.ids.new()
                self._authorise(scope.headers)
                if scope.path == "/feedback":
                    body = await self._feedback(scope.headers, proto)
                else:
                    checks = scope.headers.get(CHECK) is not None and scope.client.startswith(HERE)
                    request, body = await self._invocations(scope.headers, proto, request, request is given, checks)
                status, kind = 200, JSON
            else:
                status, kind, body = self._page(scope)
        except Rejection as refused:
            rejection = error_messages.of_label(refused, self.signature.label)
            self.metrics.rejected[rejection.reason] += 1
            status, kind, body = rejection.status, JSON, self.encode(rejection.body())
        except Exception:
            # A defect of the server: its details are for the server's log, not for the client.
            traceback.print_exc()
            status, kind, body = 500, JSON, DEFECT
        self.metrics.requests[scope.path if scope.path in self.pages or request else "other", status] += 1
        headers = [("content-type", kind)]
        if request:
            headers.append(("x-request-id", request))
        if status == 401:
            headers.append(("www-authenticate", "Bearer"))
        elif status == 405:
            headers.append(("allow", "POST" if scope.path in POSTS else "GET, HEAD"))
        elif status == 503:
            headers.append(("retry-after", "1"))
        if self.draining:
            # Clients with open connections then close them.
            headers.append(("connection", "close"))
        proto.response_bytes(status, headers, body)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        for log in (self.log, self.feedback):
            if log:
                log.start()

    def close(self) -> None:
        """Call after the last answer: writes what is still in the queue of the logs."""
        self.pool.shutdown()
        for log in (self.log, self.feedback):
            if log:
                log.stop()

    async def _invocations(
        self, headers: Any, proto: Any, request: str, given: bool, checks: bool
    ) -> tuple[str, bytes]:
        """The id of the request from now on, and the answer. A request that `checks` the server is not traffic."""
        reader, when = self._reader(headers), self._moment(headers)
        # In a replay, a request without a time is not part of it, such as the checks of a deployment.
        keep = self.log and not checks and not (self.configuration.replay and when is None)
        if self.waiting >= self.configuration.max_waiting:
            raise Rejection(503, "overload", f"{self.waiting} requests are being answered: try again")
        size = self._announced(headers, reader)
        held = self._hold(size)
        self.waiting += 1
        logged: str | None = None
        try:
            body = await self._body(proto, size)
            if size is None:
                held = self._hold(len(body))
            started = time.perf_counter()
            if keep:
                logged = self.ids.once(request, mark(body)) if given else request
            answer, listed, line, unknown = await self._answer(reader, body, logged, when)
        except BaseException:
            if given and logged == request:
                self.ids.forget(request)
            raise
        finally:
            self.waiting -= 1
            self.held -= held
        if self.log and keep:
            if line:
                self.log.put(line)
            else:
                self.log.repeated += 1
        self.metrics.scored(listed)
        for name in unknown:
            self.metrics.unknown[name] += 1
        self.metrics.latency.observe(time.perf_counter() - started)
        return logged or request, answer

    async def _answer(self, reader: Reader, body: bytes, logged: str | None, when: float | None) -> Answered:
        """`logged` is the id to log the request by; None logs nothing."""
        if len(body) <= SMALL:
            rows = reader(body)
            listed = await self.micro_batcher(rows)
            line = self.log.line(logged, rows, listed, when) if self.log and logged else None
            unknown = self.unknown(rows)
            return self._body_of(listed, unknown), listed, line, unknown
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._batch, reader, body, logged, when)

    def _batch(self, reader: Reader, body: bytes, logged: str | None, when: float | None) -> Answered:
        rows = reader(body)
        matrices = self.assemble(rows)
        answers = self._answers(*matrices)
        listed = answers.tolist()
        line = self.log.batch(logged, rows, matrices[1], answers, when) if self.log and logged else None
        unknown = self.unknown(rows)
        return self._body_of(listed, unknown), listed, line, unknown

    def _body_of(self, listed: list[Any], unknown: list[str]) -> bytes:
        if not unknown:
            return self.encode({"predictions": listed})
        warnings = [spelling.warning(name, len(listed)) for name in unknown]
        return self.encode({"predictions": listed, "metadata": {"warnings": warnings}})

    async def _feedback(self, headers: Any, proto: Any) -> bytes:
        if self.feedback is None:
            raise Rejection(404, "path", "labels are not accepted here: no log is written (MAINLINE_LOG is not set)")
        reader = self._reader(headers)
        if reader is not self.readers[JSON]:
            raise Rejection(415, "content_type", "labels must be sent as application/json")
        size = self._announced(headers, reader)
        held = self._hold(size)
        try:
            body = await self._body(proto, size)
        finally:
            self.held -= held
        return self.encode({"received": self.feedback.take(body, self.ids, self._moment(headers))})

    def _moment(self, headers: Any) -> float | None:
        """The time that this request states, in a replay; None is now."""
        return moment(headers.get(HEADER)) if self.configuration.replay else None

    def score(self, rows: Rows) -> list[Any]:
        """The model's answer for each row."""
        answers: list[Any] = self._answers(*self.assemble(rows)).tolist()
        return answers

    def _answers(self, categorical: Any, numeric: Any) -> Any:
        """The scorer's; JSON has no NaN, and no answer is one."""
        answers = self.scorer(categorical, numeric)
        row = scorer.unanswered(answers)
        if row is not None:
            raise invalid(f"the model has no answer for row {row} (from 0): {scorer.TOO_LARGE}", row=row)
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

    def _announced(self, headers: Any, reader: Reader) -> int | None:
        """The announced length of the body, checked; None for a chunked body."""
        encoding = headers.get("content-encoding")
        if encoding and encoding.lower() != "identity":
            raise Rejection(
                415,
                "content_encoding",
                f"the content-encoding {encoding[:40]} is not supported: send the body uncompressed",
            )
        length = headers.get("content-length")
        if length is not None and length.isascii() and length.isdigit():
            size = int(length)
            if size > self.configuration.max_body:
                raise self._too_long()
            return size
        if reader is not self.readers[JSON]:
            # Granian treats a broken stream of chunks as complete. Truncated JSON is invalid; truncated CSV is not.
            raise Rejection(
                411, "length", "CSV needs a content-length: without it, a truncated body cannot be detected"
            )
        return None

    def _hold(self, size: int | None) -> int:
        """Reserve memory for a body that is not small; returns the bytes to release when it is answered."""
        if size is None or size <= SMALL:
            return 0
        if self.held + size > BODIES * self.configuration.max_body:
            raise Rejection(503, "overload", f"bodies of {self.held:,} bytes are being answered: try again")
        self.held += size
        return size

    async def _body(self, proto: Any, size: int | None) -> bytes:
        """The complete body, if it arrives in time and is not too long."""
        try:
            return await self.patience.wait(proto() if size is not None else self._chunks(proto))
        except TimeoutError:
            message = f"the body did not arrive within {self.configuration.body_seconds:g} seconds"
            raise Rejection(408, "slow", message) from None
        except (ProtocolClosed, ProtocolError):
            raise invalid("the body ended before it was complete", reason="disconnect") from None

    async def _chunks(self, proto: Any) -> bytes:
        """A body whose length was not announced."""
        parts, size, held = [], 0, 0
        try:
            async for part in proto:
                size += len(part)
                if size > self.configuration.max_body:
                    raise self._too_long()
                parts.append(part)
                if size > SMALL:
                    held += self._hold(size - held)
            return b"".join(parts)
        finally:
            self.held -= held

    def _too_long(self) -> Rejection:
        message = f"the body is longer than {self.configuration.max_body:,} bytes: send the rows in several requests"
        return Rejection(413, "body", message)

    def _authorise(self, headers: Any) -> None:
        key = self.configuration.api_key
        if key is None:
            return
        given = headers.get("x-api-key") or (headers.get("authorization") or "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), key):
            raise Rejection(401, "unauthenticated", "the API key is missing or wrong: send it as x-api-key")

    def _page(self, scope: Any) -> tuple[int, str, bytes]:
        page = self.pages.get(scope.path)
        if page is None and scope.path not in POSTS:
            raise Rejection(
                404, "path", f"no such path; the paths are /invocations, /feedback, {', '.join(self.pages)}"
            )
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
        content = {
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
        return 200, JSON, self.encode(content)

    def _metrics(self) -> tuple[int, str, bytes]:
        return 200, "text/plain; version=0.0.4; charset=utf-8", self.metrics.page()

    def _openapi(self) -> tuple[int, str, bytes]:
        from mainline.serving import openapi

        return 200, JSON, self.encode(openapi.describe(self.signature, self.version, self.configuration))

    def _docs(self) -> tuple[int, str, bytes]:
        from mainline.serving import docs_page

        return (
            200,
            "text/html; charset=utf-8",
            docs_page.page(self.signature, self.version, self.configuration).encode(),
        )

    def _card(self) -> tuple[int, str, bytes]:
        try:
            return 200, "text/markdown; charset=utf-8", (self.folder / "model-card.md").read_bytes()
        except FileNotFoundError:
            raise Rejection(404, "path", "this export has no model card") from None
