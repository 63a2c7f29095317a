"""Taking the template's example out: its files, which `data/example.txt` lists, and the lines about it in others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mainline.errors import ConfigurationError
from mainline.runtime import git

LIST = Path("data/example.txt")  # while it is there, so is the example
# What the template has of the example, and each project has of its own under the same name.
REPLACED = ("params.yaml", "docs/model-card.md")
SHOWN = 10


def is_there(root: Path) -> bool:
    return (root / LIST).is_file()


def listed(root: Path) -> list[str]:
    """The files and folders of the example."""
    lines = (root / LIST).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def files(root: Path, but: Iterable[Path] = ()) -> list[str]:
    """The example's files from the top, without those in `but`; in a checkout those that git knows."""
    kept = {path.resolve() for path in but}
    if git.is_top(root):
        said = git.git(root, "ls-files", "-z", "--", *listed(root)) or ""
        names = [name for name in said.split("\0") if name]
    else:
        below = [file for path in listed(root) for file in [root / path, *sorted((root / path).rglob("*"))]]
        names = [file.relative_to(root).as_posix() for file in below if "__pycache__" not in file.parts]
    return [name for name in names if (root / name).is_file() and (root / name).resolve() not in kept]


def refuse_edited(root: Path, paths: Sequence[str]) -> None:
    """Refuse where files that would be removed or replaced have changes that no commit holds.

    Raises
    ------
    ConfigurationError
        With their names, and how to go on.
    """
    if not git.is_top(root) or git.commit_of(root, "HEAD") is None:
        return
    differing = git.git(root, "diff", "--name-only", "-z", "HEAD", "--", *paths) or ""
    edited = [path for path in differing.split("\0") if path and (root / path).is_file()]
    if edited:
        more = f" and {len(edited) - SHOWN} more" if len(edited) > SHOWN else ""
        raise ConfigurationError(
            f"files of the example have changes that no commit holds: {', '.join(edited[:SHOWN])}{more}. "
            "Commit or stash them first: they would be removed or replaced"
        )


def texts(root: Path, name: str, gone: Sequence[str], large: bool) -> Mapping[str, str]:
    """The files that stay and name the project's package, with their new text where that is another.

    Parameters
    ----------
    gone
        The packages below `src` that are taken out.
    large
        Whether a file of the table is larger than the lint lets pass.
    """
    changed: dict[str, Callable[[str], str]] = {
        "pyproject.toml": lambda text: with_package(text, name, gone),
        "Makefile": lambda text: without_targets(text, gone),
        ".pre-commit-config.yaml": lambda text: with_large_files(text) if large else text,
    }
    found = {path: (root / path).read_text(encoding="utf-8") for path in changed if (root / path).is_file()}
    return {path: new for path, text in found.items() if (new := changed[path](text)) != text}


def with_package(text: str, name: str, gone: Sequence[str]) -> str:
    """`pyproject.toml` with the package in the wheel and among what mypy checks, in the place of those that go."""
    for old in gone:
        text = re.sub(rf'^ *"src/{re.escape(old)}",.*\n', "", text, flags=re.MULTILINE)  # a line of its own: mypy's
        text = text.replace(f', "src/{old}"', "").replace(f'"src/{old}", ', "")
    new = f'"src/{name}"'
    if new in text:
        return text
    text = text.replace('packages = ["src/mainline", ', f'packages = ["src/mainline", {new}, ', 1)
    return re.sub(r'(^files = \[\n(?:  ".*\n)+)(?=\])', rf"\1  {new},\n", text, count=1, flags=re.MULTILINE)


def without_targets(text: str, gone: Sequence[str]) -> str:
    """The Makefile without the targets that call a module of a package that goes."""
    for old in gone:
        target = rf"^\.PHONY: (\S+)\n\1:.*\n(?:\t.*\n)*?\t.* -m {re.escape(old)}\..*\n(?:\t.*\n)*\n?"
        text = re.sub(target, "", text, flags=re.MULTILINE)
    return text


def with_large_files(text: str) -> str:
    """The lint's configuration with files of any size below `data/raw`."""
    head, mark, rest = text.partition("- id: large-files\n")
    return head + mark + rest.replace("exclude: ^uv\\.lock$", "exclude: ^(uv\\.lock$|data/raw/)", 1)
