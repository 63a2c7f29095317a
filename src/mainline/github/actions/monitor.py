"""The monitor in GitHub Actions: it runs where a runner can read the prediction log, and says so where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

from mainline.config.environment import STATE, hosts
from mainline.errors import ExternalError, Refused
from mainline.github.actions import commands, registry_login
from mainline.github.actions.log_in_reach import is_out_of_sight, report
from mainline.runtime.workspace import Workspace

LEFT = ("monitor.json", "monitor.md", "monitor.html", "unseen.txt")


def watch(workspace: Workspace, log: str) -> int:
    """The monitor's status, and 0 for a bad verdict, which the issue reports.

    `log` is `monitor.log` of params.yaml: a folder below the checkout, or the address of a store.
    """
    for name in LEFT:
        (workspace.reports / name).unlink(missing_ok=True)
    if is_out_of_sight(workspace.root, log):
        report(workspace.reports, log)
        return 0
    command = [sys.executable, "-m", "mainline", "monitor"]
    status = subprocess.run(command, cwd=workspace.root, env=environment(workspace), check=False).returncode
    # Invalid predictions are a verdict too, if the monitor could report them.
    reported = status == Refused.status or (status == 3 and (workspace.reports / "monitor.json").exists())
    return 0 if reported else status


def environment(workspace: Workspace) -> dict[str, str]:
    """The monitor's environment variables: no password or token, and where released models are stored.

    Where no server keeps MLflow's store, the state in the registry of MAINLINE_STATE does. Where that cannot be read,
    the monitor knows this checkout's records alone, and says of any other model that it does not know it.
    """
    known = {name: value for name, value in os.environ.items() if name not in ("GITHUB_TOKEN", registry_login.PASSWORD)}
    if known.get("MLFLOW_TRACKING_URI") or not known.get(STATE):
        return known
    from mainline.registry import runs, shared_state

    given = registry_login.credentials(hosts({STATE: known[STATE]})[0], os.environ)
    if given:
        os.environ.update(zip((registry_login.USERNAME, registry_login.PASSWORD), given, strict=True))
    try:
        uri, _ = runs.store(shared_state.pulled(workspace))
    except ExternalError as error:
        commands.annotate("notice", "Monitor", f"the released models could not be looked up: {error}")
        return known
    return {**known, "MLFLOW_TRACKING_URI": uri}
