"""Push an image that lies in a folder, as it is: by its digests, with the standard library alone.

The job that pushes installs nothing and runs nothing that the job that trained has left: `oci.py` needs packages.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from mainline.errors import DataError, ExternalError

TAG = "org.opencontainers.image.ref.name"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
SECONDS = 300.0  # without an answer; a layer may have hundreds of megabytes
LARGEST_MANIFEST = 4 << 20  # bytes, as registries have it


class Blob(NamedTuple):
    """A file of the layout; `kind` is the media type of a manifest, empty for anything else."""

    digest: str
    path: Path
    kind: str = ""


def read(folder: Path) -> tuple[list[Blob], list[str]]:
    """What is to be pushed, in this order, and the tags of the last one, which is the image. Every digest is verified.

    Raises
    ------
    DataError
        Where the folder is not the layout of one image, or holds other bytes than its digests say.
    """
    try:
        entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))["manifests"]
        digest, *others = {entry["digest"] for entry in entries}
        if others:
            raise ValueError("it names several images")
        tags = [entry["annotations"][TAG] for entry in entries]
        kind = entries[0]["mediaType"]
        found = dict.fromkeys(named(folder, digest, kind))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{folder} is not the layout of an image: {error}") from None
    if not all(isinstance(tag, str) and re.fullmatch(r"\w[\w.-]{0,127}", tag) for tag in tags):
        raise DataError(f"{folder} has tags that no registry takes: {tags}")
    return list(found), tags


def named(folder: Path, digest: str, kind: str = "") -> Iterator[Blob]:
    """What a manifest names, and the manifest behind it: a registry takes one whose parts are there."""
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest")
    path = folder / "blobs" / "sha256" / digest.removeprefix("sha256:")
    with path.open("rb") as file:
        if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" != digest:
            raise ValueError(f"{digest} has other bytes")
    if kind:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise ValueError(f"the manifest {digest} is too large")
        content = json.loads(path.read_bytes())
        for each in content.get("manifests", []):
            yield from named(folder, each["digest"], each["mediaType"])
        for each in [*([content["config"]] if "config" in content else []), *content.get("layers", [])]:
            yield from named(folder, each["digest"])
    yield Blob(digest, path, kind)


@dataclass
class Pushing:
    """One repository, `registry.example/team/name`; every method raises ExternalError where the registry refuses."""

    repository: str
    login: tuple[str, str] | None
    authorization: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def base(self) -> str:
        scheme = "http" if LOOPBACK.fullmatch(self.host) else "https"
        return f"{scheme}://{self.host}/v2/{self.repository.partition('/')[2]}/"

    def push(self, blobs: Sequence[Blob], tags: Sequence[str]) -> None:
        """Push the image that `read` has found, under all of its tags."""
        for blob in blobs:
            if blob.kind:
                self.put_manifest(blob, blob.digest)
            else:
                self.put_blob(blob)
        for tag in tags:
            self.put_manifest(blobs[-1], tag)

    def put_blob(self, blob: Blob) -> None:
        if self.ask("HEAD", f"blobs/{blob.digest}", missing=True) is not None:
            return
        place = self.ask("POST", "blobs/uploads/")
        address = urllib.parse.urljoin(self.base, (place or {}).get("Location", ""))
        sign = "&" if urllib.parse.urlsplit(address).query else "?"
        self.ask("PUT", f"{address}{sign}digest={urllib.parse.quote(blob.digest, safe='')}", blob.path)

    def put_manifest(self, blob: Blob, name: str) -> None:
        self.ask("PUT", f"manifests/{name}", blob.path, blob.kind)

    def exists(self, digest: str) -> bool:
        """Whether the registry has this manifest."""
        return self.ask("HEAD", f"manifests/{digest}", missing=True, kind="*/*") is not None

    def ask(
        self, method: str, path: str, body: Path | None = None, kind: str = "", missing: bool = False
    ) -> Mapping[str, str] | None:
        """The answer's headers; None for a 404 where the thing may be `missing`. Logs in once, when it is asked to."""
        address = urllib.parse.urljoin(self.base, path)
        for attempt in (1, 2):
            try:
                return self.send(method, address, body, kind)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == 404 and missing:
                        return None
                    if error.code == 401 and attempt == 1:
                        self.authorization = self.log_in(error.headers.get("WWW-Authenticate", ""))
                        continue
                    said = " ".join(error.read(2000).decode(errors="replace").split())[:200]
                raise ExternalError(
                    f"{self.repository}: the registry answered {error.code} to {method}: {said}"
                ) from None
            except (OSError, HTTPException, ValueError) as error:
                raise ExternalError(f"{self.repository}: the registry does not answer: {error}") from None
        raise AssertionError("the second attempt returns or raises")

    def send(self, method: str, address: str, body: Path | None, kind: str) -> Mapping[str, str]:
        if not address.startswith(("https://", "http://")):
            raise ValueError(f"{address[:80]!r} is no address of a registry")
        request = urllib.request.Request(address, method=method, headers={"Accept": "*/*"})  # noqa: S310
        if self.authorization and host_of(address) == self.host:
            # Not for the place that a registry may redirect to.
            request.add_unredirected_header("Authorization", self.authorization)
        if body is None:
            request.data = b"" if method == "POST" else None
            return answered(request)
        request.add_header("Content-Type", kind or "application/octet-stream")
        request.add_header("Content-Length", str(body.stat().st_size))
        with body.open("rb") as file:
            request.data = file
            return answered(request)

    def log_in(self, challenge: str) -> str | None:
        """The header `Authorization` that the registry asks for: a password, or a token of its own for it."""
        scheme, _, rest = challenge.partition(" ")
        password = f"Basic {base64.b64encode(':'.join(self.login).encode()).decode()}" if self.login else None
        if scheme.lower() == "basic":
            return password
        asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = asked.get("realm", "")
        if scheme.lower() != "bearer" or not (realm.startswith("https://") or LOOPBACK.fullmatch(host_of(realm))):
            raise ExternalError(
                f"{self.repository}: the registry asks for a login that is not known: {challenge[:100]!r}"
            )
        name = self.repository.partition("/")[2]
        query = {"service": asked.get("service", ""), "scope": f"repository:{name}:pull,push"}
        address = f"{realm}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(address, headers={"Authorization": password} if password else {})  # noqa: S310
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return f"Bearer {found.get('token') or found.get('access_token') or ''}"


def host_of(address: str) -> str:
    return urllib.parse.urlsplit(address).netloc


def answered(request: urllib.request.Request) -> Mapping[str, str]:
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        answer.read()
        return dict(answer.headers)
