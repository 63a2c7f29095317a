"""Delta tables by version: by default, the one that was current at the data cutoff."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

from mainline.data.sources.declaration import Request, source
from mainline.data.sources.formats import Files
from mainline.data.sources.remote import redacted
from mainline.data.sources.versions import Moment, Version, as_of, kept, listed, missing_group
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError

if TYPE_CHECKING:
    from mainline.config.schema import Source


@source("delta")
def collect(settings: Source, request: Request) -> Files:
    """The rows of one version before the cutoff.

    Raises
    ------
    DataError
        Where there is no table or no such version, or its files are gone, or it was rewritten under the same version.
    ExternalError
        Where the store cannot be reached.
    """
    given = str(settings.delta)
    where, shown = f"data.sources.{request.table}.delta", redacted(given) if "://" in given else given
    try:
        import deltalake
    except ImportError:
        raise missing_group(where, "a Delta table", "delta") from None
    address = given if "://" in given else str(request.root / given)
    latest = _opened(where, shown, lambda: deltalake.DeltaTable(address))
    wanted = settings.version
    if wanted == "latest":
        number = int(latest.version())
    elif wanted is not None:
        number = int(wanted)
    else:
        number = as_of(where, shown, history(latest), request.until)
    if number > latest.version():
        raise DataError(f"{where}: {shown} has no version {number}, its last is {latest.version()}")
    table = _opened(where, shown, lambda: deltalake.DeltaTable(address, version=number), number, latest)
    files = _files(table)
    return kept(
        Version(
            f"version {number} of {shown}",
            f"delta {address} {number}",
            hashlib.sha256(f"{table.metadata().id}\n{files}".encode()).hexdigest(),
            lambda: _reader(where, shown, number, table),
        ),
        request,
    )


def history(table: Any) -> list[Moment]:
    """The versions that the log still has, of a table that is open at its latest."""
    last, moments = int(table.version()), []
    for back, entry in enumerate(table.history()):
        if "timestamp" in entry:
            moments.append(Moment(last - back, dt.datetime.fromtimestamp(entry["timestamp"] / 1000, dt.UTC)))
    return moments


def _files(table: Any) -> str:
    import pyarrow as pa

    found = pa.table(table.get_add_actions()).select(["path", "size_bytes", "modification_time"])
    return "\n".join(sorted(str(each) for each in found.to_pylist()))


def _reader(where: str, shown: str, number: int, table: Any) -> Any:
    from deltalake.exceptions import DeltaProtocolError

    try:
        return table.to_pyarrow_dataset().scanner().to_reader()
    except DeltaProtocolError as error:
        raise ConfigurationError(
            f"{where}: version {number} of {shown} uses what deltalake cannot read ({error}); "
            "write it without (such as with REORG TABLE … APPLY (PURGE) for deletion vectors)"
        ) from None


def _opened(where: str, shown: str, open_: Any, number: int | None = None, latest: Any = None) -> Any:
    from deltalake.exceptions import TableNotFoundError

    try:
        return open_()
    except MainlineError:
        raise
    except TableNotFoundError:
        raise DataError(f"{where}: {shown} is no Delta table") from None
    except Exception as error:
        said = " ".join(str(error).split())
        if latest is not None and ("segment" in said.lower() or "version" in said.lower()):
            there = listed(sorted(each.version for each in history(latest)))
            raise DataError(
                f"{where}: version {number} of {shown} is gone: its log was cleaned up; there are {there}"
            ) from None
        raise ExternalError(f"{where}: {shown} cannot be opened: {said}") from None
