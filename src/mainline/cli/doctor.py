"""The command `doctor`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from mainline.cli.commands import about


def add(commands: Any) -> None:
    doctor = commands.add_parser("doctor", description=about("doctor"))
    doctor.add_argument("--fix", action="store_true", help="turn on what the token can")
    doctor.set_defaults(command=doctor_command)


def doctor_command(call: argparse.Namespace) -> int:
    from mainline.github import repository
    from mainline.github.doctor import page, run

    root = Path.cwd()
    connection = repository.connection(root, os.environ)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(page.head(connection, colour) + "\n", flush=True)
    names = [check.name for check in run.CHECKS]
    results = []
    for result in run.run(connection, root, call.fix):
        results.append(result)
        print("\n".join(page.lines(result, names, colour)), flush=True)
    print("\n" + page.last(results, colour))
    return 1 if any(result.fails for result in results) else 0
