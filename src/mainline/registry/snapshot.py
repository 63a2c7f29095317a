"""The files of a state: from the folder of a store, and back into another one.

    mlflow.db        the whole history; its artifact URIs begin with PLACE, not with a local path
    audit.jsonl      the audit log
    version-N.tar    the artifacts of the registered version N: model, record, reports

Artifacts of runs without a version are left out: they would grow without limit.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tarfile
from pathlib import Path

from mainline.errors import ExternalError
from mainline.runtime import archives

PLACE = "file:///mainline-state/artifacts"
DATABASE, AUDIT = "mlflow.db", "audit.jsonl"


def take(store: Path, folder: Path) -> list[Path]:
    """Write the snapshot of `store` into `folder`; the same store gives the same tar files, byte by byte."""
    with contextlib.closing(sqlite3.connect(store / DATABASE)) as connection:
        connection.execute("VACUUM INTO ?", [str(folder / DATABASE)])
    relocate(folder / DATABASE, (store / "artifacts").as_uri(), PLACE)
    if (store / AUDIT).exists():
        shutil.copyfile(store / AUDIT, folder / AUDIT)
    for number, parts in versions(folder / DATABASE).items():
        if not any((store / "artifacts" / part).exists() for part in parts):
            continue  # a deleted version
        pack(store / "artifacts", parts, folder / f"version-{number}.tar")
    return sorted(folder.iterdir())


def unpack(folder: Path, store: Path, final: Path) -> None:
    """Create a store from a snapshot's files; `final` is the later path of the folder `store`.

    Raises
    ------
    ExternalError
        For a database or an archive that is damaged.
    """
    try:
        shutil.move(folder / DATABASE, store / DATABASE)
        with contextlib.closing(sqlite3.connect(store / DATABASE)) as connection:
            said = connection.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        relocate(store / DATABASE, PLACE, (final / "artifacts").as_uri())
        if (folder / AUDIT).exists():
            shutil.move(folder / AUDIT, store / AUDIT)
        (store / "artifacts").mkdir()
        for archive in folder.glob("version-*.tar"):
            with tarfile.open(archive) as tar:
                archives.unpack(tar, store / "artifacts")
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise ExternalError(f"the state is damaged ({error})") from None


def relocate(database: Path, before: str, now: str) -> None:
    """Replace the prefix `before` by `now` in every URI of the database."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.upper().startswith(("VARCHAR", "TEXT", "CLOB")):
                    begins = f'substr("{column}", 1, {len(before)}) = ?'
                    rest = f'substr("{column}", {len(before) + 1})'
                    connection.execute(f'UPDATE "{table}" SET "{column}" = ? || {rest} WHERE {begins}', [now, before])


def versions(database: Path) -> dict[int, list[str]]:
    """For each version of a registered model the folders below `artifacts` that are its own."""
    found: dict[int, list[str]] = {}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT version, run_id FROM model_versions").fetchall()
        for number, run in rows:
            models = connection.execute("SELECT model_id FROM logged_models WHERE source_run_id = ?", [run]).fetchall()
            found[number] = [str(run), *(f"models/{model}" for (model,) in models)]
    return found


def pack(artifacts: Path, parts: list[str], archive: Path) -> None:
    """A tar file without times and owners."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for part in parts:
            if (artifacts / part).exists():
                for path in sorted([artifacts / part, *(artifacts / part).rglob("*")]):
                    tar.add(path, str(path.relative_to(artifacts)), recursive=False, filter=plain)
