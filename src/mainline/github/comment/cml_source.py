"""CML from its source: a commit of its repository and the packages of its lock, run only if all bytes are known.

Its releases page gives no checksum of the program, and its lock no digest for most packages. So the digest here is that
of all files together: of the commit of version 0.20.6, and of what npm installed for it in November 2026. On the
standard library alone, with the runner's git, node and npm; no script of a package is run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = "https://github.com/iterative/cml"
# Of version 0.20.6, the last one.
COMMIT = "a3a66c74b218b08710f42bf599b066e37cb4cba7"  # pragma: allowlist secret
# Of every install that was tried, with npm 11.17 and 11.19.
TREE = "5b6779a96aac1401ea952e244512388b2ca30cb1aea89218ea30f82ab94cf07d"  # pragma: allowlist secret
ENTRY = Path("bin", "cml.js")
# Written by npm about itself, and links to programs that CML does not start.
APART = (".git", "node_modules/.package-lock.json", "node_modules/.bin")
SECONDS = 180.0
NEEDED = ("PATH", "HOME", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def program(
    folder: Path, source: str = REPOSITORY, commit: str = COMMIT, wanted: str = TREE
) -> tuple[Path | None, str]:
    """CML's script with all that it imports, or None and the reason; another one is never left behind."""
    place = folder / f"cml-{commit[:12]}"
    try:
        if not (place.is_dir() and tree(place) == wanted):
            shutil.rmtree(place, ignore_errors=True)
            fetch(place, source, commit)
        found = tree(place)
        if found == wanted:
            (place / ENTRY).chmod(0o755)
            return (place / ENTRY).absolute(), ""
        why = f"the files of CML have the SHA-256 {found}, and {wanted} is known"
    except (OSError, subprocess.SubprocessError) as error:
        why = f"CML could not be installed: {reason(error)}"
    shutil.rmtree(place, ignore_errors=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()  # nothing for the cache
    return None, why


def fetch(place: Path, source: str, commit: str) -> None:
    place.mkdir(parents=True)
    call(place, "git", "init", "--quiet")
    call(place, "git", "fetch", "--quiet", "--depth=1", source, commit)
    call(place, "git", "-c", "core.autocrlf=false", "checkout", "--quiet", "FETCH_HEAD")
    shutil.rmtree(place / ".git")
    call(place, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def call(place: Path, *command: str) -> None:
    """Without the job's token, and without a question at a terminal that is not there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in NEEDED or name.lower().endswith("_proxy") or name.lower().startswith("npm_config_")
    }
    subprocess.run(
        command, cwd=place, env={**kept, "GIT_TERMINAL_PROMPT": "0"}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", timeout=SECONDS, check=True,
    )  # fmt: skip


def tree(place: Path) -> str:
    """The SHA-256 of all files together: of their paths, and of their bytes or what they link to."""
    found = hashlib.sha256()
    for path in sorted(place.rglob("*"), key=lambda path: path.relative_to(place).as_posix()):
        name = path.relative_to(place).as_posix()
        if any(name == each or name.startswith(f"{each}/") for each in APART):
            continue
        if path.is_symlink():
            found.update(f"{name} -> {path.readlink()}\n".encode())
        elif path.is_file():
            found.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr.strip() or error.stdout.strip() or "no message").splitlines()[-1]
        return f"`{' '.join(error.cmd[:2])}` ended with status {error.returncode}: {said[:200]}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"`{' '.join(error.cmd[:2])}` did not end within {SECONDS:.0f} s"
    return str(error)[:200]
