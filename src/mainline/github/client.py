"""GitHub's REST API on the standard library alone, because it also runs where nothing is installed.

`GITHUB_API_URL`, `GITHUB_TOKEN` (or `GH_TOKEN`) and `GITHUB_REPOSITORY` name the address, the token and the
repository. Values are GitHub's answers as dicts and lists. Requests that are safe to repeat are repeated after rate
limits, 5xx and broken connections, with growing waits, limited in number and in total.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from mainline.errors import ConfigurationError, ExternalError

API_VERSION = "2022-11-28"
TIMEOUT = 30.0  # seconds for one answer: GitHub itself gives up after 10
DROPPED_ON_REDIRECT = ("authorization", "x-github-api-version")
NOT_PROCESSED = (429, 503)  # nothing was done: safe to repeat for any request
TEMPORARY = (500, 502, 503, 504)
BROKEN = (OSError, http.client.HTTPException)


class GitHubError(ExternalError):
    """A request that failed; `code` is the HTTP status, None where there was no answer."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Reply:
    """An answer; header names are case-insensitive."""

    code: int
    headers: Message
    content: bytes

    def json(self) -> Any:
        """The answer's JSON, None where it has no content; raises GitHubError where it is not JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            start = self.content[:80].decode(errors="replace")
            raise GitHubError(f"an answer that is not JSON, maybe from a proxy or a sign-in page: {start!r}") from None


@dataclass(frozen=True)
class GitHub:
    """A client of one repository.

    A path that starts with `/` is relative to the API, any other to `/repos/{repository}`. `wait` is called with the
    seconds between two attempts; their sum is at most `patience`, the number of attempts at most `attempts`. `timeout`
    is in seconds, for one attempt.
    """

    api: str
    token: str = field(repr=False)
    repository: str
    wait: Callable[[float], None] = time.sleep
    attempts: int = 6
    patience: float = 180.0
    timeout: float = TIMEOUT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> GitHub:
        """Raises ConfigurationError where a variable is missing, or the repository is not `owner/name`."""
        repository = environment.get("GITHUB_REPOSITORY", "").strip()
        if repository.count("/") != 1 or not all(repository.split("/")):
            raise ConfigurationError(f"GITHUB_REPOSITORY must be owner/name, it is {repository!r}")
        token = (environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or "").strip()
        if not token:
            raise ConfigurationError("no token: set GITHUB_TOKEN (in a workflow: GITHUB_TOKEN: ${{ github.token }})")
        api = environment.get("GITHUB_API_URL", "").strip() or "https://api.github.com"
        return cls(api.rstrip("/"), token, repository)

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Any:
        """`repeatable`: doing it twice does no harm. Only then is it repeated after a 5xx or a broken connection, when
        it may have been done already. After a rate limit it is always repeated."""
        return self.request("POST", path, body, repeatable=repeatable).json()

    def patch(self, path: str, body: Any) -> Any:
        return self.request("PATCH", path, body).json()

    def put(self, path: str, body: Any = None) -> Any:
        return self.request("PUT", path, body).json()

    def pages(self, path: str, key: str | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, one page at a time; `key` names the list where it is inside an object."""
        url: str | None = self._url(path, {"per_page": 100, **query})
        while url:
            reply = self.request("GET", url)
            found = reply.json()
            yield from found[key] if key else found
            url = next_page(reply.headers.get("Link", ""))
            if url and origin(url) != origin(self.api):
                raise GitHubError(f"the next page of {path} has the address {url}, which is not at {self.api}")

    def download(self, path: str, limit: int) -> bytes:
        """The content behind a redirect, such as an artifact's zip; the token is not sent to another host.

        Raises GitHubError where it is longer than `limit` bytes; no more is read.
        """
        return self.request("GET", path, limit=limit).content

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        limit: int | None = None,
        repeatable: bool = False,
    ) -> Reply:
        """The first successful answer within the attempts; raises GitHubError where there is none."""
        url = path if "://" in path else self._url(path, query or {})
        asked = f"{method} {url.removeprefix(self.api).partition('?')[0]}"
        waited = 0.0
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(method, url, body, limit)
            except urllib.error.HTTPError as error:
                with error:
                    failure, pause = refusal(asked, error, method != "POST" or repeatable)
            except BROKEN as error:
                reason = getattr(error, "reason", error)
                failure = GitHubError(f"{asked}: no answer from {origin(url)}: {reason}")
                never_arrived = isinstance(reason, ConnectionRefusedError)
                pause = 0.0 if method != "POST" or repeatable or never_arrived else None
            if pause is None:
                raise failure
            # Jitter, because jobs that failed at the same time would return at the same time.
            pause = pause or min(60.0, 2.0**attempt) * random.uniform(0.5, 1.0)  # noqa: S311
            if attempt == self.attempts or waited + pause > self.patience:
                tried = f"{attempt} attempt" + ("s" if attempt > 1 else "")
                more = f"; it asks for {pause:.0f} s more" if attempt < self.attempts else ""
                raise GitHubError(f"{failure} ({tried}, waited {waited:.0f} s{more})", failure.code) from None
            self.wait(pause)
            waited += pause
        raise AssertionError("at least one attempt is needed")

    def _once(self, method: str, url: str, body: Any, limit: int | None) -> Reply:
        request = urllib.request.Request(url, method=method)  # noqa: S310
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("User-Agent", "mainline")
        request.add_header("X-GitHub-Api-Version", API_VERSION)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with OPENER.open(request, timeout=self.timeout) as answer:
            content = answer.read() if limit is None else answer.read(limit + 1)
            if limit is not None and len(content) > limit:
                raise GitHubError(f"{url.removeprefix(self.api)} is longer than the {limit:,} bytes that are accepted")
            return Reply(answer.status, answer.headers, content)

    def _url(self, path: str, query: Mapping[str, Any]) -> str:
        place = path if path.startswith("/") else f"/repos/{self.repository}/{path}".rstrip("/")
        return f"{self.api}{place}" + (f"?{urllib.parse.urlencode(query)}" if query else "")


