"""The commands that generate documents: schema, reference."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about

if TYPE_CHECKING:
    from mainline.config.reference import Declared


def add(commands: Any) -> None:
    commands.add_parser("schema", description=about("schema")).set_defaults(command=schema_command)

    reference = commands.add_parser("reference", description=about("reference"))
    reference.add_argument("folder", type=Path)
    reference.set_defaults(command=reference_command)


def schema_command(call: argparse.Namespace) -> int:
    from mainline.config import reference

    print(reference.schema_text(known_here()), end="")
    return 0


def reference_command(call: argparse.Namespace) -> int:
    for path in write(call.folder, known_here()):
        print(path)
    return 0


def known_here() -> Declared:
    """What is declared, with the extensions of the project where there is one."""
    from mainline.cli.declared import declared
    from mainline.config import extensions, loader
    from mainline.runtime import models

    if models.selected().params.exists():
        extensions.load(loader.load())
    return declared()


def write(folder: Path, declared: Declared) -> list[Path]:
    """Write the reference of `params.yaml` and of the environment variables to `folder` and return the paths."""
    from mainline.config import environment, reference
    from mainline.serving import settings as server

    written = reference.write(folder, declared)
    variables = folder / "environment.md"
    variables.write_text(environment.page([("The server", server.table())]), encoding="utf-8")
    return [*written, variables]
