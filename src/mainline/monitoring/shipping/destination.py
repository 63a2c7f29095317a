"""The destination of the log: a folder, a prefix of an object store, or a topic; a file is complete there or absent."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mainline.data.sources.remote import is_remote, redacted
from mainline.data.sources.streams.log_address import is_topic
from mainline.errors import ConfigurationError, ExternalError
from mainline.monitoring.shipping.topic import Topic
from mainline.runtime.atomic_files import UNFINISHED, scratch

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss")
LEFT_SECONDS = 3600  # an unfinished file older than this was left by a process that has died
# An unreachable endpoint is detected within seconds; the files wait in the spool.
PATIENCE = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 2}}}


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        """A path for writing a file before `land`, where no reader looks for Parquet."""
        with scratch(self.path, ".parquet") as part:
            for left in self.path.glob(f"{UNFINISHED}*"):
                with contextlib.suppress(OSError):
                    if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                        left.unlink()
            yield part

    def land(self, file: Path, name: str) -> None:
        """Move the file to `name` atomically and durably: its source is removed next."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sync(file)
        os.replace(file, target)
        sync(target.parent)


class Store:
    """An object store, where putting an object is atomic."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        self.name = redacted(self.url)
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if url.startswith("s3://"):
            options |= PATIENCE
        try:
            self.system, self.prefix = url_to_fs(self.url, **options)
        except ImportError as error:
            missing = f"{url.partition('://')[0]}:// needs a library that is not installed"
            raise ConfigurationError(f"monitor.log: {missing}; run `make install GROUPS=cloud`") from error
        except Exception as error:
            raise ExternalError(f"monitor.log: {self.name} cannot be opened: {self._reason(error)}") from None

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        with scratch(Path(tempfile.gettempdir()), ".parquet") as part:
            yield part

    def land(self, file: Path, name: str) -> None:
        """Raises ExternalError if the store cannot be reached or refuses."""
        try:
            self.system.put_file(str(file), f"{self.prefix}/{name}")
        except Exception as error:
            raise ExternalError(f"monitor.log: {self.name} cannot be written: {self._reason(error)}") from None

    def _reason(self, error: BaseException) -> str:
        text = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
        return text.replace(self.url, self.name)


Destination = Folder | Store | Topic


def at(log: str, root: Path) -> Destination:
    """The destination that `monitor.log` names; a relative folder is below `root`."""
    if is_topic(log):
        return Topic(log)
    if not is_remote(log):
        return Folder(root / log)
    scheme = log.partition("://")[0]
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"monitor.log: {scheme}:// is not supported; use a folder or one of {', '.join(SCHEMES)}, kafka"
        )
    return Store(log)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
