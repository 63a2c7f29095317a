"""CML's program: from its source by default (`cml_source`), or the one with the SHA-256 that the repository names.

It gets a token that writes, so nothing is run whose bytes are not known; else the comment is posted through the API.
The program is downloaded from one address, whose releases page gives no checksum. On the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from mainline.github.comment import cml_source

VERSION = "0.20.6"  # the last release; comment.yml has it in the key of its cache
ADDRESS = f"https://github.com/iterative/cml/releases/download/v{VERSION}/cml-linux-x64"
DIGEST, MIRROR = "MAINLINE_CML_SHA256", "MAINLINE_CML_URL"
COMMAND = f'gh variable set {DIGEST} --body "$(curl -sfL {ADDRESS} | sha256sum | cut -c1-64)"'
FOLDER = Path(".cml")  # what comment.yml keeps in its cache
SECONDS = 120.0  # for the whole download; the job has 10 minutes
LARGEST = 512 << 20  # bytes; it has about 100 MB
CHUNK = 1 << 20


def program(environment: Mapping[str, str], folder: Path = FOLDER) -> tuple[Path | None, str]:
    """The program with the right SHA-256, or None and the reason; another one is never left behind."""
    if not environment.get(DIGEST, "").strip():
        return cml_source.program(folder)
    wanted, why = digest(environment)
    if why:
        return None, why
    file = folder / f"cml-{VERSION}"
    try:
        if file.is_file() and sha256(file) == wanted:
            return file.absolute(), ""
        found = download(environment.get(MIRROR, "").strip() or ADDRESS, file)
        if found != wanted:
            file.unlink()
            return None, f"the program cml has the SHA-256 {found}, and not that of {DIGEST}"
        file.chmod(0o755)
        return file.absolute(), ""
    except (OSError, ValueError) as error:  # a ValueError is an address that is none
        file.unlink(missing_ok=True)
        return None, f"CML could not be downloaded: {str(error)[:200]}"


def digest(environment: Mapping[str, str]) -> tuple[str, str]:
    """The SHA-256 that the program must have, and why there is none; of the source it is in `cml_source`."""
    wanted = environment.get(DIGEST, "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        return "", f"{DIGEST} is no SHA-256 of 64 characters: {wanted[:80]!r}"
    return wanted, ""


def download(address: str, file: Path) -> str:
    """Save what is at the address, and return its SHA-256; raises OSError where that takes too long or is too much."""
    if not address.startswith(("https://", "http://")):
        raise ValueError(f"{address[:80]!r} is no address of the web")
    file.parent.mkdir(parents=True, exist_ok=True)
    found, size, end = hashlib.sha256(), 0, time.monotonic() + SECONDS
    with urllib.request.urlopen(address, timeout=SECONDS / 4) as response, file.open("wb") as saved:  # noqa: S310
        while chunk := response.read(CHUNK):
            size += len(chunk)
            if size > LARGEST or time.monotonic() > end:
                raise OSError(f"more than {LARGEST >> 20} MB, or {SECONDS:.0f} s")
            found.update(chunk)
            saved.write(chunk)
        os.fsync(saved.fileno())
    return found.hexdigest()


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
