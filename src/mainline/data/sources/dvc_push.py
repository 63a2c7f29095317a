"""Push a folder to a DVC remote, as `dvc add` and `dvc push` do: objects under their MD5, and one `.dvc` file."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mainline.data.sources.dvc import ENDING, md5_of
from mainline.data.sources.dvc_remote import FETCHES, Remote
from mainline.errors import DataError
from mainline.runtime.atomic_files import scratch, write_text


def push(folder: Path, url: str, into: Path) -> Path:
    """Store every file below `folder` at `url`, then its list; write the `.dvc` file to `into` and return its path.

    The list goes last, and the `.dvc` file after it: what names an object is written when the object is there.

    Raises
    ------
    DataError
        Where the folder has no file.
    ExternalError, ConfigurationError
        Where the remote cannot be written to.
    """
    import yaml

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise DataError(f"{folder} has no file to push")
    where, remote = "push", Remote("data", url)
    digests = dict(zip(files, map(md5_of, files), strict=True))
    with ThreadPoolExecutor(FETCHES) as pool:
        list(pool.map(lambda path: remote.put(where, name_of(digests[path]), path), files))
    members = [{"md5": digests[path], "relpath": path.relative_to(folder).as_posix()} for path in files]
    listing = json.dumps(sorted(members, key=lambda each: each["relpath"]))  # DVC hashes the list in this spelling
    own = f"{hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()}.dir"
    with scratch(into) as part:
        part.write_text(listing, encoding="utf-8")
        remote.put(where, name_of(own), part)
    size = sum(path.stat().st_size for path in files)
    out = {"md5": own, "size": size, "nfiles": len(files), "hash": "md5", "path": folder.name}
    note = into / f"{folder.name}{ENDING}"
    write_text(note, yaml.safe_dump({"outs": [out]}, sort_keys=False))
    return note


def name_of(md5: str) -> str:
    return f"files/md5/{md5[:2]}/{md5[2:]}"
