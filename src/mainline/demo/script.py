"""`data/demo.yaml`, the script of the demo, as typed values. A fork writes its own for its own data."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mainline.config.loader import FILE as PARAMS
from mainline.config.schema import Span, SpanField
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.errors import ConfigurationError

FILE = Path("data/demo.yaml")


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Edit(Part):
    """A piece of `params.yaml` and its replacement."""

    old: str
    new: str


class Change(Part):
    """A commit: `why` is its message."""

    why: str
    edits: list[Edit]


class BadData(Part):
    """Invalid rows of a table: `replace` gives SQL for columns, `{since}` is the first day of the period."""

    at: dt.date
    why: str
    file: Path
    replace: dict[str, str]

    def spoil(self, root: Path, since: dt.date) -> None:
        """Write the table with invalid rows; raises ConfigurationError if the SQL fails."""
        import duckdb

        file = root / self.file
        broken = file.with_name(f"broken{file.suffix}")
        columns = ", ".join(f"{sql.format(since=since)} AS {quoted(name)}" for name, sql in self.replace.items())
        try:
            with duckdb.connect() as connection:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute(f"COPY (SELECT * REPLACE ({columns}) FROM {text(str(file))}) TO {text(str(broken))}")
        except duckdb.Error as error:
            raise ConfigurationError(f"{FILE}: bad_data: {str(error).strip().splitlines()[0]}") from None
        broken.replace(file)


class BadRelease(Change):
    """A change that is released on the first day of the period that begins at `at`, and detected after `days`."""

    at: dt.date
    days: Annotated[int, Field(ge=1)] = 5


class Script(Part):
    """Training data end at `start`; then follow `periods` periods of live traffic."""

    start: dt.date
    period: SpanField = Span(count=1, unit="month")
    periods: Annotated[int, Field(ge=1)]
    settings: list[Edit] = []
    worse: Change
    bad_data: BadData | None = None
    bad_release: BadRelease | None = None

    def spans(self, most: int | None = None) -> list[tuple[dt.date, dt.date]]:
        """The first day of each period and the day after its last, for at most `most` periods."""
        count = min(self.periods, most or self.periods)
        ends = [self.start, *(self.period.after(self.start, number) for number in range(1, count + 1))]
        return list(itertools.pairwise(ends))


def read(file: Path) -> Script:
    """Raises ConfigurationError if the file is missing or invalid."""
    try:
        return Script.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ConfigurationError(f"{FILE} does not exist: it is the script of `make demo`") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{FILE} is not valid YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"{FILE}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def edited(content: str, edits: list[Edit]) -> str:
    """The text of `params.yaml` after the edits; raises ConfigurationError if a piece does not occur exactly once."""
    for edit in edits:
        if content.count(edit.old) != 1:
            times = "does not occur" if edit.old not in content else "occurs more than once"
            raise ConfigurationError(f"{FILE} replaces {edit.old!r}, which {times} in {PARAMS}")
        content = content.replace(edit.old, edit.new)
    return content
