"""A registry that wants tokens, as GitHub's does: one for what is to be done, from a server that asks for a login.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.mainline.github.comment.tls import certificate
from tests.servers import REGISTRY_LOGIN, Oci, registry

SERVICE, ISSUER = "tests", "tests"


@dataclass
class Tokens:
    """Gives out tokens; `given` are the scopes that were asked for, with whether a login came with it."""

    folder: Path
    given: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bundle, private = certificate(self.folder)
        self.key = serialization.load_pem_private_key(private.read_bytes(), None)

    def token(self, scope: str, known: bool) -> str | None:
        """As GitHub's: nothing but reading for whoever is not known, and here not even that."""
        self.given.append((scope, known))
        if not known:
            return None
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": REGISTRY_LOGIN[0], "aud": SERVICE, "iat": now, "nbf": now - 5}
        return self.signed({**claims, "exp": now + 300, "jti": secrets.token_hex(8), "access": access})

    def signed(self, claims: dict[str, Any]) -> str:
        """A JSON web token (RFC 7515) by ES256."""
        chain = x509.load_pem_x509_certificate(self.bundle.read_bytes()).public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(chain).decode()]}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class _Page(BaseHTTPRequestHandler):
    tokens: Tokens

    def do_GET(self) -> None:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        login = base64.b64encode(":".join(REGISTRY_LOGIN).encode()).decode()
        made = self.tokens.token(query.get("scope", ""), self.headers.get("Authorization") == f"Basic {login}")
        body = json.dumps({"token": made} if made else {"errors": [{"code": "DENIED"}]}).encode()
        self.send_response(200 if made else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def token_registry(folder: Path) -> Iterator[tuple[Oci, Tokens]]:
    tokens = Tokens(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Page", (_Page,), {"tokens": tokens})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            settings = f"{{realm: 'http://127.0.0.1:{server.server_port}/token', service: {SERVICE}, issuer: {ISSUER}, "
            settings += f"rootcertbundle: {tokens.bundle}}}"
            with registry(folder, f"auth: {{token: {settings}}}\n") as found:
                yield found, tokens
        finally:
            server.shutdown()
            thread.join()
