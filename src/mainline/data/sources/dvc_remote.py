"""The remotes of `.dvc/config`: folders, buckets and web servers that hold files under their MD5."""

from __future__ import annotations

import configparser
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mainline.data.sources.remote import SCHEMES, redacted
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError

FETCHES = 8  # at once
CONFIGS = ("config", "config.local")  # the second is in no commit: it has what only this machine knows
OPTIONS = {  # DVC's names, and those of s3fs
    "endpointurl": ("client_kwargs", "endpoint_url"),
    "region": ("client_kwargs", "region_name"),
    "profile": ("profile",),
    "access_key_id": ("key",),
    "secret_access_key": ("secret",),
    "session_token": ("token",),
}


@dataclass(frozen=True)
class Remote:
    """One remote; `options` are fsspec's."""

    name: str
    url: str
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        return f"the remote {self.name} ({redacted(self.url) if '://' in self.url else self.url})"

    def fetch(self, where: str, what: str, name: str, part: Path) -> None:
        """Write an object to `part`.

        Raises
        ------
        DataError
            Where the remote lacks it.
        ExternalError, ConfigurationError
            Where the remote cannot be reached, or its library is not installed.
        """
        if "://" not in self.url:
            if not Path(self.url).is_dir():
                raise ExternalError(f"{where}: {self.shown} does not exist here")
            if not (Path(self.url) / name).is_file():
                raise self._lacks(where, what, name)
            shutil.copyfile(Path(self.url) / name, part)
            return
        try:
            system, below = self._system(where)
            system.get_file(f"{below.rstrip('/')}/{name}", str(part))
        except MainlineError:
            raise
        except FileNotFoundError:
            raise self._lacks(where, what, name) from None
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise ExternalError(f"{where}: {self.shown} cannot be read: {said}") from None

    def put(self, where: str, name: str, file: Path) -> None:
        """Store an object, where the remote does not have it."""
        if "://" not in self.url:
            target = Path(self.url) / name
            if not target.exists():
                from mainline.runtime.atomic_files import replacing

                with replacing(target) as part:
                    shutil.copyfile(file, part)
            return
        try:
            system, below = self._system(where)
            target_name = f"{below.rstrip('/')}/{name}"
            if not system.exists(target_name):
                system.put_file(str(file), target_name)
        except MainlineError:
            raise
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise ExternalError(f"{where}: {self.shown} cannot be written to: {said}") from None

    def _system(self, where: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        scheme = self.url.partition("://")[0]
        if scheme not in SCHEMES:
            raise ConfigurationError(f"{where}: {self.shown}: {scheme}:// cannot be read here: run `dvc pull` first")
        try:
            system, below = url_to_fs(self.url, **self.options)
        except ImportError:
            missing = f"{scheme}:// needs a library that is not installed"
            raise ConfigurationError(f"{where}: {missing}; run `make install GROUPS=cloud`") from None
        return system, str(below)

    def _lacks(self, where: str, what: str, name: str) -> DataError:
        return DataError(f"{where}: {self.shown} lacks {name}, which is {what}: run `dvc push` where the file is")


def remote_of(where: str, name: str | None, root: Path) -> Remote | None:
    """The remote with a name, or the default one; None where nothing says which.

    Raises
    ------
    ConfigurationError
        Where there is no remote of that name.
    """
    found = config(root)
    name = name or found.get("core", {}).get("remote")
    if name is None:
        return None
    section = found.get(f'remote "{name}"')
    there = [key.split('"')[1] for key in found if key.startswith("remote ")]
    if section is None or "url" not in section:
        raise ConfigurationError(f"{where}: .dvc/config has no remote {name}; there are {', '.join(there) or 'none'}")
    url = section["url"]
    if "://" not in url:
        url = str((root / ".dvc" / url).resolve())  # relative to the file that names it
    options: dict[str, Any] = {}
    for key, path in OPTIONS.items():
        if key in section and url.startswith("s3://"):
            inner = options.setdefault(path[0], {}) if len(path) > 1 else options
            inner[path[-1]] = section[key]
    return Remote(name, url, options)


def cache_folder(root: Path) -> Path:
    given = config(root).get("cache", {}).get("dir")
    return (root / ".dvc" / given).resolve() if given else root / ".dvc" / "cache"


def config(root: Path) -> dict[str, dict[str, str]]:
    """The sections of DVC's configuration; it quotes the names of remotes twice."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([root / ".dvc" / name for name in CONFIGS], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f".dvc/config cannot be read: {' '.join(str(error).split())}") from None
    return {name.strip("'"): dict(parser[name]) for name in parser.sections()}
