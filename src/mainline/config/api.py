"""The settings of an API: how its pages follow each other, what identifies the caller, what is asked again."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from mainline.config.section import Section, Span, SpanField


def variable(value: object) -> object:
    """The value is not in the message: it may be the secret itself."""
    if not isinstance(value, str) or not re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("write the name of an environment variable, such as $RATES_TOKEN, never the value itself")
    return value


def json_path(value: str) -> str:
    if not re.fullmatch(r"\$((\.[^.\[\]]+)|(\[\d+\]))*", value):
        raise ValueError("a place in the answer is written as $.data.items, and $ is the whole answer")
    return value


# The name of an environment variable, never a value: a secret is in no file and in no message.
Variable = Annotated[
    str, BeforeValidator(variable), WithJsonSchema({"type": "string", "pattern": r"^\$[A-Za-z_][A-Za-z0-9_]*$"})
]
JsonPath = Annotated[str, AfterValidator(json_path), WithJsonSchema({"type": "string", "pattern": r"^\$"})]


class Auth(Section):
    """What identifies the caller, where it is not `Authorization: Bearer`."""

    value: Variable = Field(description="Environment variable with the token, key or password.")
    header: str | None = Field(None, description="Header that carries it, such as `X-Api-Key`.")
    parameter: str | None = Field(None, description="Query parameter that carries it.")
    user: str | None = Field(None, description="User name of HTTP Basic, whose password it is.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.header, self.parameter, self.user)) != 1:
            raise ValueError("one of `header`, `parameter` and `user` says where the value goes")
        return self


class Pages(Section):
    """How pages follow each other: one of `number`, `offset` and `cursor`; `pages: link` follows the Link header."""

    number: str | None = Field(None, description="Query parameter with the number of the page.")
    first: int = Field(1, description="Number of the first page.")
    offset: str | None = Field(None, description="Query parameter with the number of records to skip.")
    cursor: JsonPath | None = Field(
        None, description="Where an answer says what comes next: a mark for `parameter`, or a URL."
    )
    parameter: str | None = Field(None, description="Query parameter that takes the cursor; none where it is a URL.")
    limit: str | None = Field(None, description="Query parameter with the number of records per page.")
    size: Annotated[int, Field(ge=1)] | None = Field(None, description="Records per page.")
    total: JsonPath | None = Field(
        None, description="Where an answer states the number of all records: it must stay, and be reached."
    )
    repeats: Literal["refuse", "keep"] = Field(
        "refuse", description="What to do with a record that appears on two pages: rows that moved while paging."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.number, self.offset, self.cursor)) != 1:
            raise ValueError("pages have one of `number`, `offset` and `cursor`, or are `link`")
        if (self.limit is None) != (self.size is None):
            raise ValueError("`limit` names the parameter and `size` its value: set both")
        if self.parameter is not None and self.cursor is None:
            raise ValueError("`parameter` belongs to `cursor`")
        return self


class Increments(Section):
    """Only what is new is asked: each window of `time` once, by the parameters that limit it."""

    since: str = Field(description="Query parameter of the first moment of a window (inclusive, ISO 8601).")
    until: str = Field(description="Query parameter of the end of a window (exclusive, ISO 8601).")
    start: dt.date = Field(description="First day that is asked for.")
    window: SpanField = Field(Span(count=1, unit="month"), description="Length of a window.")
    again: SpanField | None = Field(
        None, description="Windows that end this long before today are asked again, for late or corrected rows."
    )

    @model_validator(mode="after")
    def _whole_days(self) -> Self:
        if self.window.unit in ("minute", "hour"):
            raise ValueError("a window is at least a day long")
        return self


def written_as(value: object) -> str:
    return "section" if isinstance(value, (dict, BaseModel)) else "text"


# One branch judges each: else a secret that was written in place of its name would be in the other's message.
AuthField = Annotated[Annotated[Variable, Tag("text")] | Annotated[Auth, Tag("section")], Discriminator(written_as)]
PagesField = Annotated[
    Annotated[Literal["link"], Tag("text")] | Annotated[Pages, Tag("section")], Discriminator(written_as)
]


class ApiSettings(Section):
    """The settings of a source that is an API, next to `api` itself."""

    pages: PagesField | None = Field(None, description="How pages follow each other; none: one answer.")
    auth: AuthField | None = Field(
        None, description="Environment variable with a bearer token, such as `$RATES_TOKEN`, or where a key goes."
    )
    records: JsonPath = Field("$", description="Where the records are in an answer, such as `$.items`.")
    increments: Increments | None = Field(None, description="How to ask only for what is new.")
    per_second: Annotated[float, Field(gt=0)] | None = Field(None, description="Most requests per second.")
    patience: Annotated[int, Field(ge=0)] = Field(
        60, description="Longest wait, in seconds, that an answer may ask for (`Retry-After`)."
    )
