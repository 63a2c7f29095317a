"""The table of jobs and minutes in docs/pull-requests.md, counted from the workflows: `make docs` writes it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "pull-requests.md"
BEGIN, END = "<!-- jobs -->\n", "<!-- /jobs -->"

# Estimates for the example on a runner with two processors, each job rounded up to a minute, as GitHub bills it.
MINUTES = {"review": 3, "check": 4, "scan": 4, "candidate": 6, "deploy": 4}
# The scans that a private repository has: the actions' pins alone.
PRIVATE = {"scan": 1}
Facts = Mapping[str, Any]

SITUATIONS: dict[str, tuple[str, Facts]] = {
    "a push to a draft pull request": ("pull_request", {"github.event.pull_request.draft": True}),
    "a push to a pull request": ("pull_request", {"github.event.pull_request.draft": False}),
    "a commit of a merge queue": ("merge_group", {}),
    "a merge to `main` that is released": ("push", {"needs.candidate.outputs.due": "true"}),
    "a push to a branch without a pull request": ("a branch", {}),
}
# What the workflows of version 0.1 started, counted in the same way.
BEFORE = {"a push to a draft pull request": (14, 46), "a push to a pull request": (14, 46)}
SYMBOLS = {
    r"&&": " and ",
    r"\|\|": " or ",
    r"always\(\)": "True",
    r"cancelled\(\)": "False",
    r"failure\(\)": "False",
    r"!(?!=)": " not ",
}
NAME = re.compile(r"\b(?:github|needs|vars|inputs|matrix)(?:\.[\w-]+)+")


def value(expression: str, facts: Facts) -> Any:
    """What an expression of GitHub's is worth; what is not known is empty, as on GitHub."""
    text = expression.removeprefix("${{").removesuffix("}}").strip()
    for symbol, python in SYMBOLS.items():
        text = re.sub(symbol, python, text)
    text = NAME.sub(lambda found: repr(facts.get(found[0], "")), text)
    return eval(text, {"__builtins__": {}, "fromJSON": json.loads})


def starts(on: Mapping[str, Any], event: str) -> bool:
    """Whether the event starts a workflow; `a branch` is a push to another branch than `main`.

    One that is started by the paths of the machine is not: in a repository of a model nobody touches those.
    """
    if "paths" in (on.get(event) or {}):
        return False
    if event == "a branch":
        branches = (on.get("push") or {}).get("branches", ["**"]) if "push" in on else []
        return bool(set(branches) - {"main"})
    return event in on


def jobs(event: str, facts: Facts, folder: Path = TOP / ".github" / "workflows") -> Iterator[str]:
    """The key of each job that runs, once for each combination of its matrix."""
    started: list[str] = []
    contents = [read(path) for path in sorted(folder.glob("*.yml"))]
    facts = {"github.event_name": "push" if event == "a branch" else event, **facts}
    facts |= {"github.ref_name": "main", "github.event.repository.default_branch": "main"}
    facts |= {"needs.models.result": "skipped"}  # one model
    for content in contents:
        if starts(content[True], event):
            started.append(content["name"])
            yield from of(content, facts)
    for content in contents:  # what waits for the end of another workflow
        followed = (content[True].get("workflow_run") or {}).get("workflows", [])
        for _ in set(followed) & set(started):
            yield from of(content, {**facts, "github.event.workflow_run.event": facts["github.event_name"]})


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def of(content: Mapping[str, Any], facts: Facts) -> Iterator[str]:
    for key, job in content["jobs"].items():
        if not value(str(job.get("if", "True")), facts):
            continue
        if "uses" in job:  # another workflow's jobs run in its place
            yield from of(read(TOP / job["uses"]), facts)
            continue
        for choices in job.get("strategy", {}).get("matrix", {"": [""]}).values():
            yield from [key] * len(value(choices, facts) if isinstance(choices, str) else choices)


def minutes(found: list[str], private: bool = False) -> int:
    return sum((PRIVATE if private else {}).get(key, MINUTES.get(key, 1)) for key in found)


def table() -> str:
    lines = ["| what starts them | jobs | minutes | in a private repository | before |", "|---|---|---|---|---|"]
    for situation, (event, facts) in SITUATIONS.items():
        found = list(jobs(event, facts))
        before = "{} jobs, {} minutes".format(*BEFORE[situation]) if situation in BEFORE else ""
        lines.append(f"| {situation} | {len(found)} | {minutes(found)} | {minutes(found, private=True)} | {before} |")
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The page with its marked block replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} has no block {BEGIN.strip()} … {END}")
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE.relative_to(TOP), file=sys.stderr)
