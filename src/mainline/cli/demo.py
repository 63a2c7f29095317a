"""The command `demo`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any

from mainline.cli.commands import about
from mainline.errors import ConfigurationError


def add(commands: Any) -> None:
    demo = commands.add_parser("demo", description=about("demo"))
    demo.add_argument("--months", type=int, help="number of periods to play (default: all of data/demo.yaml)")
    demo.add_argument("--local", action="store_true", help="serve from a process, with a container engine too")
    demo.set_defaults(command=demo_command)


def demo_command(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.runtime.workspace import Workspace

    if call.months is not None and call.months < 1:
        raise ConfigurationError(f"demo --months {call.months}: a number from 1 is needed")
    configured()  # NumPy counts the cores when it is imported
    from pipelines import demo

    # SIGTERM cleans up as Ctrl-C does.
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        root = Path.cwd().resolve()
        with Workspace.at(root, root / ".mainline" / "demo").locked():
            print(f"\n{demo.play(root, call.months, call.local)}")
    finally:
        signal.signal(signal.SIGTERM, former)
    return 0
