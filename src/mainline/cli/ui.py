"""The command `ui`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from mainline.cli.commands import about


def add(commands: Any) -> None:
    ui = commands.add_parser("ui", description=about("ui"))
    ui.add_argument("--port", type=int, default=5000, help="the port to listen on (default: 5000)")
    ui.add_argument("--remote", action="store_true", help="show the state in the registry of MAINLINE_STATE")
    ui.set_defaults(command=ui_command)


def ui_command(call: argparse.Namespace) -> int:
    from mainline.registry import runs, shared_state
    from mainline.runtime.workspace import Workspace
    from mainline.serving import ports

    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        print(f"MLFLOW_TRACKING_URI is set: the page is at {given}")
        return 0
    # MLflow would say so among its own lines, and not end.
    ports.free_address("127.0.0.1", call.port, "make ui PORT=5001, or another one")
    runs.quiet()
    # MLflow would also start a dozen processes for jobs of its language model features; no run here has such jobs.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    workspace = Workspace.at(Path.cwd())
    uri, _ = runs.store(shared_state.pulled(workspace) if call.remote else workspace.state)
    server = ["server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(call.port), "--workers", "1"]
    return os.execv(sys.executable, [sys.executable, "-m", "mlflow", *server])  # noqa: S606
