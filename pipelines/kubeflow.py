"""The main job in steps, each a container of its own: what a component of Kubeflow Pipelines runs.

A step takes over the state that the step before it has left, does its part by the same functions as `make run`, and
leaves the state with what is new in it. The fingerprint that the pipeline was compiled for is compared by every step.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mainline.config.loader import Params
from mainline.data.validation.gate import Gate
from mainline.errors import ExternalError, Refused
from mainline.runtime.progress import Progress
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace
from mainline.training import record
from pipelines import training


@dataclass(frozen=True)
class Step:
    """The input of a step: `outputs` are the paths of its artifacts, by name."""

    params: Params
    workspace: Workspace
    base: str
    outputs: Mapping[str, Path]
    progress: Progress


@dataclass(frozen=True)
class Done:
    """Metadata of the artifacts by name, and values of the output parameters by name."""

    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


def run(name: str, step: Step, fingerprint: str, state: Path | None) -> Done:
    """Run a step on the state of the one before it.

    Raises
    ------
    ExternalError
        Where data, settings or code are not those that the pipeline was compiled for, or the state is missing.
    """
    if state is not None:
        if not state.is_dir():
            raise ExternalError(f"the step before {name} has left no state at {state}: look at its log")
        shutil.copytree(state, step.workspace.home, dirs_exist_ok=True)
        if (state / "reports").is_dir():
            shutil.copytree(state / "reports", step.workspace.reports, dirs_exist_ok=True)
    done = STEPS[name](step, fingerprint)
    if "state" in step.outputs:
        leave_out = shutil.ignore_patterns("lock", "worktrees", "last.json", "reports")
        shutil.copytree(step.workspace.home, step.outputs["state"], dirs_exist_ok=True, ignore=leave_out)
        if step.workspace.reports.is_dir():
            shutil.copytree(step.workspace.reports, step.outputs["state"] / "reports", dirs_exist_ok=True)
    return done


def begun(step: Step, fingerprint: str) -> training.Job:
    job = training.begin(step.params, step.workspace, step.progress)
    if fingerprint and job.prints.model != fingerprint:
        raise ExternalError(
            f"data, settings or code have the fingerprint {job.prints.model[:10]}, and the pipeline was compiled for "
            f"{fingerprint[:10]}: compile it again (`make kfp`)"
        )
    return job


def collect(step: Step, fingerprint: str) -> Done:
    job = begun(step, fingerprint)
    rows = {name: table.rows for name, table in job.tables.items()}
    tables = {name: {"rows": table.rows, "sha256": table.digest} for name, table in job.tables.items()}
    write(step.outputs["tables"], json.dumps(tables, indent=2))
    return Done({"tables": {f"rows_{name}": number for name, number in rows.items()}})


def prepare(step: Step, fingerprint: str) -> Done:
    job = begun(step, fingerprint)
    training.prepare(job)
    step.outputs["frame"].parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(job.frame, step.outputs["frame"])
    return Done({"frame": {"fingerprint": job.prints.frame, "format": "parquet"}})


def validate(step: Step, fingerprint: str) -> Done:
    job = begun(step, fingerprint)
    worker = Worker()
    try:
        gate = Gate(job.params.settings, worker, job.workspace, job.tables, job.watch)
        gate.ask_of_frame(job.frame, job.prints.frame)
        found = gate.answer()
    finally:
        worker.stop()
    training.refuse_invalid(found)
    return Done({"validation": {"expectations": len(found.expectations), "warnings": len(found.warnings)}})


def train(step: Step, fingerprint: str) -> Done:
    trained = training.train(step.params, step.workspace, step.progress)
    if fingerprint and trained.fingerprint != fingerprint:
        begun(step, fingerprint)
    shutil.copytree(trained.path, step.outputs["model"], dirs_exist_ok=True)
    facts = trained.facts
    about = {"digest": trained.digest, "fingerprint": trained.fingerprint, "commit": facts.made_by or "none"}
    return Done({"model": about, "fit": {"seconds": facts.model.seconds, "bytes": facts.model.bytes, **facts.rows}})


def compare(step: Step, fingerprint: str) -> Done:
    begun(step, fingerprint)
    review = training.review(step.params, step.workspace, step.base, step.progress)
    values = {}
    for metric in review.metrics:
        values[metric.name] = metric.candidate.value
        if metric.delta:
            values[f"{metric.name}_delta"] = metric.delta.value
    return Done({"metrics": values}, {"verdict": review.outcome, "passed": str(review.passed).lower()})


def report(step: Step, fingerprint: str) -> Done:
    verdict = json.loads((step.workspace.reports / "verdict.json").read_text(encoding="utf-8"))
    if fingerprint and verdict["fingerprint"] != fingerprint:
        raise ExternalError("the report is of another model than the pipeline was compiled for")
    for name, file in (("page", "report.html"), ("text", "report.md")):
        write(step.outputs[name], (step.workspace.reports / file).read_text(encoding="utf-8"))
    return Done({name: {"verdict": verdict["verdict"]} for name in ("page", "text")})


def gate(step: Step, fingerprint: str) -> Done:
    """The last step: it fails where the verdict does not pass, after the report was handed out."""
    verdict = json.loads((step.workspace.reports / "verdict.json").read_text(encoding="utf-8"))
    if not verdict["passed"]:
        raise Refused(f"the verdict is {verdict['verdict']}: see the report")
    kept = record.find(step.workspace.records, verdict["fingerprint"])
    if kept is None or kept.digest != verdict["model_digest"]:
        raise ExternalError(f"the verdict's model {verdict['model_digest'][:10]} is not in the state")
    return Done()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


STEPS: dict[str, Callable[[Step, str], Done]] = {
    "collect": collect,
    "prepare": prepare,
    "validate": validate,
    "train": train,
    "compare": compare,
    "report": report,
    "gate": gate,
}
