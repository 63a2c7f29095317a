"""Files elsewhere, fetched to the cache: each version once, whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mainline.data.sources import partitions
from mainline.data.sources.cache import forget_old
from mainline.data.sources.formats import Files, Format, Reading, one_format
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from mainline.runtime.atomic_files import replacing

SCHEMES = ("http", "https", "s3", "gs", "gcs", "abfs", "abfss")

# The names that servers give to the mark of a version, the most reliable first. One is enough: the others, and how a
# time is written, depend on whether the server was asked for the file or for a list.
MARKS = (
    "etag", "md5hash", "content_md5", "content-md5", "digest",
    "lastmodified", "last-modified", "last_modified", "mtime",
)  # fmt: skip

FETCHES = 8  # at once


def is_remote(path: str) -> bool:
    return "://" in path


def remote_files(table: str, url: str, format: Format | None, cache: Path) -> Files:
    """Fetch the files that a URL names (it may contain `*`) to `cache`, except those that are there already.

    A file is not fetched again while what the server reports about it (ETag, checksum, size, time) is
    the same; without a mark or a time it is fetched every time.

    Raises
    ------
    ConfigurationError
        Where the scheme is not known, or its library is not installed.
    DataError
        Where there is no such file.
    ExternalError
        Where the server cannot be reached, refuses, or the disk is full.
    """
    where = f"data.sources.{table}.path"
    system, pattern, names = _listed(where, url)
    if not names:
        raise DataError(f"{where}: no file matches {redacted(url)}")
    found = format or one_format(table, names)
    below = partitions.below(names, pattern)
    paths = _fetch_all(where, system, names, cache, [partitions.folders(path) for path in below])
    urls = [redacted(system.unstrip_protocol(name)) for name in names]
    reading = Reading(partitions=partitions.types_of(below))
    return Files(table, paths, found, dict(zip(paths, urls, strict=True)), reading)


def fetched(where: str, url: str, cache: Path) -> list[Path]:
    """The files that a URL names, as `remote_files` fetches them; `where` is the setting that names it. May be none."""
    system, _, names = _listed(where, url)
    return _fetch_all(where, system, names, cache, [Path()] * len(names))


def redacted(url: str) -> str:
    """A URL as it may be shown: without a user's name, a password or the values of its query."""
    parts = urlsplit(url)
    query = re.sub(r"=[^&]*", "=***", parts.query)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _listed(where: str, url: str) -> tuple[Any, str, list[str]]:
    system, pattern = _system(where, url)
    with _reaching(where, url):
        system.invalidate_cache()
        return system, pattern, _names(system, pattern)


def _fetch_all(where: str, system: Any, names: list[str], cache: Path, folders: list[Path]) -> list[Path]:
    with ThreadPoolExecutor(FETCHES) as pool:
        return list(pool.map(lambda name, below: _fetch(where, system, name, cache, below), names, folders))


def _system(where: str, url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"{where}: {scheme}:// is not supported: use a local path or one of {', '.join(SCHEMES)}"
        )
    try:
        system, pattern = url_to_fs(url)
    except ImportError as error:
        missing = f"{scheme}:// needs a library that is not installed"
        raise ConfigurationError(f"{where}: {missing}; run `make install GROUPS=cloud`") from error
    except Exception as error:
        raise ExternalError(f"{where}: {redacted(url)} cannot be opened: {_reason(error, url)}") from None
    return system, pattern


def _names(system: Any, pattern: str) -> list[str]:
    return sorted(system.glob(pattern)) if "*" in pattern else [pattern]


def _fetch(where: str, system: Any, name: str, cache: Path, below: Path) -> Path:
    """The file on this machine, in a folder of its own and there `below` the folders that are columns."""
    url = system.unstrip_protocol(name)
    with _reaching(where, url):
        info = system.info(name)
    version = _version(info)
    folder = cache / "remote" / hashlib.sha256(url.encode()).hexdigest()[:16] / below
    target = folder / f"{version[:16] if version else 'latest'}-{Path(urlsplit(url).path).name}"
    if version is None or not target.exists():
        with replacing(target) as part:
            with _reaching(where, url):
                system.get_file(name, str(part))
                system.invalidate_cache()
                after = system.info(name)
            size = info.get("size")
            if _version(after) != version or (size is not None and size != part.stat().st_size):
                raise ExternalError(
                    f"{where}: {redacted(url)} changed while it was fetched, or the connection was lost: run again"
                )
    forget_old(folder, target)
    return target


def _version(info: dict[str, Any]) -> str | None:
    said = {key.lower(): str(value) for key, value in info.items() if value is not None}
    mark = next((said[key] for key in MARKS if key in said), None)
    return hashlib.sha256(f"{mark} {info.get('size')}".encode()).hexdigest() if mark else None


@contextmanager
def _reaching(where: str, url: str) -> Iterator[None]:
    try:
        yield
    except MainlineError:
        raise
    except Exception as error:
        if _is_missing(error):
            raise DataError(f"{where}: there is no {redacted(url)}") from None
        raise ExternalError(f"{where}: {redacted(url)} cannot be fetched: {_reason(error, url)}") from None


def _is_missing(error: BaseException) -> bool:
    """Whether the server answered that there is no such file; fsspec raises the same when it did not answer."""
    if not isinstance(error, FileNotFoundError):
        return False
    cause = error.__cause__
    return getattr(cause, "status", 404) == 404 and (not isinstance(cause, OSError) or _is_missing(cause))


def _reason(error: BaseException, url: str) -> str:
    cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    return text.replace(url, redacted(url))
