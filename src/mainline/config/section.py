"""What the settings are made of: a section, and a length of time."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

ImportPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$")]

UNITS = ("minute", "hour", "day", "week", "month", "year")


class Span(BaseModel):
    """A length of time in calendar units, such as `1 month` or `51 minutes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int
    unit: Literal["minute", "hour", "day", "week", "month", "year"]

    def before(self, moment: dt.datetime) -> dt.datetime:
        """The moment this long before `moment`, on the same wall clock."""
        from dateutil.relativedelta import relativedelta

        earlier: dt.datetime = moment - relativedelta(**{f"{self.unit}s": self.count})
        return earlier

    @property
    def days(self) -> float:
        """Its length in days, of months and years in the calendar of 2013."""
        end = dt.datetime(2013, 12, 31, tzinfo=dt.UTC)
        return (end - self.before(end)) / dt.timedelta(days=1)

    def after(self, day: dt.date, times: int = 1) -> dt.date:
        """The day `times` spans after `day`; a span shorter than a day gives `day` itself."""
        from dateutil.relativedelta import relativedelta

        later: dt.datetime = dt.datetime.combine(day, dt.time()) + relativedelta(
            **{f"{self.unit}s": self.count * times}
        )
        return later.date()

    def __str__(self) -> str:
        return f"{self.count} {self.unit}" + ("s" if self.count != 1 else "")


def parse_span(value: object) -> object:
    if not isinstance(value, str):
        return value
    count, _, unit = value.partition(" ")
    unit = unit.strip().removesuffix("s")
    if not count.isdigit() or int(count) == 0 or unit not in UNITS:
        raise ValueError(f"a length of time is a whole number and a unit ({', '.join(UNITS)}), such as '1 month'")
    return {"count": int(count), "unit": unit}


SPAN_SCHEMA = {"type": "string", "pattern": rf"^[1-9]\d* ({'|'.join(UNITS)})s?$", "examples": ["1 month", "51 minutes"]}
SpanField = Annotated[Span, BeforeValidator(parse_span), WithJsonSchema(SPAN_SCHEMA)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Extensible(Section):
    """A section that takes further settings, which a project's own modules declare (`extensions`)."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
