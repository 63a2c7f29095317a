"""The data cutoff in the text of `params.yaml`: read it and move it forward; no other byte changes.

Uses only the standard library: the job with write permission installs nothing.
"""

from __future__ import annotations

import datetime as dt
import re

from mainline.errors import ConfigurationError

# In a comment, `#` comes before the word. Quotes are optional.
UNTIL = re.compile(rb"(?m)^(?P<before>[^#\r\n]*?(?<![\w.-])until:[ \t]*[\"']?)(?P<date>\d{4}-\d\d-\d\d)(?![\w:-])")


def shown(text: bytes) -> dt.date:
    """The date of `data.until`.

    Raises
    ------
    ConfigurationError
        If the file does not contain `until: YYYY-MM-DD` exactly once.
    """
    return _date(_only(text)["date"])


def moved(text: bytes, to: dt.date) -> bytes:
    """The file with another date and nothing else changed; raises like `shown`, and if `to` is not later."""
    found = _only(text)
    before = _date(found["date"])
    if to <= before:
        raise ConfigurationError(f"data.until is already {before}: it can only move forward, not to {to}")
    return text[: found.start("date")] + to.isoformat().encode() + text[found.end("date") :]


def _only(text: bytes) -> re.Match[bytes]:
    found = list(UNTIL.finditer(text))
    if len(found) != 1:
        raise ConfigurationError(
            f"params.yaml contains `until: YYYY-MM-DD` {len(found)} times; it must be there once, under `data`"
        )
    return found[0]


def _date(value: bytes) -> dt.date:
    try:
        return dt.date.fromisoformat(value.decode())
    except ValueError:
        raise ConfigurationError(f"params.yaml: until: {value.decode()} is not a date") from None
