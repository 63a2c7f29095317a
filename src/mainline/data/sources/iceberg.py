"""Iceberg tables by snapshot: by default, the one that was current at the data cutoff."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from mainline.data.sources.declaration import Request, source
from mainline.data.sources.formats import Files
from mainline.data.sources.versions import Moment, Version, as_of, kept, listed, missing_group
from mainline.errors import ConfigurationError, DataError, ExternalError

if TYPE_CHECKING:
    from mainline.config.schema import Source


@source("iceberg")
def collect(settings: Source, request: Request) -> Files:
    """The rows of one snapshot before the cutoff.

    Raises
    ------
    ConfigurationError
        Where the catalog is not configured.
    DataError
        Where there is no such table, snapshot or tag, or its files are gone.
    ExternalError
        Where the catalog or the store cannot be reached.
    """
    where, name = f"data.sources.{request.table}.iceberg", str(settings.iceberg)
    try:
        from pyiceberg.catalog import load_catalog
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
    except ImportError:
        raise missing_group(where, "an Iceberg table", "iceberg") from None
    try:
        catalog = load_catalog(settings.catalog)
    except ValueError as error:
        raise ConfigurationError(f"{where}: the catalog {settings.catalog} is not configured: {error}") from None
    except Exception as error:
        raise ExternalError(f"{where}: the catalog {settings.catalog} cannot be reached: {_said(error)}") from None
    try:
        table = catalog.load_table(name)
    except (NoSuchTableError, NoSuchNamespaceError):
        raise DataError(f"{where}: the catalog {settings.catalog} has no table {name}") from None
    except Exception as error:
        raise ExternalError(f"{where}: {name} cannot be opened: {_said(error)}") from None
    snapshot = chosen(where, name, table, settings.snapshot, request.until)
    number = snapshot.snapshot_id
    return kept(
        Version(
            f"snapshot {number} of {name}",
            f"iceberg {settings.catalog} {name} {number}",
            f"{table.metadata.table_uuid} {snapshot.timestamp_ms} {snapshot.manifest_list}",
            lambda: table.scan(snapshot_id=number).to_arrow_batch_reader(),
        ),
        request,
    )


def chosen(where: str, name: str, table: Any, wanted: int | str | None, until: dt.datetime) -> Any:
    """The snapshot of a number, a tag or branch, `latest`, or of the data cutoff."""
    there = listed([each.snapshot_id for each in table.snapshots()])
    if wanted == "latest":
        found = table.current_snapshot()
    elif isinstance(wanted, str):
        found = table.snapshot_by_name(wanted)
        if found is None:
            raise DataError(f"{where}: {name} has no tag or branch {wanted}; there are {listed(sorted(table.refs()))}")
    else:
        # What is current follows the log of the main branch: snapshots of others, and those rolled back, are not in it.
        log = [
            Moment(each.snapshot_id, dt.datetime.fromtimestamp(each.timestamp_ms / 1000, dt.UTC))
            for each in table.history()
        ]
        found = table.snapshot_by_id(as_of(where, name, log, until) if wanted is None else wanted)
    if found is None:
        number = f"snapshot {wanted}" if wanted not in (None, "latest") else "snapshot of the data cutoff"
        raise DataError(f"{where}: {name} has no {number}: it was expired; there are {there or 'none'}")
    return found


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
