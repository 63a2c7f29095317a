"""One request of one operation, and what its answer is made with."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tests.github.double import GitHubDouble, Request
    from tests.github.state import Repository

T = TypeVar("T")


class Refusal(Exception):
    """GitHub says no: an HTTP status and its message, with what is wrong of single fields."""

    def __init__(self, status: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors

    def body(self) -> dict[str, Any]:
        said: dict[str, Any] = {"message": str(self), "documentation_url": "https://docs.github.com/rest"}
        if self.errors:
            said["errors"] = [{"resource": "", "code": "custom", "message": one} for one in self.errors]
        return said | {"status": str(self.status)}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class Call:
    """A request that fits the description: its parameters typed, `login` whoever asks."""

    double: GitHubDouble
    request: Request
    login: str
    access: str
    parameters: Mapping[str, Any]
    body: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    @property
    def repository(self) -> Repository:
        found = self.double.repositories.get(f"{self['owner']}/{self['repo']}".lower())
        if found is None or (found.private and not self.login):
            raise Refusal(404, "Not Found")
        return found

    def now(self) -> str:
        return self.double.clock.now()

    def page(self, items: list[Any], key: str | None = None) -> Answer:
        """One page of a list, with the Link header that leads to the others; `key` wraps it with its count."""
        size = min(max(self["per_page"] or 30, 1), 100)
        page = max(self.parameters.get("page") or 1, 1)
        last = max(-(-len(items) // size), 1)
        links = {"prev": page - 1, "next": page + 1, "first": 1, "last": last}
        shown = [rel for rel in links if (page > 1 if rel in ("prev", "first") else page < last)]
        header = ", ".join(f'<{self._url(page=links[rel])}>; rel="{rel}"' for rel in shown)
        part = items[(page - 1) * size : page * size]
        body = {"total_count": len(items), key: part} if key else part
        return Answer(200, body, {"Link": header} if header else {})

    def _url(self, **query: Any) -> str:
        return f"{self.double.api}{self.request.path}?" + urllib.parse.urlencode({**self.request.query, **query})


def found(items: Mapping[Any, T], key: Any) -> T:
    """The item, or GitHub's 404."""
    if key not in items:
        raise Refusal(404, "Not Found")
    return items[key]


OPERATIONS: dict[str, Callable[[Call], Answer]] = {}


def serves(operation: str) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
    """This function answers GitHub's operation of that name."""

    def register(function: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        assert operation not in OPERATIONS, f"{operation} is served twice"
        OPERATIONS[operation] = function
        return function

    return register
