"""How the server is set up: environment variables, each with a default that is safe to start with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import ConfigurationError

PREFIX = "MAINLINE_"


@dataclass(frozen=True)
class Configuration:
    """What the environment says; sizes are in bytes, times in seconds."""

    model: Path = Path(".mainline/model")
    host: str = "127.0.0.1"
    port: int = 8080
    version: str | None = None  # instead of the export's, such as the registry's number
    api_key: bytes | None = None
    max_body: int = 16 * 2**20
    max_rows: int = 10_000
    max_waiting: int = 256  # requests at once; more are answered 503
    body_seconds: float = 10.0  # in which a request's body must have come
    drain_seconds: float = 0.0  # to go on answering after SIGTERM, until a balancer has noticed
    log: Path | None = None  # the folder of the log's spool; none is written where not given
    log_bytes: int = 256 * 2**20  # of all its files together
    log_file_bytes: int = 16 * 2**20
    log_file_seconds: float = 60.0  # after which what a quiet server has logged can be taken
    log_leave_out: tuple[str, ...] = ()
    replay: bool = False  # requests may say their time


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Raises ConfigurationError for a value that cannot be meant."""
    given = {name: environment.get(PREFIX + name, "") for name in VARIABLES}
    default = Configuration()
    return Configuration(
        model=Path(given["MODEL"] or default.model),
        host=given["HOST"] or default.host,
        port=number(given, "PORT", default.port, 0, 65535),
        version=given["VERSION"] or None,
        api_key=api_key(given),
        max_body=number(given, "MAX_BODY_BYTES", default.max_body, 1),
        max_rows=number(given, "MAX_ROWS", default.max_rows, 1),
        max_waiting=number(given, "MAX_WAITING", default.max_waiting, 1),
        body_seconds=number(given, "BODY_SECONDS", int(default.body_seconds), 1),
        drain_seconds=number(given, "DRAIN_SECONDS", int(default.drain_seconds), 0),
        log=Path(given["LOG"]) if given["LOG"] else None,
        log_bytes=number(given, "LOG_MEGABYTES", default.log_bytes >> 20, 1) << 20,
        log_file_bytes=number(given, "LOG_FILE_MEGABYTES", default.log_file_bytes >> 20, 1) << 20,
        log_file_seconds=number(given, "LOG_FILE_SECONDS", int(default.log_file_seconds), 1),
        replay=switch(given, "REPLAY"),
        log_leave_out=tuple(name.strip() for name in given["LOG_LEAVE_OUT"].split(",") if name.strip()),
    )


# The variables, without their prefix, and what each is for: the documentation is made of this.
VARIABLES = {
    "MODEL": "The folder of the export: `model.onnx` and `serving.json`.",
    "HOST": "The address to listen on.",
    "PORT": "The port to listen on.",
    "VERSION": "What `/version` calls the model, instead of what the export says.",
    # pragma: allowlist nextline secret
    "API_KEY": "Where set, everything but the probes needs it, as `x-api-key` or as a bearer token.",
    "API_KEY_FILE": "A file that holds the key.",  # pragma: allowlist secret
    "MAX_BODY_BYTES": "A longer body is refused with 413.",
    "MAX_ROWS": "A request with more rows is refused with 413.",
    "MAX_WAITING": "With more requests at once the next is answered 503.",
    "BODY_SECONDS": "A body that takes longer to come is refused with 408.",
    "DRAIN_SECONDS": "How long requests are still answered after SIGTERM, while `/ready` says 503.",
    "LOG": "The folder of the log of predictions and labels, for `make ship` to take. Without it none is written.",
    "LOG_MEGABYTES": "The most that the log's files may take, an eighth of it for labels: the oldest are removed.",
    "LOG_FILE_MEGABYTES": "The size at which a new file is begun.",
    "LOG_FILE_SECONDS": "The age at which a file is finished, however small it is.",
    "LOG_LEAVE_OUT": "Columns that must not be logged, with commas between.",
    "REPLAY": "`1` for a rehearsal on past data: a request may say its time, as `x-replay-time`.",
}


def number(given: Mapping[str, str], name: str, default: int, low: int, high: int | None = None) -> int:
    text = given[name]
    if not text:
        return default
    found = int(text) if text.isascii() and text.isdigit() else -1
    if found < low or (high is not None and found > high):
        range_ = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise ConfigurationError(f"{PREFIX}{name}: a whole number {range_} is needed, not {text!r}")
    return found


def switch(given: Mapping[str, str], name: str) -> bool:
    if given[name] not in ("", "0", "1"):
        raise ConfigurationError(f"{PREFIX}{name}: 0 or 1 is needed, not {given[name]!r}")
    return given[name] == "1"


def api_key(given: Mapping[str, str]) -> bytes | None:
    # A key that was written to a secret with `echo` ends with a line that no header can carry.
    name, key = f"{PREFIX}API_KEY", given["API_KEY"].strip().encode()
    if given["API_KEY"] and not key:
        raise ConfigurationError(f"{name} is blank: that would let everybody in")
    if not key and given["API_KEY_FILE"]:
        name = f"{PREFIX}API_KEY_FILE: {given['API_KEY_FILE']}"
        try:
            key = Path(given["API_KEY_FILE"]).read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"{name}: {error.strerror}") from None
        if not key:
            raise ConfigurationError(f"{name} is empty: that would let everybody in")
    if not key.isascii():
        raise ConfigurationError(f"{name}: a header can carry a key of ASCII characters only")
    return key or None


def table() -> str:
    """The variables as a Markdown table: `docs/serve.md` holds it, and a test compares."""
    default = Configuration()
    values = {
        "MODEL": str(default.model),
        "HOST": default.host,
        "PORT": default.port,
        "MAX_BODY_BYTES": default.max_body,
        "MAX_ROWS": default.max_rows,
        "MAX_WAITING": default.max_waiting,
        "BODY_SECONDS": f"{default.body_seconds:g}",
        "DRAIN_SECONDS": f"{default.drain_seconds:g}",
        "LOG_MEGABYTES": default.log_bytes >> 20,
        "LOG_FILE_MEGABYTES": default.log_file_bytes >> 20,
        "LOG_FILE_SECONDS": f"{default.log_file_seconds:g}",
    }
    lines = ["| variable | default | |", "|---|---|---|"]
    for name, text in VARIABLES.items():
        lines.append(f"| `{PREFIX}{name}` | {f'`{values[name]}`' if name in values else ''} | {text} |")
    return "\n".join(lines) + "\n"
