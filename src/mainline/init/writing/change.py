"""Several files written and removed as one change: all of it, or everything is as it was before."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import replacing, scratch


@contextmanager
def applied(root: Path, texts: Mapping[str, str], removed: Iterable[str] = ()) -> Iterator[None]:
    """Write each text to its path from the top, then remove the other files and the folders that are left empty.

    Where the block fails, every file is as it was before.

    Raises
    ------
    ExternalError
        Where one of them cannot be written or removed; every file is then as it was.
    """
    gone = [path for path in dict.fromkeys(removed) if path not in texts]
    with scratch(root / ".mainline") as before:
        kept = [path for path in [*texts, *gone] if (root / path).is_file()]
        for path in kept:
            (before / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, before / path)
        made: list[Path] = []
        try:
            for path, text in texts.items():
                made += missing(root, path)
                with replacing(root / path) as part:
                    part.write_text(text, encoding="utf-8")
                    if path in kept:
                        shutil.copymode(before / path, part)
            for path in gone:
                (root / path).unlink(missing_ok=True)
            for path in gone:
                prune(root, root / path)
        except BaseException as error:
            undo(root, before, kept, made)
            if isinstance(error, OSError):
                raise ExternalError(f"cannot write below {root}: {error.strerror or error}") from error
            raise
        try:
            yield
        except BaseException:
            undo(root, before, kept, made)
            raise


def missing(root: Path, path: str) -> list[Path]:
    """What a write of `path` makes: the file, and the folders above it that are not there."""
    steps = [root / path, *(root / path).parents]
    return [step for step in steps[: steps.index(root)] if not step.exists()]


def undo(root: Path, before: Path, kept: Iterable[str], made: Iterable[Path]) -> None:
    for path in kept:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(before / path, root / path)
    for new in sorted(made, key=lambda each: len(each.parts), reverse=True):
        with suppress(OSError):
            if new.is_dir():
                new.rmdir()
            else:
                new.unlink()


def prune(root: Path, file: Path) -> None:
    """Remove the folders above a removed file that hold nothing else, or nothing but bytecode."""
    for folder in file.parents:
        if folder == root:
            return
        if folder.is_dir():
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
            if any(folder.iterdir()):
                return
            folder.rmdir()
