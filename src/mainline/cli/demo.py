"""The verb `demo`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any

from mainline.errors import ConfigurationError


def add(verbs: Any) -> None:
    demo = verbs.add_parser("demo", help="play a year in minutes: release, drift, retraining, refusals, a rollback")
    demo.add_argument("--months", type=int, help="stop after so many periods (default: all of data/demo.yaml)")
    demo.add_argument("--local", action="store_true", help="serve from a process, where an engine answers too")
    demo.set_defaults(verb=demo_verb)


def demo_verb(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.runtime.workspace import Workspace

    if call.months is not None and call.months < 1:
        raise ConfigurationError(f"demo --months {call.months}: a number from 1 is needed")
    configured()  # NumPy counts the cores when it is imported
    from pipelines import demo

    # Whoever ends it by a signal wants it tidied up as after Ctrl-C.
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        root = Path.cwd().resolve()
        with Workspace.at(root, root / ".mainline" / "demo").locked():
            print(f"\n{demo.play(root, call.months, call.local)}")
    finally:
        signal.signal(signal.SIGTERM, former)
    return 0
