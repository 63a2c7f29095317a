"""The commands that train: of a checkout, and of a base when it is asked by a newer commit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mainline.cli import container as containers
from mainline.cli.commands import about
from mainline.errors import ConfigurationError


def add(commands: Any) -> None:
    run = commands.add_parser("run", description=about("run"))
    run.add_argument(
        "--base", help="branch or commit to compare with (default: the remote's default branch, else main)"
    )
    run.add_argument("--state", type=Path, help="folder of records and runs (default: .mainline)")
    run.add_argument("--stage", action="store_true", help="test the container too, where an engine is available")
    run.add_argument("--in", dest="place", metavar="PLACE", help="compute it in docker or kubernetes (default: here)")
    run.set_defaults(command=run_command)

    review = commands.add_parser("review", description=about("review"))
    review.add_argument("--install", default="", help="command that installs what training needs, run if it is needed")
    review.set_defaults(command=review_command)

    train = commands.add_parser("train", description=about("train"))
    train.add_argument("--state", type=Path, required=True)
    train.add_argument("--contract", type=int, required=True)
    train.set_defaults(command=train_command)

    score = commands.add_parser("score", description=about("score"))
    score.add_argument("request", type=Path)
    score.add_argument("--state", type=Path, required=True)
    score.add_argument("--contract", type=int, required=True)
    score.set_defaults(command=score_command)


def run_command(call: argparse.Namespace) -> int:
    if call.place:
        from mainline.cli import execution

        return execution.run_command(call)
    from mainline.runtime import git, last_run
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd(), call.state)
    with workspace.locked():
        base = call.base or git.default_branch(workspace.root) or git.TRUNKS[0]
        known = None if call.stage else last_run.answer(workspace, base)
        if known is not None:
            print(known["summary"])
            return int(known["status"])
        from mainline.cli.settings import configured
        from mainline.runtime.progress import Progress

        settings = configured()
        from pipelines import training

        if call.base:
            from mainline.evaluation.baseline import check_base

            check_base(workspace, base)
        sources = settings.settings.data.sources.values()
        local = all(source.is_local for source in sources)
        paths = [source.path for source in sources if source.path and source.is_local]
        before = last_run.look(workspace, base, paths)
        progress = Progress.on_terminal()
        staging = containers.staging(settings, workspace, progress) if call.stage else None
        review = training.review(settings, workspace, base, progress, staging)
        from mainline.report.terminal import terminal_summary

        status = 0 if review.passed else 1
        summary = terminal_summary(review)
        if not call.stage:
            last_run.remember(workspace, before, paths, summary, status, local)
        print(summary)
    return status


def review_command(call: argparse.Namespace) -> int:
    from mainline.github.actions import review

    return review.from_here(call.install)


def train_command(call: argparse.Namespace) -> int:
    from mainline.runtime.parent import die_with_parent

    die_with_parent()
    agree(call.contract)
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    settings = configured()
    from pipelines import training

    record = training.train(settings, Workspace.at(Path.cwd(), call.state), Progress())
    print(json.dumps({"record": str(record.path)}))
    return 0


def score_command(call: argparse.Namespace) -> int:
    from mainline.runtime.parent import die_with_parent

    die_with_parent()
    agree(call.contract)
    from mainline.cli.settings import configured

    settings = configured().settings
    from mainline.evaluation import baseline_scores

    request = json.loads(call.request.read_text(encoding="utf-8"))
    print(json.dumps(baseline_scores.score_request(settings, request)))
    return 0


def agree(contract: int) -> None:
    from mainline.evaluation.baseline import CONTRACT

    if contract != CONTRACT:
        raise ConfigurationError(f"called with contract {contract}; this version of Mainline has contract {CONTRACT}")
