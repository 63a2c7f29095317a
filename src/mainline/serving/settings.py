"""The server's settings: environment variables, each with a safe default.

`Configuration` declares each variable once: its name, default, description and range. The reading, the errors and
the table of the documentation are made from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta, field

from mainline.errors import ConfigurationError

PREFIX = "MAINLINE_"
MEGABYTE = 2**20

KEY = "If set, every path but the probes requires it, as `x-api-key` or as a bearer token."
LOG = "The folder of the log of predictions and labels, which `make ship` ships. If unset, nothing is logged."
LOG_MEGABYTES = "The maximum size of the log's files, an eighth of it for labels: the oldest are removed."
REPLAY = "`1` for a replay of past data: a request may set its time with `x-replay-time`."
MODEL = "The folder of the export: `model.onnx` and `serving.json`."
VERSION = "The version that `/version` reports, instead of the one in the export."
DRAIN = "How long requests are still answered after SIGTERM, while `/ready` returns 503."


class Configuration(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """The settings from the environment; sizes are in bytes, times in seconds.

    A range is in the unit of the variable: `unit` is how many of the field's units one of the variable's is.
    """

    model: Annotated[Path, Meta(description=MODEL)] = Path(".mainline/model")
    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="The port to listen on.")] = 8080
    version: Annotated[str | None, Meta(description=VERSION)] = None
    api_key: Annotated[bytes | None, Meta(description=KEY)] = None
    api_key_file: Annotated[Path | None, Meta(description="A file that holds the key.")] = None
    max_body: Annotated[int, Meta(ge=1, description="A longer body is refused with 413.")] = field(
        default=16 * MEGABYTE, name="MAX_BODY_BYTES"
    )
    max_rows: Annotated[int, Meta(ge=1, description="A request with more rows is refused with 413.")] = 10_000
    max_waiting: Annotated[
        int, Meta(ge=1, description="With more requests at once, the next one is refused with 503.")
    ] = 256
    body_seconds: Annotated[
        float, Meta(ge=1, description="A body that takes longer to arrive is refused with 408.")
    ] = 10.0
    drain_seconds: Annotated[float, Meta(ge=0, description=DRAIN)] = 0.0
    log: Annotated[Path | None, Meta(description=LOG)] = None
    log_bytes: Annotated[int, Meta(ge=1, description=LOG_MEGABYTES, extra={"unit": MEGABYTE})] = field(
        default=256 * MEGABYTE, name="LOG_MEGABYTES"
    )
    log_file_bytes: Annotated[
        int, Meta(ge=1, description="The size at which a new file is started.", extra={"unit": MEGABYTE})
    ] = field(default=16 * MEGABYTE, name="LOG_FILE_MEGABYTES")
    log_file_seconds: Annotated[
        float, Meta(ge=1, description="The age at which a file is finished, however small it is.")
    ] = 60.0
    log_leave_out: Annotated[
        tuple[str, ...], Meta(description="Columns that must not be logged, separated by commas.")
    ] = ()
    replay: Annotated[bool, Meta(description=REPLAY)] = False


class Variable(NamedTuple):
    """A variable of the server, without its prefix, and the field that it sets."""

    name: str
    field: str
    type: Any
    default: Any
    description: str
    low: int | None
    high: int | None
    unit: int

    @property
    def text(self) -> str:
        """The default as it would be written; nothing where there is none."""
        if self.low is None:
            return str(self.default) if isinstance(self.default, str | Path) else ""
        return f"{self.default / self.unit:.15g}"


def declared() -> list[Variable]:
    hints = get_type_hints(Configuration, include_extras=True)
    found = []
    for each in msgspec.structs.fields(Configuration):
        kind, meta = get_args(hints[each.name])
        unit = (meta.extra or {}).get("unit", 1)
        found.append(
            Variable(each.encode_name, each.name, kind, each.default, meta.description, meta.ge, meta.le, unit)
        )
    return found


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration that the environment gives; a variable that is empty is one that is not set.

    Raises
    ------
    ConfigurationError
        For a value that the server cannot use; the message names the variable.
    """
    given = {each.field: value for each in VARIABLES.values() if (value := environment.get(PREFIX + each.name))}
    found = {each.field: parsed(each, given[each.field]) for each in VARIABLES.values() if each.field in given}
    return Configuration(**{**found, "api_key": api_key(given)})


def parsed(variable: Variable, text: str) -> Any:
    if variable.low is not None:
        return number(variable, text)
    if variable.type is bool:
        return switch(variable, text)
    if variable.type == tuple[str, ...]:
        return tuple(name.strip() for name in text.split(",") if name.strip())
    return Path(text) if variable.type in (Path, Path | None) else text


def number(variable: Variable, text: str) -> float:
    low, high = variable.low, variable.high
    found = int(text) if text.isascii() and text.isdigit() else -1
    if found < (low or 0) or (high is not None and found > high):
        range_ = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise ConfigurationError(f"{PREFIX}{variable.name}: a whole number {range_} is needed, not {text!r}")
    return found * variable.unit


def switch(variable: Variable, text: str) -> bool:
    if text not in ("0", "1"):
        raise ConfigurationError(f"{PREFIX}{variable.name}: 0 or 1 is needed, not {text!r}")
    return text == "1"


def api_key(given: Mapping[str, str]) -> bytes | None:
    # A key that was written to a secret with `echo` ends with a line break, which no header can carry.
    text, file = given.get("api_key", ""), given.get("api_key_file", "")
    name, key = f"{PREFIX}API_KEY", text.strip().encode()
    if text and not key:
        raise ConfigurationError(f"{name} is blank: that would allow access without a key")
    if not key and file:
        name = f"{PREFIX}API_KEY_FILE: {file}"
        try:
            key = Path(file).read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"{name}: {error.strerror}") from None
        if not key:
            raise ConfigurationError(f"{name} is empty: that would allow access without a key")
    if not key.isascii():
        raise ConfigurationError(f"{name}: the key must consist of ASCII characters, as a header cannot carry others")
    return key or None


def variables() -> list[tuple[str, str, str]]:
    """Name, default and description of every variable, for the documentation."""
    return [(PREFIX + each.name, each.text, each.description) for each in VARIABLES.values()]


def table() -> str:
    """The variables as a Markdown table: `docs/serve.md` holds it, and a test compares."""
    lines = ["| variable | default | |", "|---|---|---|"]
    lines += [f"| `{name}` | {f'`{value}`' if value else ''} | {text} |" for name, value, text in variables()]
    return "\n".join(lines) + "\n"


VARIABLES = {each.name: each for each in declared()}
