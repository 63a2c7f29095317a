"""The baseline: which record its commit has, and its own code run in a worktree.

What the code in a worktree is asked for is a contract between versions of Mainline (`CONTRACT`):

    mainline train --state DIR --contract N            answers {"record": path}
    mainline score --state DIR --contract N REQUEST    answers {"scores": path}

`mainline --model NAME train …` is asked about a model with a name: a version that knows none of those refuses it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mainline.config import frameworks
from mainline.errors import ConfigurationError, MainlineError
from mainline.evaluation.changes import settings_of
from mainline.runtime import git, models
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace
from mainline.training.fingerprint import locked_packages
from mainline.training.record import Record, find

CONTRACT = 1
OF_WORKFLOW = "base/"
LONGEST = 500  # characters of the baseline's error message: enough for two expectations that failed


class CannotScore(MainlineError):
    """The baseline's own code failed; the message is what it reported."""


def record_of_commit(workspace: Workspace, commit: str) -> Record | None:
    """The record of a commit whose fingerprint an earlier run has stored."""
    fingerprint = fingerprints(workspace).get(commit)
    return find(workspace.records, fingerprint) if fingerprint else None


def store_fingerprint(workspace: Workspace, commit: str, fingerprint: str) -> None:
    """Keep the fingerprint of a commit for later runs: a commit never changes."""
    before = fingerprints(workspace)
    if before.get(commit) != fingerprint:
        write_text(index(workspace), json.dumps({**before, commit: fingerprint}, indent=1, sort_keys=True))


def fingerprints(workspace: Workspace) -> dict[str, str]:
    """The fingerprints by commit. A file that cannot be read counts as empty: it is only a cache."""
    try:
        found = json.loads(index(workspace).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def index(workspace: Workspace) -> Path:
    return workspace.state / "commits.json"


def check_base(workspace: Workspace, base: str) -> None:
    """Raises ConfigurationError for a base that somebody has named and that does not exist, with the names that do."""
    import difflib

    root = workspace.root
    # What a workflow compares with is `base/…`: at the first commit of a repository there is none.
    if base.startswith(OF_WORKFLOW) or not git.is_top(root) or git.tip(root, base):
        return
    names = list(dict.fromkeys(git.short(name) for name in git.branches(root) if not name.endswith("/HEAD")))
    near = difflib.get_close_matches(base, names, n=1)
    hint = f": did you mean {near[0]}?" if near else ""
    if git.is_shallow(root):
        hint = f": this clone is shallow, git fetch --depth=1 origin {base}:refs/remotes/origin/{base}"
    raise ConfigurationError(
        f"there is no branch, tag or commit {base} to compare with{hint} "
        + (f"({git.listed(names)})" if names else "(there is no branch yet)")
    )


def why_missing(workspace: Workspace, base: str) -> str:
    """Why there is no baseline, and how to get one."""
    if not git.is_top(workspace.root):
        return "no baseline: this folder is not the top of a git checkout"
    branch = base.removeprefix("origin/").removeprefix(OF_WORKFLOW)
    hint = f"git fetch origin {branch}"
    if git.is_shallow(workspace.root):
        hint = f"this clone is shallow: git fetch --depth=1 origin {branch}:refs/remotes/origin/{branch}"
    return f"no baseline: there is no {branch} here ({hint})"


def holds_model(workspace: Workspace, commit: str) -> bool:
    """Whether a commit has this model: a new one, or a new project's, is on `main` from its first merge on."""
    return git.git(workspace.root, "cat-file", "-e", f"{commit}:{workspace.of.params}") is not None


def another_task(workspace: Workspace, commit: str, task: str) -> str | None:
    """Why a commit's model cannot be compared, where its `params.yaml` already says so: nothing needs to be trained."""
    settings = settings_at(workspace, commit)
    was = settings.get("task") if settings else None
    return other_task(str(was), task) if was not in (None, task) else None


def settings_at(workspace: Workspace, commit: str) -> dict[str, Any] | None:
    """The content of a commit's params.yaml."""
    return settings_of(git.git(workspace.root, "show", f"{commit}:{workspace.of.params}"))


def other_task(was: str, task: str) -> str:
    return f"the baseline's task is {was}, the candidate's is {task}: their scores do not compare"


def train_in_worktree(workspace: Workspace, tree: Path) -> Record:
    """Let the code in `tree` train its model, or find it trained."""
    answer = ask(tree, ["train", "--state", str(workspace.home), "--contract", str(CONTRACT)])
    return Record.read(Path(answer["record"]))


def score_in_worktree(
    workspace: Workspace, tree: Path, record: Record, request: dict[str, Any], scratch: Path
) -> dict[str, Any]:
    """Let the code in `tree` score the candidate's holdout with its model."""
    path = scratch / "request.json"
    path.write_text(json.dumps({**request, "record": str(record.path), "into": str(scratch)}), encoding="utf-8")
    return ask(tree, ["score", "--state", str(workspace.home), "--contract", str(CONTRACT), str(path)])


def ask(tree: Path, arguments: list[str], **variables: str) -> dict[str, Any]:
    environment = {**os.environ, **variables, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"}
    model = models.selected()
    done = subprocess.run(
        [str(interpreter(tree)), "-m", "mainline", *(["--model", model.name] if model.name else []), *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotScore(reason(done.stderr) or f"it stopped with status {done.returncode}")
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise CannotScore(f"its answer cannot be read: {done.stdout[-200:]!r}") from None
    return answer


def reason(said: str) -> str:
    """The error message in what the baseline's code printed, or the last line of a traceback."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    message = "mainline: "
    start = next((i for i in reversed(range(len(lines))) if lines[i].startswith(message)), None)
    if start is None or "a defect of Mainline" in lines[start]:
        return lines[-1 if start is None else max(start - 1, 0)] if lines else ""
    whole = " ".join([lines[start].removeprefix(message), *lines[start + 1 :]])
    # The cause is at the beginning, or at the end where a traceback is quoted.
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST // 2]} … {whole[-LONGEST // 2 :]}"


def framework_groups(tree: Path) -> list[str]:
    """The optional groups of packages that the estimator and the engine of a checkout need."""
    try:
        content = yaml.load((tree / models.selected().params).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        estimator = str(content["train"]["estimator"])
        engine = ["spark"] if content.get("data", {}).get("engine") == "spark" else []
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):  # its own run says so
        return []
    return [*frameworks.groups_of(frameworks.named_by(tree, estimator)), *engine]


def interpreter(tree: Path) -> Path:
    """This environment where the locked packages are the same, otherwise one made from the tree's own lock."""
    groups = framework_groups(tree)
    here = Path.cwd()
    same = all(locked_packages(tree, group) == locked_packages(here, group) for group in ("train", *groups))
    if not (tree / "uv.lock").exists() or same:
        return Path(sys.executable)
    if "torch" in groups:  # its lock would bring a build for a GPU, of several GB
        raise CannotScore("its locked dependencies differ, and an environment with torch is not made for a baseline")
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(tree / ".venv"), "UV_COMPILE_BYTECODE": "0"}
    environment.pop("VIRTUAL_ENV", None)
    uv = os.environ.get("UV", "uv")
    try:
        subprocess.run(
            [uv, "sync", "--frozen", "--quiet", "--no-install-project", *(f"--group={group}" for group in groups)],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        raise CannotScore("its locked dependencies differ and uv is not on the PATH: use make run") from None
    except subprocess.CalledProcessError as error:
        raise CannotScore(f"its locked dependencies could not be installed: {error.stderr.strip()}") from None
    return tree / ".venv" / "bin" / "python"
