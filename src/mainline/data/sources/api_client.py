"""Requests to an API: repeated where that helps, at the pace the server asks for, with no secret in a message."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import email.utils
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mainline.data.sources.remote import redacted
from mainline.errors import ConfigurationError, ExternalError, MissingVariable

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

    from mainline.config.api import ApiSettings

ATTEMPTS = 5
FIRST_WAIT = 0.5  # seconds, doubled with every attempt: 7.5 in all, for a server that restarts
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
REFUSED = frozenset({401, 403})
CONNECT_SECONDS, READ_SECONDS = 10, 60
SHOWN = 200  # characters of an answer that says what is wrong


@dataclass(frozen=True)
class Answer:
    """The JSON of one answer, the address that the Link header calls `next`, and whether there is such a page."""

    content: Any
    following: str | None = None
    found: bool = True


@dataclass
class Caller:
    """What identifies the caller; `secrets` are in no message."""

    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    variable: str | None = None
    secrets: list[str] = field(default_factory=list)

    @property
    def may_be_redirected(self) -> bool:
        """To another server aiohttp takes the header `Authorization` off, and no other."""
        return self.headers.keys() <= {"Authorization"}

    def without_secrets(self, said: str) -> str:
        for secret in self.secrets:
            said = said.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return said


def caller_of(where: str, settings: ApiSettings) -> Caller:
    """Raises ConfigurationError where the environment variable is not set, or cannot be a header."""
    if settings.auth is None:
        return Caller()
    auth = settings.auth
    variable = (auth if isinstance(auth, str) else auth.value).removeprefix("$")
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise MissingVariable(f"{where}.auth: the environment variable {variable} is not set")
    if not secret.isprintable():
        raise ConfigurationError(f"{where}.auth: the value of {variable} has a line break or a control character")
    if isinstance(auth, str):
        return Caller({"Authorization": f"Bearer {secret}"}, {}, variable, [secret])
    if auth.user is not None:
        basic = base64.b64encode(f"{auth.user}:{secret}".encode()).decode()
        return Caller({"Authorization": f"Basic {basic}"}, {}, variable, [secret, basic])
    if auth.parameter is not None:
        return Caller({}, {auth.parameter: secret}, variable, [secret])
    return Caller({str(auth.header): secret}, {}, variable, [secret])


@dataclass
class Client:
    """Asks one API; `where` is the setting that messages name."""

    where: str
    settings: ApiSettings
    session: ClientSession
    caller: Caller
    next_at: float = 0.0  # of the event loop's clock: no request earlier than this

    async def get(self, url: str, parameters: Mapping[str, str], page: str) -> Answer:
        """The answer to one request; `page` is what a message calls it.

        Raises
        ------
        ExternalError
            Where the server cannot be reached, refuses the caller, asks for more patience than the settings have,
            answers with what is no JSON, or does not answer after `ATTEMPTS` attempts.
        ConfigurationError
            Where it says that the request itself is wrong.
        """
        import aiohttp

        said = ""
        for attempt in range(ATTEMPTS):
            await self._wait_until_due(page)
            pause = FIRST_WAIT * 2**attempt
            try:
                async with self.session.get(
                    url,
                    params={**parameters, **self.caller.parameters},
                    headers=self.caller.headers,
                    allow_redirects=self.caller.may_be_redirected,
                ) as response:
                    answer = await self._answer(response, page)
                    self._slow_down(response, page)
                    if answer is not None:
                        return answer
                    said = f"answers with status {response.status}"
                    asked = seconds_asked(response.headers)
                    pause = pause if asked is None else asked
            except (aiohttp.ClientError, TimeoutError) as error:
                said = f"cannot be reached: {self._shown(error)}"
            if attempt + 1 < ATTEMPTS:
                self._patient(pause, page)
                await asyncio.sleep(pause)
        raise ExternalError(f"{self._of(page)}: the server {said} ({ATTEMPTS} attempts): run again later")

    async def _answer(self, response: ClientResponse, page: str) -> Answer | None:
        """None where another attempt may help."""
        if response.status in AGAIN:
            return None
        text = await response.text(errors="replace")
        if response.status in REFUSED and self._exhausted(response):
            return None
        if response.status in REFUSED:
            variable = self.caller.variable
            whose = f"refuses the value of {variable}: it may have run out" if variable else "asks for a token"
            raise ExternalError(f"{self._of(page)}: the server {whose} (status {response.status})")
        if response.status == 404:
            return Answer(None, found=False)
        if 300 <= response.status < 400:
            target = self.caller.without_secrets(redacted(response.headers.get("Location", "another address")))
            raise ConfigurationError(
                f"{self._of(page)}: the server redirects to {target}: set {self.where}.api to that address, if it is "
                f"the right one; the value of {self.caller.variable} is not sent there"
            )
        if response.status >= 400:
            shown = self.caller.without_secrets(" ".join(text.split()))[:SHOWN]
            raise ConfigurationError(f"{self._of(page)}: the server answers with status {response.status}: {shown}")
        try:
            content = json.loads(text)
        except ValueError:
            kind = response.headers.get("Content-Type", "no content type")
            raise ExternalError(f"{self._of(page)}: the answer is not JSON ({kind})") from None
        found: Any = response.links.get("next")
        following = found["url"] if found else None
        return Answer(content, None if following is None else str(following))

    async def _wait_until_due(self, page: str) -> None:
        clock = asyncio.get_running_loop()
        wait = self.next_at - clock.time()
        if wait > 0:
            self._patient(wait, page)
            await asyncio.sleep(wait)
        if self.settings.per_second is not None:
            self.next_at = clock.time() + 1 / self.settings.per_second

    def _slow_down(self, response: ClientResponse, page: str) -> None:
        """Take the server's word on how many requests are left, before it refuses one."""
        if response.status < 400 and self._exhausted(response):
            with suppress(ValueError):
                reset = float(_first(response.headers, "X-RateLimit-Reset", "RateLimit-Reset") or 0)
                # GitHub and others give the moment, the IETF's draft the seconds until then.
                wait = reset - dt.datetime.now(dt.UTC).timestamp() if reset > 1e9 else reset
                self.next_at = max(self.next_at, asyncio.get_running_loop().time() + wait)

    @staticmethod
    def _exhausted(response: ClientResponse) -> bool:
        return _first(response.headers, "X-RateLimit-Remaining", "RateLimit-Remaining") == "0"

    def _patient(self, pause: float, page: str) -> None:
        if pause > self.settings.patience:
            raise ExternalError(
                f"{self._of(page)}: the server asks to wait {pause:.0f} seconds, patience is "
                f"{self.settings.patience}: run again later, or set {self.where}.patience"
            )

    def _of(self, page: str) -> str:
        return f"{self.where}: {page} of {redacted(str(self.settings.api))}"  # type: ignore[attr-defined]

    def _shown(self, error: BaseException) -> str:
        said = " ".join(str(error).split()) or type(error).__name__
        return self.caller.without_secrets(said)


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """What `Retry-After` asks for: seconds, or a date."""
    asked = headers.get("Retry-After")
    if asked is None:
        return None
    with suppress(ValueError):
        return max(float(asked), 0.0)
    with suppress(ValueError):
        moment = email.utils.parsedate_to_datetime(asked)
        return max((moment - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)
    return None


def _first(headers: Mapping[str, str], *names: str) -> str | None:
    return next((headers[name].strip() for name in names if name in headers), None)
