"""The pages of an API, one after the other: page number, offset, cursor or Link header.

Rows that move while pages are fetched would be missing or twice. Where the answers show it, that is an error: a page
that repeats another, a page that is shorter than the ones around it, a total that changes or is not reached.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urljoin, urlsplit

from mainline.data.sources.api_client import Answer, Client
from mainline.errors import ConfigurationError, DataError, ExternalError

if TYPE_CHECKING:
    from mainline.config.api import Pages

STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


@dataclass
class Seen:
    """What earlier pages held."""

    pages: list[int] = field(default_factory=list)  # the number of records of each
    records: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)  # cursors and addresses
    total: int | None = None


async def records(client: Client, url: str, parameters: Mapping[str, str], what: str) -> AsyncIterator[list[str]]:
    """The records of every page as canonical JSON; `what` is how a message begins to name a page.

    Raises
    ------
    DataError
        Where a page has no records in the place that the settings name, or rows moved while pages were fetched.
    ExternalError, ConfigurationError
        As `Client.get`.
    """
    pages, seen = client.settings.pages, Seen()
    own: dict[str, str] | None = first_parameters(pages)
    while own is not None:
        number = len(seen.pages) + 1
        page = f"{what}page {number}"
        answer = await client.get(url, {**parameters, **own}, page)
        if not answer.found:
            if past_the_end(pages, seen):
                break
            raise DataError(f"{client.where}: {page}: the server answers that there is no such page (status 404)")
        found = canonical(client, page, answer.content)
        check_moved(client, page, pages, seen, found, answer)
        seen.pages.append(len(found))
        if found:
            yield found
        url, own = following(client, page, url, pages, seen, answer)
        if url_has_query(pages, own):
            parameters = {}
    if seen.total is not None and sum(seen.pages) != seen.total:
        raise DataError(
            f"{client.where}: the pages hold {sum(seen.pages)} records, the server states a total of {seen.total}: "
            "rows moved while they were fetched, or a page is incomplete; run again"
        )


def first_parameters(pages: Pages | str | None) -> dict[str, str]:
    if not is_paged(pages):
        return {}
    own = {pages.limit: str(pages.size)} if pages.limit else {}
    if pages.number:
        own[pages.number] = str(pages.first)
    if pages.offset:
        own[pages.offset] = "0"
    return own


def following(
    client: Client, page: str, url: str, pages: Pages | str | None, seen: Seen, answer: Answer
) -> tuple[str, dict[str, str] | None]:
    """The address and the parameters of the next page; no parameters where this one is the last."""
    if pages is None:
        return url, None
    if not is_paged(pages):
        return linked(client, page, url, seen, answer.following)
    if pages.cursor:
        mark = place(answer.content, pages.cursor, None)
        if mark is None or mark == "" or mark is False:
            return url, None
        if pages.parameter is None:
            return linked(client, page, url, seen, str(mark))
        if str(mark) in seen.marks:
            raise DataError(f"{client.where}: {page} has a cursor that an earlier page had: the pages go in a circle")
        seen.marks.add(str(mark))
        return url, {**first_parameters(pages), pages.parameter: str(mark)}
    done = not seen.pages[-1] or (seen.total is not None and sum(seen.pages) >= seen.total)
    if done:
        return url, None
    own = first_parameters(pages)
    if pages.number:
        own[pages.number] = str(pages.first + len(seen.pages))
    if pages.offset:
        own[pages.offset] = str(sum(seen.pages))
    return url, own


def linked(client: Client, page: str, url: str, seen: Seen, address: str | None) -> tuple[str, dict[str, str] | None]:
    if address is None:
        return url, None
    found = urljoin(url, address)
    if urlsplit(found)[:2] != urlsplit(url)[:2] and client.caller.variable:
        raise ExternalError(
            f"{client.where}: {page} names a next page on another server, {urlsplit(found).netloc}: "
            f"the value of {client.caller.variable} is not sent there"
        )
    if found in seen.marks:
        raise DataError(f"{client.where}: {page} names a page that was fetched before: the pages go in a circle")
    seen.marks.add(found)
    return found, {}


def url_has_query(pages: Pages | str | None, own: object) -> bool:
    """An address that the server names is complete: the parameters of the first request are in it."""
    return own == {} and (pages == "link" or (is_paged(pages) and bool(pages.cursor)))


def past_the_end(pages: Pages | str | None, seen: Seen) -> bool:
    """Some servers answer with 404 behind the last page."""
    return is_paged(pages) and bool(pages.number or pages.offset) and bool(seen.pages)


def canonical(client: Client, page: str, content: Any) -> list[str]:
    path = client.settings.records
    found = place(content, path, None)
    if not isinstance(found, list):
        there = f"the answer has {', '.join(list(content)[:10]) or 'nothing'}" if isinstance(content, dict) else ""
        there = there or f"the answer is {kind(content)}"
        raise DataError(f"{client.where}.records: {page} has no list of records at {path}: {there}")
    odd = next((each for each in found if not isinstance(each, dict)), None)
    if odd is not None:
        raise DataError(f"{client.where}.records: {page} has {kind(odd)} among its records at {path}, not an object")
    return [json.dumps(each, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for each in found]


def check_moved(
    client: Client, page: str, pages: Pages | str | None, seen: Seen, found: list[str], answer: Answer
) -> None:
    """Raises DataError where the pages show that rows moved while they were fetched."""
    if not is_paged(pages):
        keep, counted, total = False, False, None
    else:
        keep, counted = pages.repeats == "keep", not pages.cursor
        total = place(answer.content, pages.total, None) if pages.total else None
        if pages.total and (not isinstance(total, int) or isinstance(total, bool)):
            raise ConfigurationError(f"{client.where}.pages.total: {page} has no whole number at {pages.total}")
    if total is not None and seen.total is not None and total != seen.total:
        raise DataError(
            f"{client.where}: {page} states a total of {total} records, earlier pages stated {seen.total}: "
            "rows were added or removed while the pages were fetched; run again"
        )
    seen.total = total if total is not None else seen.total
    longest = max([*seen.pages, len(found)])
    if counted and found and seen.pages and seen.pages[-1] < longest:
        raise DataError(
            f"{client.where}: page {len(seen.pages)} has {seen.pages[-1]} records, another page has {longest}, and "
            f"{page} goes on: the page is incomplete, or rows were removed while the pages were fetched; run again"
        )
    again = [each for each in found if each in seen.records]
    if again and not keep:
        raise DataError(
            f"{client.where}: {page} repeats {len(again)} of its {len(found)} records from earlier pages: rows moved "
            "while the pages were fetched, or the server ignores the paging; have the API sort by a column that does "
            f"not change, or set {client.where}.pages.repeats to keep"
        )
    seen.records.update(found)


def is_paged(pages: Pages | str | None) -> TypeGuard[Pages]:
    """Whether the settings describe the pages; else they are one, or follow the Link header."""
    return pages is not None and not isinstance(pages, str)


def place(content: Any, path: str, default: Any) -> Any:
    """What is at `$.a.b[0]` of an answer."""
    for name, index in STEP.findall(path):
        if name and isinstance(content, dict) and name in content:
            content = content[name]
        elif index and isinstance(content, list) and int(index) < len(content):
            content = content[int(index)]
        else:
            return default
    return content


def kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
