"""`make ci`: review.yml or quality.yml itself, run here by act for a pull request of this checkout against main."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.workflows import events
from tests.workflows.act import Rehearsal

TOP = Path(__file__).resolve().parents[2]


def main() -> int:
    call = argparse.ArgumentParser(prog="make ci")
    call.add_argument("--event", choices=["pull_request", "push"], default="pull_request")
    call.add_argument("--workflow", choices=["review", "quality"], default="review")
    call.add_argument("--base", default="main")
    asked = call.parse_args()
    with tempfile.TemporaryDirectory(prefix="mainline-ci-") as folder:
        stage = Rehearsal(Path(folder), TOP)
        head = events.snapshot(TOP)
        base = events.git(TOP, "rev-parse", "--verify", f"{asked.base}^{{commit}}")
        stage.origin.receive(TOP, base, f"refs/heads/{asked.base}")
        events.git(stage.origin.path, "symbolic-ref", "HEAD", f"refs/heads/{asked.base}")
        stage.origin.default = asked.base
        stage.origin.receive(TOP, head, "refs/heads/change")
        if asked.event == "push":
            event = events.push(stage.origin, "change", "0" * 40)
        else:
            event = events.pull_request(stage.origin, head, base=asked.base)
        # Which versions the checks run is a variable of the repository: here it is the one that this machine has.
        settings = {"MAINLINE_PYTHONS": f'["{sys.version_info.major}.{sys.version_info.minor}"]'}
        ran = stage.run(event, workflow=f"{asked.workflow}.yml", settings=settings, show=True)
        for name in ran.names:
            print(f"artifact {name}")
        if "report.zip" in ran.names:
            kept = TOP / ".mainline" / "ci"
            kept.mkdir(parents=True, exist_ok=True)
            (kept / "report.md").write_text(ran.read("report", "report.md"), encoding="utf-8")
            print(f"the report: {(kept / 'report.md').relative_to(TOP)}")
        print(f"{ran.seconds:.1f} s from the event to the end")
    return ran.status


if __name__ == "__main__":
    sys.exit(main())
