from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mainline.packaging.staging import contract
from mainline.serving.openapi import describe
from mainline.serving.settings import Configuration
from tests.exports import make
from tests.servers import listening

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return json.dumps(describe(make(tmp_path_factory.mktemp("export")).signature, "1", Configuration())).encode()


@contextlib.contextmanager
def answering(page: bytes, status: int, body: bytes) -> Iterator[str]:
    """A server that describes a model well, and answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, page)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            self.answer(status, body)

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: object) -> None:
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"http://{address}"


def test_a_breach_shows_the_request_that_was_answered_wrongly(page: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "PAGES", ())
    with answering(page, 200, b'{"predictions":[[0.5,0.5]]}') as url:
        (found,) = contract.breaches(url, 3)
    said, _, request = found.partition("accepted: ")
    assert said == "AcceptedNegativeData: Schema-violating request "
    assert request


@pytest.mark.parametrize("status", [400, 413, 415])
def test_every_refusal_that_is_described_refuses(page: bytes, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(contract, "PAGES", ())
    with answering(page, status, b'{"error_code":"NO","message":"no"}') as url:
        assert contract.breaches(url, 3) == []
