"""The monitor in GitHub Actions: run where the log can be seen from a runner, and said plainly where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mainline.config import environment as places
from mainline.errors import ExternalError, Refused
from mainline.github.actions import outputs, registry_login
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

LEFT = ("monitor.json", "monitor.md", "monitor.html", "unseen.txt")


def watch(workspace: Workspace, log: str) -> int:
    """The monitor's status, but for a verdict: that is the issue's to tell, and 0 here.

    `log` is `monitor.log` of params.yaml: a folder below the checkout, or the address of a store.
    """
    for name in LEFT:
        (workspace.reports / name).unlink(missing_ok=True)
    if is_out_of_sight(workspace.root, log):
        said = (
            f"monitor.log is {log}, a folder that is not on this runner: nothing was looked at, and nobody is alarmed. "
            "Where the server writes its log to a store that both can reach (s3://, gs://, abfs://), name it there; "
            "or run `make monitor` beside the server."
        )
        outputs.annotate("notice", "Monitor", said)
        write_text(workspace.reports / "unseen.txt", said + "\n")
        return 0
    command = [sys.executable, "-m", "mainline", "monitor"]
    status = subprocess.run(command, cwd=workspace.root, env=environment(workspace), check=False).returncode
    # Invalid predictions are a verdict as well, where the monitor came to say so.
    told = status == Refused.status or (status == 3 and (workspace.reports / "monitor.json").exists())
    return 0 if told else status


def environment(workspace: Workspace) -> dict[str, str]:
    """What the monitor gets to know: no password or token of ours, and where released models are kept.

    Where no server keeps MLflow's store, the state in the registry of MAINLINE_STATE does. Where that cannot be read,
    the monitor knows this checkout's records alone, and says of any other model that it does not know it.
    """
    known = {name: value for name, value in os.environ.items() if name not in ("GITHUB_TOKEN", registry_login.PASSWORD)}
    if known.get("MLFLOW_TRACKING_URI") or not known.get(places.STATE):
        return known
    from mainline.registry import runs, shared_state

    given = registry_login.credentials(places.hosts({places.STATE: known[places.STATE]})[0], os.environ)
    if given:
        os.environ.update(zip((registry_login.USERNAME, registry_login.PASSWORD), given, strict=True))
    try:
        uri, _ = runs.store(shared_state.pulled(workspace))
    except ExternalError as error:
        outputs.annotate("notice", "Monitor", f"which models were released could not be looked up: {error}")
        return known
    return {**known, "MLFLOW_TRACKING_URI": uri}


def is_out_of_sight(root: Path, log: str) -> bool:
    return "://" not in log and not (root / Path(log).expanduser()).exists()
