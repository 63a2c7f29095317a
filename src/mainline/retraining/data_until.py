"""The clock in the text of `params.yaml`: read and moved on, with every other byte as it was.

On the standard library alone: the job that may write to the repository installs nothing.
"""

from __future__ import annotations

import datetime as dt
import re

from mainline.errors import ConfigurationError

# A comment's line has its `#` before the word; the quotes may be there or not.
UNTIL = re.compile(rb"(?m)^(?P<before>[^#\r\n]*?(?<![\w.-])until:[ \t]*[\"']?)(?P<date>\d{4}-\d\d-\d\d)(?![\w:-])")


def shown(text: bytes) -> dt.date:
    """The date that `data.until` holds.

    Raises
    ------
    ConfigurationError
        Where the file does not hold `until: YYYY-MM-DD` exactly once.
    """
    return _date(_only(text)["date"])


def moved(text: bytes, to: dt.date) -> bytes:
    """The file with another date and nothing else changed; raises as `shown` does, and where `to` is no later."""
    found = _only(text)
    before = _date(found["date"])
    if to <= before:
        raise ConfigurationError(f"data.until is {before} already: it can only be moved on, not to {to}")
    return text[: found.start("date")] + to.isoformat().encode() + text[found.end("date") :]


def _only(text: bytes) -> re.Match[bytes]:
    found = list(UNTIL.finditer(text))
    if len(found) != 1:
        times = f"{len(found)} times" if found else "nowhere"
        raise ConfigurationError(f"params.yaml holds `until: YYYY-MM-DD` {times}: once, under `data`, is needed")
    return found[0]


def _date(value: bytes) -> dt.date:
    try:
        return dt.date.fromisoformat(value.decode())
    except ValueError:
        raise ConfigurationError(f"params.yaml: until: {value.decode()} is no date") from None
