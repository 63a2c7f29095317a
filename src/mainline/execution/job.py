"""What a run elsewhere is given of this machine: its call, its variables, and the files that it reads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.config.environment import VARIABLES
from mainline.config.loader import Params
from mainline.config.sources import Source
from mainline.errors import ConfigurationError
from mainline.runtime import git
from mainline.runtime.workspace import Workspace

TRACKING = "MLFLOW_TRACKING_URI"
PASSED_ON = re.compile(r"(MAINLINE|MLFLOW|AWS|AZURE|GOOGLE|OMP)_\w+|(HTTPS?|NO)_PROXY", re.IGNORECASE)
OF_THIS_MACHINE = re.compile(r"MAINLINE_(ENGINE|TRAINER|JOB_\w+|BASE|REQUIRE_SERVERS)")
LOGIN = re.compile("TOKEN|PASSWORD|USERNAME|SECRET")
WITH_LOGIN = re.compile("://[^/]*@")  # an address that names its user
NAMED = re.compile(r"\$([A-Za-z_]\w*)")  # a variable in the settings
URL = "://"


@dataclass(frozen=True)
class Job:
    """`arguments` are those of `python -m mainline`."""

    params: Params
    workspace: Workspace
    arguments: list[str]

    @property
    def sources(self) -> dict[str, Source]:
        return dict(self.params.settings.data.sources)

    @property
    def python_path(self) -> list[Path]:
        """Where the run imports from: the checkout alone.

        Raises
        ------
        ConfigurationError
            Where the code of Mainline is not in it.
        """
        root = self.workspace.root
        if not (root / "src" / "mainline" / "cli").is_dir():
            raise ConfigurationError(f"{root / 'src' / 'mainline'} does not exist: a trainer image holds no code")
        return [root / "src", root]

    def variables(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The variables of this machine that the run may read, secrets among them."""
        named = names(self.params.settings.model_dump(mode="json", include={"data", "monitor"}))
        named |= {source.database for source in self.sources.values() if source.database}
        return {
            name: value
            for name, value in environment.items()
            if name in named or (PASSED_ON.fullmatch(name) and not OF_THIS_MACHINE.fullmatch(name))
        }

    def plain(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The variables of the run that hold no secret: those that Mainline declares, but for logins."""
        declared = {each.name for each in VARIABLES if not LOGIN.search(each.name)}
        found = self.variables(environment)
        return {name: value for name, value in found.items() if name in declared and not WITH_LOGIN.search(value)}

    def files(self) -> list[Path]:
        """The files of the sources in the checkout, also where git ignores them."""
        root = self.workspace.root
        paths = [source.path for source in self.sources.values() if source.path and source.is_local]
        return [file for path in paths for file in root.glob(path) if file.is_file()]

    def needs_network(self, environment: Mapping[str, str] = os.environ) -> bool:
        """Whether the run asks anything but files: a source, or a tracking server."""
        return bool(environment.get(TRACKING)) or not all(map(of_files, self.sources.values()))

    def outside(self) -> list[Path]:
        """The existing folders and files of the sources that are not in the checkout.

        Raises
        ------
        ConfigurationError
            Where a source is named from the caller's home, which is another one elsewhere.
        """
        found = []
        for name, source in self.sources.items():
            for path in filter(None, (source.path, source.delta, source.dvc)):
                if path.startswith("~"):
                    raise ConfigurationError(
                        f"data.sources.{name}: {path} is another folder elsewhere: write the whole path"
                    )
                if URL not in path and path.startswith(("/", "..")):
                    found.append(fixed_part((self.workspace.root / path).resolve()))
        return [path for path in found if path.exists() and not path.is_relative_to(self.workspace.root)]


def of_files(source: Source) -> bool:
    """Whether the table is files of this machine."""
    where = source.path or source.delta
    return where is not None and URL not in where


def fixed_part(path: Path) -> Path:
    """The folder above the first part with a wildcard; the path itself where it has none."""
    return next((each.parent for each in [*reversed(path.parents), path] if re.search(r"[*?\[]", each.name)), path)


def names(value: Any) -> set[str]:
    """The environment variables that a text of the settings names, as `$NAME`."""
    if isinstance(value, str):
        return {*NAMED.findall(value)}
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return {name for child in children for name in names(child)}


def git_folders(root: Path) -> list[Path]:
    """What git reads of this checkout that is not below it: of a work tree the repository, of a clone the lender."""
    common = git.git(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if common is None:
        return []
    found, todo = [], [Path(common)]
    while todo:
        folder = todo.pop()
        found.append(folder)
        lenders = (folder / "objects" if folder == Path(common) else folder) / "info" / "alternates"
        if lenders.is_file():
            todo += [Path(line) for line in lenders.read_text(encoding="utf-8").splitlines() if line.startswith("/")]
    return [folder for folder in found if not folder.is_relative_to(root)]


def git_settings(root: Path) -> dict[str, str]:
    """git's settings of the caller that decide whether the checkout has uncommitted changes, as variables."""
    kept = [("safe.directory", "*")]  # the caller's own checkout, whoever the engine makes its owner
    for name in ("core.excludesFile", "core.autocrlf"):
        value = git.git(root, "config", "--type=path" if name.endswith("File") else "--type=bool-or-str", "--get", name)
        if name.endswith("File") and not value:
            value = str(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore")
        if value:
            kept.append((name, value))
    found = {"GIT_CONFIG_COUNT": str(len(kept))}
    for number, (name, value) in enumerate(kept):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found
