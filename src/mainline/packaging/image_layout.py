"""An image as a folder, in OCI's image layout: built where no registry may be written, pushed unchanged by another job.

A registry on the loopback takes what the engine pushes, so that every manifest, and with it the digest, is final before
anything leaves this machine. Large layers are kept from one image to the next: of one that the registry has, the engine
knows the digest, and need not compress it again, which takes most of a push's time. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import replacing, replacing_folder

NAME = "org.opencontainers.image.ref.name"  # the tag of an entry of `index.json`
DIGEST = r"sha256:[0-9a-f]{64}"
BLOB = re.compile(rf"/v2/.+/blobs/({DIGEST})")
MANIFEST = re.compile(r"/v2/.+/manifests/([\w.:-]+)")
UPLOAD = re.compile(r"(/v2/.+/blobs/uploads/)([0-9a-f]*)(?:\?digest=(.+))?")
CHUNK = 1 << 20
LARGE = 1 << 20  # bytes: below, a layer is compressed as quickly as it is looked up
MOST = 1 << 30  # bytes of the layers that are kept


class Store:
    """Blobs by digest below `folder`, and tags in memory. A manifest is a blob with a media type."""

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        self.blobs, self.parts = folder / "blobs" / "sha256", folder / "parts"
        self.kept = kept
        self.blobs.mkdir(parents=True)
        self.parts.mkdir()
        self.kinds: dict[str, str] = {}
        self.tags: dict[str, str] = {}

    def blob(self, digest: str) -> Path:
        return self.blobs / digest.removeprefix("sha256:")

    def keep(self, part: Path, digest: str) -> bool:
        """Keep an upload under its digest; False where it has another one."""
        if digest_of(part) != digest:
            return False
        part.rename(self.blob(digest))
        return True

    def has(self, digest: str) -> bool:
        """Whether this blob is here, or was kept of an image before and is still what its digest says."""
        path = self.blob(digest)
        if path.is_file() or self.kept is None:
            return path.is_file()
        copy = self.parts / secrets.token_hex(8)
        with contextlib.suppress(OSError):
            shutil.copyfile(self.kept / path.name, copy)
            return self.keep(copy, digest)
        return False

    def keep_for_others(self, digests: Iterable[str]) -> None:
        """Keep the large ones of these blobs for later images, and of all that are kept the newest."""
        if self.kept is None:
            return
        # A full disk, a home that is not to be written: the image is as good, and the next one takes longer.
        with contextlib.suppress(OSError, ExternalError):
            self.kept.mkdir(parents=True, exist_ok=True)
            for path in map(self.blob, digests):
                if path.stat().st_size >= LARGE:
                    with replacing(self.kept / path.name) as unfinished:
                        shutil.copyfile(path, unfinished)
            room = MOST
            for path in sorted(self.kept.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
                room -= path.stat().st_size
                if room < 0:
                    path.unlink(missing_ok=True)

    def put_manifest(self, name: str, kind: str, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.blob(digest).write_bytes(body)
        self.kinds[digest] = kind
        if not name.startswith("sha256:"):
            self.tags[name] = digest
        return digest


class Handler(BaseHTTPRequestHandler):
    """What engines ask of a registry: https://github.com/opencontainers/distribution-spec/blob/main/spec.md"""

    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the engine reports what failed."""

    def do_GET(self) -> None:
        self.found(with_body=True)

    def do_HEAD(self) -> None:
        self.found(with_body=False)

    def found(self, with_body: bool) -> None:
        if self.path == "/v2/":
            return self.answer(200, body=b"{}" if with_body else b"")
        manifest, blob = MANIFEST.fullmatch(self.path), BLOB.fullmatch(self.path)
        digest = self.store.tags.get(manifest[1], manifest[1]) if manifest else blob[1] if blob else ""
        kind = self.store.kinds.get(digest, "" if manifest else "application/octet-stream")
        path = self.store.blob(digest)
        if not (re.fullmatch(DIGEST, digest) and kind and self.store.has(digest)):
            return self.answer(404, body=b'{"errors": []}' if with_body else b"")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if with_body:
            with path.open("rb") as file:
                shutil.copyfileobj(file, self.wfile, CHUNK)
        return None

    def do_POST(self) -> None:
        asked = UPLOAD.fullmatch(self.path.partition("?")[0])
        self.rest()
        if not asked:
            return self.answer(404)
        number = secrets.token_hex(8)
        (self.store.parts / number).touch()
        return self.answer(202, Location=f"{asked[1]}{number}", Range="0-0")

    def do_PATCH(self) -> None:
        part = self.part()
        if part is None:
            self.rest()
            return self.answer(404)
        with part.open("ab") as file:
            for chunk in self.sent():
                file.write(chunk)
        return self.answer(202, Location=self.path, Range=f"0-{max(part.stat().st_size - 1, 0)}")

    def do_PUT(self) -> None:
        manifest = MANIFEST.fullmatch(self.path)
        if manifest:
            body = b"".join(self.sent())
            digest = self.store.put_manifest(manifest[1], self.headers.get("Content-Type", ""), body)
            return self.answer(201, Location=self.path, Docker_Content_Digest=digest)
        part, asked = self.part(), UPLOAD.fullmatch(self.path)
        digest = (asked[3] if asked else None) or ""
        digest = digest.replace("%3A", ":").replace("%3a", ":")
        if part is None or not re.fullmatch(DIGEST, digest):
            self.rest()
            return self.answer(404)
        with part.open("ab") as file:
            for chunk in self.sent():
                file.write(chunk)
        if not self.store.keep(part, digest):
            return self.answer(400)
        return self.answer(201, Location=self.path.partition("uploads/")[0] + digest, Docker_Content_Digest=digest)

    def part(self) -> Path | None:
        asked = UPLOAD.fullmatch(self.path)
        part = self.store.parts / asked[2] if asked and asked[2] else None
        return part if part and part.is_file() else None

    def sent(self) -> Iterator[bytes]:
        """The request's body, which engines send in chunks of which they do not know how many there will be."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (chunk := self.rfile.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk

    def rest(self) -> None:
        for _ in self.sent():
            pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def registry(kept: Path | None = None) -> Iterator[tuple[str, Store]]:
    """A registry of this process on the loopback: its host, and what was pushed to it.

    `kept` is the folder where large layers stay from one image to the next.
    """
    with tempfile.TemporaryDirectory(prefix="mainline-image-") as folder:
        store = Store(Path(folder), kept)
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"store": store}))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", store
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def write(store: Store, digest: str, tags: Sequence[str], folder: Path) -> None:
    """Write the image of this digest, of all its platforms, as a layout that names it by these tags.

    Raises
    ------
    ExternalError
        Where something that its manifests name was not pushed.
    """
    with replacing_folder(folder) as unfinished:
        (unfinished / "blobs" / "sha256").mkdir(parents=True)
        names = list(dict.fromkeys(reachable(store, digest)))
        for each in names:
            if not store.blob(each).is_file():
                raise ExternalError(f"the engine has not pushed {each} of the image {digest}")
            shutil.copyfile(store.blob(each), unfinished / "blobs" / "sha256" / each.removeprefix("sha256:"))
        size = store.blob(digest).stat().st_size
        entry = {"mediaType": store.kinds[digest], "digest": digest, "size": size}
        index = {"schemaVersion": 2, "manifests": [{**entry, "annotations": {NAME: tag}} for tag in tags]}
        (unfinished / "index.json").write_text(json.dumps(index, indent=2, sort_keys=True), encoding="utf-8")
        (unfinished / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    store.keep_for_others(names)


def layers(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder where this user's layers are kept; None for a user without a home."""
    with contextlib.suppress(RuntimeError):
        return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mainline" / "layers"
    return None


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def reachable(store: Store, digest: str) -> Iterator[str]:
    """The digest itself, and of everything that it names."""
    yield digest
    if digest not in store.kinds:
        return
    content: Mapping[str, Any] = json.loads(store.blob(digest).read_bytes())
    for each in content.get("manifests", []):
        yield from reachable(store, each["digest"])
    for each in [*([content["config"]] if "config" in content else []), *content.get("layers", [])]:
        yield each["digest"]
