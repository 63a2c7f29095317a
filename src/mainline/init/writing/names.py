"""The project's name: a Python package below `src/` that hides nothing else."""

from __future__ import annotations

import importlib.util
import itertools
import keyword
import re
import sys
import unicodedata
from pathlib import Path, PurePosixPath

from mainline.errors import ConfigurationError

OWN = ("mainline", "pipelines", "tests", "benchmarks", "src", "reports")
LONGEST = 40


def name_of(wished: str | None, file: str, root: Path, made: str | None = None) -> str:
    """The name that was wished for, else one from the file's.

    Parameters
    ----------
    made
        The name of the project that an earlier `make init` wrote here: it is there, and not taken.

    Raises
    ------
    ConfigurationError
        Where the wished name is a path, no name of a package, or taken; with one that would do.
    """
    if wished is None:
        base = as_package(PurePosixPath(re.sub(r"[?#].*", "", file.replace("\\", "/"))).name.partition(".")[0])
        return free(base, root, made)
    if problem := wrong(wished) or taken(wished, root, made):
        stem = PurePosixPath(wished.replace("\\", "/")).name
        raise ConfigurationError(f"NAME={wished}: {problem}; such as NAME={free(as_package(stem), root, made)}")
    return wished


def wrong(name: str) -> str | None:
    """Why a text is no name of a package."""
    if "/" in name or "\\" in name or name.startswith("."):
        return "a path was given, a name is needed"
    if not name.isidentifier() or not name.isascii() or name != name.lower() or name.startswith("_"):
        return "a package's name is needed: lower-case letters, digits and _, and a letter first"
    if len(name) > LONGEST:
        return f"a name of at most {LONGEST} characters is needed"
    return f"{name} is a word of Python" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else None


def taken(name: str, root: Path, made: str | None) -> str | None:
    """What else has this name."""
    if name == made:
        return None
    if name in OWN:
        return f"{name} is a part of this repository"
    for folder in (f"src/{name}", f"tests/{name}", name):
        if (root / folder).exists():
            return f"{folder} is there already"
    if name in sys.stdlib_module_names:
        return f"{name} is a module of Python's own library"
    found = importlib.util.find_spec(name)
    # A folder without modules, as of a project that was removed, is found as a package too: it hides nothing.
    return f"{name} is a package that is installed here" if found and found.origin else None


def free(base: str, root: Path, made: str | None) -> str:
    """`base`, or the first name made of it that is not taken."""
    tried = itertools.chain([base, f"{base}_model"], (f"{base}_{number}" for number in itertools.count(2)))
    return next(name for name in tried if not wrong(name) and not taken(name, root, made))


def as_package(text: str) -> str:
    """A text's letters and digits as the name of a package."""
    ascii_ = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_).strip("_")[: LONGEST - 8].rstrip("_")
    return name if name[:1].isalpha() else f"table_{name}".rstrip("_")