class NoTokenAbroad(urllib.request.HTTPRedirectHandler):
    """Follows redirects without sending the token to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is None or origin(newurl) == origin(req.full_url):
            return following
        if req.type == "https" and following.type != "https":
            raise GitHubError(f"{req.full_url} redirects to {newurl}, which is not encrypted")
        for name in list(following.headers):
            if name.lower() in DROPPED_ON_REDIRECT:
                following.remove_header(name)
        return following


OPENER = urllib.request.build_opener(NoTokenAbroad)


def refusal(asked: str, error: urllib.error.HTTPError, repeatable: bool) -> tuple[GitHubError, float | None]:
    """GitHub's error, and the seconds until a repetition: 0 where it names none, None where it must not be repeated."""
    message = error_message(error)
    headers = error.headers
    limited = error.code == 429 or (
        error.code == 403
        and ("Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in message.lower())
    )
    # GitHub uses two status codes for rate limits; callers see one.
    failure = GitHubError(f"{asked}: {error.code} {message or error.reason}", 429 if limited else error.code)
    again = limited or error.code in NOT_PROCESSED or (error.code in TEMPORARY and repeatable)
    if not again:
        return failure, None
    return failure, requested_pause(headers) or (
        60.0 if limited else 0.0
    )  # a minute, as GitHub's documentation asks for


def requested_pause(headers: Message) -> float:
    """The seconds that an answer asks to wait, 0 where it names none.

    `Retry-After` as seconds or date (RFC 9110, 10.2.3), else the reset of an exhausted rate limit, as GitHub's
    best practices have it.
    """
    after = headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    if after:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
        except ValueError:
            return 0.0
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
        return max(1.0, float(reset) - time.time())
    return 0.0


def error_message(error: urllib.error.HTTPError) -> str:
    """GitHub's own message, with its messages about single fields."""
    try:
        content = json.loads(error.read(100_000))
        fields = [one if isinstance(one, str) else one.get("message") or one for one in content.get("errors") or []]
        return "; ".join(map(str, [content.get("message", ""), *fields]))
    except (*BROKEN, ValueError, AttributeError):
        return ""


def next_page(link: str) -> str | None:
    """The URL with rel="next" of a Link header (RFC 8288), or None."""
    targets = re.findall(r"<([^>]*)>([^<]*)", link)
    return next((target for target, attributes in targets if 'rel="next"' in attributes), None)


def origin(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
