"""A test double of GitHub's REST API: a real HTTP server on the loopback, with state.

Every request and every answer is held against GitHub's own description. What does not fit it, and what the double
does not have, is answered with 501 and the reason, and is remembered in `problems`, for which the fixture `github`
fails at its end.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.github import description, operations
from tests.github.call import OPERATIONS, Answer, Call, Refusal
from tests.github.description import Unfit
from tests.github.faults import Fault
from tests.github.fill import filled
from tests.github.fixture import github as github
from tests.github.state import BOT, Clock, Repository

LOUD = 501  # not 500, which a client rightly asks again
WRITES = {"POST", "PATCH", "PUT", "DELETE"}
READ_ONLY = "Resource not accessible by integration"
# Only an owner's token may even read these; what a workflow's own token is answered is READ_ONLY.
ADMINISTRATION = re.compile(
    r"actions/(get|set)-(github-actions|allowed-actions|repo-variable|.*default-workflow).*|.*private-vulnerability.*"
    r"|.*vulnerability-alerts|.*automated-security-fixes|repos/(create|update|delete)-(repo-ruleset|or-update-env.*|deployment-branch.*)"
    r"|repos/update|repos/.*branch-protection"
)


@dataclass(frozen=True)
class Token:
    """Who asks: `access` is what a workflow's token may (`read`, `write`), or `admin` for an owner's own."""

    login: str = BOT
    access: str = "write"


@dataclass(frozen=True)
class Request:
    """What was asked, for tests that look at it."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class GitHubDouble:
    """The state and the doors: `api` is GITHUB_API_URL, `blobs` another origin, as GitHub's storage is."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1001))
    lock: Any = field(default_factory=threading.RLock)
    api: str = ""
    blobs: str = ""

    def repository(self, full_name: str, fork_of: Repository | None = None, **settings: Any) -> Repository:
        made = Repository(full_name, self.clock, self.ids, parent=fork_of, **settings)
        return self.repositories.setdefault(full_name.lower(), made)

    def delete(self, repository: Repository) -> None:
        """Delete a repository; of pull requests from it only the head's commit stays known."""
        del self.repositories[repository.full_name.lower()]
        for other in self.repositories.values():
            for pull in other.pulls.values():
                if pull["head"]["repo"] == repository.full_name:
                    pull["head"]["repo"] = None

    def token(self, access: str = "write", login: str = BOT) -> str:
        """A token that is known from now on."""
        made = f"token-{len(self.tokens) + 1}-{access}"
        self.tokens[made] = Token(login, access)
        return made

    def environment(self, repository: Repository, access: str = "write", login: str = BOT) -> dict[str, str]:
        """The variables that lead a program here."""
        token = self.token(access, login)
        return {"GITHUB_API_URL": self.api, "GITHUB_TOKEN": token, "GITHUB_REPOSITORY": repository.full_name}

    def asked(self, method: str, path: str = "") -> list[Request]:
        """The requests of a method whose path matches a pattern."""
        return [one for one in self.requests if one.method == method and re.search(path, one.path)]

    def completed(self, repository: Repository, run: dict[str, Any]) -> dict[str, Any]:
        """What the event `workflow_run` tells of a finished run: less of its repositories than the API does."""
        shown = operations.actions.shown(self.repositories, repository, run)
        for side in ("repository", "head_repository"):
            if shown[side]:
                del shown[side]["visibility"], shown[side]["default_branch"]
                shown[side].pop("pushed_at", None)
        return {
            "action": "completed",
            "workflow_run": shown,
            "workflow": {"name": run["name"], "path": run["path"]},
            "repository": repository.values(),
        }

    def answer(self, request: Request) -> Answer:
        """One answer of GitHub; never raises."""
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.hits(request.method, request.path):
                    return fault.answer()
            try:
                return self._answer(request)
            except Unfit as unfit:
                self.problems.append(f"{request.method} {request.path}: {unfit}")
            except Exception as defect:
                self.problems.append(f"{request.method} {request.path}: the double itself: {defect!r}")
            return Answer(LOUD, {"message": f"the double of GitHub: {self.problems[-1]}"})

    def _answer(self, request: Request) -> Answer:
        operation, places = description.find(request.method, request.path)
        if not request.headers.get("user-agent"):
            raise Unfit("GitHub refuses requests without a User-Agent")
        parameters = description.typed(operation, places, request.query)
        description.check_body(operation, request.body)
        serve = OPERATIONS.get(operation.id)
        if serve is None:
            raise Unfit(f"{operation.id} is GitHub's, but the double does not have it: add it below tests/github")
        token = self._who(request)
        if isinstance(token, Answer):
            return token
        call = Call(self, request, token.login, token.access, parameters, request.body or {})
        try:
            if token.access == "read" and request.method in WRITES:
                raise Refusal(403, READ_ONLY)
            if token.access != "admin" and ADMINISTRATION.fullmatch(operation.id):
                raise Refusal(403, READ_ONLY)
            answer = serve(call)
        except Refusal as refused:
            return Answer(refused.status, refused.body())
        schema = operation.answer(answer.status)
        body = answer.body
        if schema is not None and body is not None:
            body = filled(description.at(schema), body)
        description.check_answer(operation, answer.status, body)
        return Answer(answer.status, body, answer.headers)

    def _who(self, request: Request) -> Token | Answer:
        given = request.headers.get("authorization", "")
        if not given and request.method not in WRITES:
            return Token("", "read")
        scheme, _, token = given.partition(" ")
        known = self.tokens.get(token) if scheme.lower() in ("bearer", "token") else None
        return known or Answer(401, {"message": "Bad credentials" if given else "Requires authentication"})

    def blob(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """What the storage behind redirects has; a token that arrives there is a problem."""
        with self.lock:
            if "authorization" in headers:
                self.problems.append(f"the token was sent to the storage: GET {path}")
                return 401, b"Server failed to authenticate the request."
            number = path.strip("/").partition("?")[0]
            for repository in self.repositories.values():
                if number.isdigit() and int(number) in repository.blobs:
                    return 200, repository.blobs[int(number)]
            return 404, b"BlobNotFound"


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: GitHubDouble

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        address = urllib.parse.urlsplit(self.path)
        # GitHub's own servers have the API below their site.
        path = re.sub(r"^/api/v3(?=/)", "", address.path)
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return self.send(Answer(400, {"message": "Problems parsing JSON"}))
        return self.send(self.double.answer(Request(self.command, path, query, body, headers)))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def send(self, answer: Answer) -> None:
        if answer.delay:
            time.sleep(answer.delay)
        if answer.status == 0:
            # A connection that breaks before an answer.
            self.close_connection = True
            return
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        defaults = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999", "X-GitHub-Request-Id": "double"}
        for name, value in {**defaults, **answer.headers}.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Blobs(BaseHTTPRequestHandler):
    double: GitHubDouble

    def do_GET(self) -> None:
        status, content = self.double.blob(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        # Who stops reading at a limit closes the connection.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def running() -> Iterator[GitHubDouble]:
    """A double that answers until the block ends; what it found wrong is in `problems`."""
    description.document()
    double = GitHubDouble()
    with contextlib.ExitStack() as stack:
        double.api = stack.enter_context(_listening(type("Api", (_Api,), {"double": double})))
        double.blobs = stack.enter_context(_listening(type("Blobs", (_Blobs,), {"double": double})))
        yield double


@contextlib.contextmanager
def _listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(server, over))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            socket.create_connection(server.server_address[:2]).close()  # it waits for nothing else
            thread.join()


def _serve(server: ThreadingHTTPServer, over: threading.Event) -> None:
    """As `serve_forever`, which looks now and then whether it is to end: hundreds of tests waited for that."""
    while not over.is_set():
        server.handle_request()
