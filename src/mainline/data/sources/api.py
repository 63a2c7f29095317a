"""Tables that are the answers of an API: JSON over HTTP, page by page, kept as sorted JSON lines.

With `increments`, each window of time is asked for once and kept in the cache as soon as it is complete: a run that was
killed goes on with the first window that is missing. Without it, a run that was killed begins again; in both cases no
file is half-written. A record of the same content gives the same line, so the same rows give the same digest.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainline.data.sources.declaration import Request, source
from mainline.data.sources.formats import Files
from mainline.data.sources.remote import redacted
from mainline.errors import ConfigurationError, DataError
from mainline.runtime.atomic_files import replacing

if TYPE_CHECKING:
    from mainline.config.schema import Source
    from mainline.data.sources.api_client import Client

Window = tuple[dt.datetime, dt.datetime]


@source("api")
def collect(settings: Source, request: Request) -> Files:
    """The records before the cutoff, as one file of JSON lines.

    Raises
    ------
    ConfigurationError
        Where the token's variable is not set, or the server says that the request is wrong.
    DataError
        Where rows moved while pages were fetched, or a page has no records where the settings say.
    ExternalError
        Where the server cannot be reached or refuses.
    """
    where = f"data.sources.{request.table}"
    if not str(settings.api).startswith(("http://", "https://")):
        raise ConfigurationError(f"{where}.api: {redacted(str(settings.api))} is no address: it begins with https://")
    if settings.increments is not None and request.time is None:
        raise ConfigurationError(f"{where}.increments: windows are windows of `time`: name that column")
    import asyncio  # not at the start of every command

    lines = asyncio.run(fetch(where, settings, request))
    if not lines:
        raise DataError(f"{where}: the API {redacted(str(settings.api))} has no record before the data cutoff")
    origin = f"the API {redacted(str(settings.api))}"
    kept = request.keep(lambda part: _write(part, sorted(lines)), ending=".jsonl")
    return Files(request.table, [kept], "jsonl", {kept: origin})


async def fetch(where: str, settings: Source, request: Request) -> list[str]:
    from aiohttp import ClientSession, ClientTimeout

    from mainline.data.sources.api_client import CONNECT_SECONDS, READ_SECONDS, Client, caller_of
    from mainline.data.sources.api_pages import records

    timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
    caller = caller_of(where, settings)
    lines: list[str] = []
    async with ClientSession(timeout=timeout) as session:
        client = Client(where, settings, session, caller)
        if settings.increments is None:
            async for page in records(client, str(settings.api), {}, ""):
                lines += page
        else:
            for window in windows(settings, request):
                lines += await of_window(client, settings, request, window)
    return [line for line in lines if is_known(line, request)]


async def of_window(client: Client, settings: Source, request: Request, window: Window) -> list[str]:
    """The records of one window: those in the cache, or the server's, which are kept where the window is complete."""
    from mainline.data.sources.api_pages import records

    increments = settings.increments
    assert increments is not None
    since, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in window)
    kept = folder_of(settings, request) / f"{since[:10]}-{until[:10]}.jsonl"
    now = dt.datetime.now(dt.UTC)
    settled = window[1] <= (increments.again.before(now) if increments.again else now)
    if settled and kept.exists():
        return kept.read_text(encoding="utf-8").splitlines()
    lines: list[str] = []
    asked = {increments.since: since, increments.until: until}
    async for page in records(client, str(settings.api), asked, f"{since[:10]} to {until[:10]}, "):
        lines += page
    strange = next((line for line in lines if not within(line, request, window)), None)
    if strange is not None:
        raise DataError(
            f"{client.where}.increments: asked for {since} to {until}, the server sends a record with {request.time} "
            f"{json.loads(strange).get(request.time)}: do {increments.since} and {increments.until} limit that column?"
        )
    if settled:
        with replacing(kept) as part:
            _write(part, lines)
    return lines


def windows(settings: Source, request: Request) -> Iterator[Window]:
    """From the first day to the data cutoff, one after the other; the last ends at the cutoff."""
    increments = settings.increments
    assert increments is not None
    zone = ZoneInfo(request.timezone)
    end = request.before or request.until
    times, day = 0, increments.start
    while (begin := dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)) < end.astimezone(dt.UTC):
        times += 1
        day = increments.window.after(increments.start, times)
        yield begin, min(dt.datetime.combine(day, dt.time(), zone), end).astimezone(dt.UTC)


def folder_of(settings: Source, request: Request) -> Path:
    """Of one request: other parameters, another place of the records or another window are other files."""
    increments = settings.increments
    assert increments is not None
    pages = settings.pages if settings.pages is None or isinstance(settings.pages, str) else settings.pages.model_dump()
    said = json.dumps([settings.api, settings.records, pages, increments.model_dump(mode="json"), request.timezone])
    return request.cache / "api" / request.table / hashlib.sha256(said.encode()).hexdigest()[:16]


def is_known(line: str, request: Request) -> bool:
    """Whether a record lies before the cutoff; one whose time cannot be read stays, and is refused with its column."""
    moment = moment_of(line, request)
    return moment is None or request.before is None or moment < request.before


def within(line: str, request: Request, window: Window) -> bool:
    moment = moment_of(line, request)
    return moment is None or window[0] <= moment < window[1]


def moment_of(line: str, request: Request) -> dt.datetime | None:
    """A record's time as the cutoff reads it: a day begins in the settings' zone, a time without a zone is UTC."""
    if request.time is None:
        return None
    said = json.loads(line).get(request.time)
    try:
        moment = dt.datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(request.timezone) if len(said) == len("2026-01-31") else dt.UTC)
    return moment


def _write(part: Path, lines: list[str]) -> None:
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
