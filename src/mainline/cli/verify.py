"""The command `verify`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mainline.cli.commands import about

MARKS = {"same": "✓", "wrong": "✗", "unknown": "·"}


def add(commands: Any) -> None:
    verify = commands.add_parser("verify", description=about("verify"))
    verify.add_argument("--state", type=Path, help="folder of records and runs (default: .mainline)")
    verify.add_argument("--remove", action="store_true", help="remove the records that are not what they claim")
    verify.set_defaults(command=verify_command)


def verify_command(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.evaluation.verify import verify
    from mainline.runtime.workspace import Workspace

    configured()
    workspace = Workspace.at(Path.cwd(), call.state)
    with workspace.locked():
        wrong = []
        for found in verify(workspace):
            print(f" {MARKS[found.state]} {found.fingerprint[:12]}  {found.text}", flush=True)
            if found.state == "wrong":
                wrong.append(found)
        if not wrong:
            print("no record is known to be wrong")
            return 0
        if call.remove:
            from mainline.registry import runs

            for found in wrong:
                workspace.forget(found.fingerprint, found.frame)
                runs.distrust(str(workspace.state), found.fingerprint)
            print(f"removed: {len(wrong)}. The next run trains again.")
        else:
            print(
                f"{len(wrong)} of the records are not what they claim: `make verify REMOVE=1` removes them, and the "
                "next run trains again. A version that was promoted from one of them stays registered: roll it back."
            )
        return 1
