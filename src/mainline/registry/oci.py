"""The part of an OCI registry that a state needs: blobs by digest, manifests by tag. Uses `oras`.

Credentials are those of `docker login`; MAINLINE_REGISTRY_USERNAME and _PASSWORD take precedence. A registry on the
loopback is accessed without TLS, every other one with TLS.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError, ExternalError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# Of an image, in any of the forms that engines push.
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1",
        "oci.image.index.v1",
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
    )
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SILENCE = 60.0  # seconds: neither requests nor oras has a timeout of its own
SAYS_NO = (401, 403, 429, 502, 503, 504)  # statuses about the login or the registry, not about its content


class NoAnswer(ExternalError):
    """The registry does not answer, or rejects this login: nothing is known about its content."""


class Moved(ExternalError):
    """The tag is no longer at the manifest that was expected."""


@dataclass(frozen=True)
class Manifest:
    """`digest` is the SHA-256 of the bytes that the registry holds."""

    digest: str
    content: Mapping[str, Any]
    etag: str | None = None  # by which the registry knows this version of the tag, if it has such a name

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.content.get("annotations") or {}

    @property
    def layers(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.content["layers"]
        return found


class Repository:
    """One repository of a registry, such as `registry.example/team/name`.

    Every method raises ExternalError where the registry does not answer or refuses the request.
    """

    def __init__(self, reference: str) -> None:
        host, slash, path = reference.partition("/")
        if not slash or not path or "@" in path or ":" in path or not ("." in host or ":" in host or host in LOOPBACK):
            raise ConfigurationError(f"{reference} is not a repository: write registry.example/name, without a tag")
        self.reference = reference
        self.host = host

    @cached_property
    def client(self) -> Any:
        import oras.auth
        import oras.client
        import requests
        from urllib3.util import Retry

        class Patience(requests.adapters.HTTPAdapter):
            def send(self, *given: Any, **named: Any) -> Any:
                return super().send(*given, **{**named, "timeout": named.get("timeout") or SILENCE})

        class Client(oras.client.OrasClient):  # type: ignore[misc]
            # Its own retries take two minutes to report that the registry cannot be reached: the adapter's do not.
            _send = oras.client.OrasClient.do_request.__wrapped__

            def do_request(self, *given: Any, **named: Any) -> Any:
                answer = self._send(*given, **named)
                if answer.status_code == 401 and getattr(self.auth, "token", None):
                    self.auth.token = None  # a token for reading cannot write: request another one
                    answer = self._send(*given, **named)
                return answer

        insecure = self.host.rpartition(":")[0] in LOOPBACK or self.host in LOOPBACK
        made = Client(hostname=self.host, insecure=insecure, auth_backend=self.way_to_log_in(insecure))
        # Some registries answer 500 while a tag is written, and always where the content is damaged.
        again = Retry(
            2, backoff_factor=0.2, status_forcelist=[500], raise_on_status=False, respect_retry_after_header=False
        )
        for scheme in ("http://", "https://"):
            made.session.mount(scheme, Patience(max_retries=again))
        user, password = (os.environ.get(f"MAINLINE_REGISTRY_{part}") for part in ("USERNAME", "PASSWORD"))
        if user and password:
            made.auth.set_basic_auth(user, password)
        else:
            made.auth.load_configs(made.get_container(self.reference), configs=logins(os.environ))
        if not hasattr(made.auth, "_basic_auth") and isinstance(made.auth, oras.auth.BasicAuth):
            raise NoAnswer(f"{self.reference}: not logged in: docker login {self.host}")
        return made

    def way_to_log_in(self, insecure: bool) -> str:
        import requests

        try:
            asked = requests.get(f"{'http' if insecure else 'https'}://{self.host}/v2/", timeout=30)
        except requests.RequestException as error:
            raise NoAnswer(f"the registry {self.host} does not answer ({type(error).__name__})") from None
        return "basic" if asked.headers.get("Www-Authenticate", "").lower().startswith("basic") else "token"

    def manifest(self, tag: str) -> Manifest | None:
        """Of a tag or digest; None where there is none."""
        answer = self.ask("GET", f"manifests/{tag}", accept=MANIFEST)
        if answer is None:
            return None
        digest = sha256(answer.content)
        named = tag if tag.startswith("sha256:") else answer.headers.get("Docker-Content-Digest", "")
        wanted = named if named.startswith("sha256:") else digest
        if digest != wanted:  # it may be an earlier state: whole, and not the one that the tag names
            raise ExternalError(f"{self.reference}: the registry returns other content for {wanted}: it is damaged")
        try:
            content = json.loads(answer.content)
            assert isinstance(content["layers"], list)
        except (ValueError, KeyError, TypeError, AssertionError):
            raise ExternalError(f"{self.reference}:{tag} is not a manifest: it is damaged") from None
        return Manifest(digest, content, answer.headers.get("ETag"))

    def put_manifest(self, tags: list[str], content: Mapping[str, Any], expected: Manifest | None = None) -> Manifest:
        """Put a manifest under each tag; where the registry can compare, only over the manifest that is `expected`.

        Raises
        ------
        Moved
            Where the registry has compared, and found another one.
        """
        body = json.dumps(content, sort_keys=True).encode()
        condition = {"If-Match": expected.etag} if expected and expected.etag else {}
        for tag in tags:
            self.ask("PUT", f"manifests/{tag}", data=body, headers={"Content-Type": MANIFEST, **condition})
        return Manifest(sha256(body), content)

    def tags(self) -> list[str]:
        if self.ask("GET", "tags/list") is None:
            return []
        with self.converted_errors():
            return list(self.client.get_tags(self.reference))

    def put_blob(self, path: Path, media_type: str) -> dict[str, Any]:
        """Upload a file and return its layer; the upload is skipped where the registry has the bytes."""
        import oras.oci

        with self.converted_errors():
            layer: dict[str, Any] = oras.oci.NewLayer(str(path), media_type=media_type)
            answer = self.client.upload_blob(str(path), self.client.get_container(self.reference), layer)
        self.check(answer)
        return layer

    def get_blob(self, layer: Mapping[str, Any], path: Path) -> None:
        """Download a layer and verify its digest."""
        try:
            with self.converted_errors():
                self.client.download_blob(self.reference, layer["digest"], str(path))
        except ExternalError as error:
            raise ExternalError(f"a part of the state cannot be read: {error}") from None
        with path.open("rb") as file:
            if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" != layer["digest"]:
                raise ExternalError(f"{self.reference}: {layer['digest']} does not contain the bytes that were pushed")

    def ask(
        self, method: str, path: str, accept: str = "*/*", headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        """The answer, or None for a GET that returns 404."""
        address = f"{self.client.prefix}://{self.host}/v2/{self.reference.partition('/')[2]}/{path}"
        with self.converted_errors():
            answer = self.client.do_request(address, method, headers={"Accept": accept, **(headers or {})}, **more)
        if answer.status_code == 404 and method == "GET":
            return None
        self.check(answer)
        return answer

    def check(self, answer: Any) -> None:
        if answer.status_code == 401:
            raise NoAnswer(f"{self.reference}: the registry rejects this login: docker login {self.host}")
        if answer.status_code == 412:
            raise Moved(f"{self.reference}: another run has pushed since")
        if not 200 <= answer.status_code < 300:
            said = " ".join(answer.text.split())[:200]
            kind = NoAnswer if answer.status_code in SAYS_NO else ExternalError
            raise kind(f"{self.reference}: the registry returned {answer.status_code}: {said}")

    @contextlib.contextmanager
    def converted_errors(self) -> Iterator[None]:
        import oras.auth
        import requests

        try:
            yield
        except oras.auth.AuthenticationException as error:
            raise NoAnswer(f"{self.reference}: not logged in ({error}): docker login {self.host}") from None
        except (requests.RequestException, ValueError) as error:
            if "request for authentication" in str(error):  # the message of oras where no token was issued
                raise NoAnswer(
                    f"{self.reference}: not logged in, or this login lacks the permission: docker login {self.host}"
                ) from None
            kind = NoAnswer if isinstance(error, requests.RequestException) else ExternalError
            raise kind(f"{self.reference}: {str(error).splitlines()[0]}") from None


def logins(environment: Mapping[str, str]) -> list[str]:
    """Files with logins of container engines, other than `~/.docker`, which `oras` reads itself."""
    found = [environment.get("REGISTRY_AUTH_FILE", "")]
    if environment.get("DOCKER_CONFIG"):
        found.append(f"{environment['DOCKER_CONFIG']}/config.json")
    if environment.get("XDG_RUNTIME_DIR"):
        found.append(f"{environment['XDG_RUNTIME_DIR']}/containers/auth.json")
    return [path for path in found if path and Path(path).exists()]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
