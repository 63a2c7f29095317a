"""The verbs that train: of a checkout, and of a base when it is asked by a newer commit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mainline.cli import container as containers
from mainline.errors import ConfigurationError


def add(verbs: Any) -> None:
    run = verbs.add_parser("run", help="validate, train, compare with the base, report")
    run.add_argument("--base", default="main", help="the branch or commit to compare with (default: main)")
    run.add_argument("--state", type=Path, help="where records and runs are kept (default: .mainline)")
    run.add_argument("--stage", action="store_true", help="judge the model's container too, where an engine answers")
    run.set_defaults(verb=run_verb)

    review = verbs.add_parser("review", help="run in CI: what to compare with comes from the event")
    review.add_argument("--install", default="", help="the command that installs what training needs, if it is needed")
    review.set_defaults(verb=review_verb)

    train = verbs.add_parser("train", help="validate and train; answers where the record is (for other commits)")
    train.add_argument("--state", type=Path, required=True)
    train.add_argument("--contract", type=int, required=True)
    train.set_defaults(verb=train_verb)

    score = verbs.add_parser("score", help="score another commit's rows with this one's model")
    score.add_argument("request", type=Path)
    score.add_argument("--state", type=Path, required=True)
    score.add_argument("--contract", type=int, required=True)
    score.set_defaults(verb=score_verb)


def run_verb(call: argparse.Namespace) -> int:
    from mainline.runtime import last_run
    from mainline.runtime.workspace import Workspace

    workspace = Workspace.at(Path.cwd(), call.state)
    with workspace.locked():
        known = None if call.stage else last_run.answer(workspace, call.base)
        if known is not None:
            print(known["summary"])
            return int(known["status"])
        from mainline.cli.settings import configured
        from mainline.runtime.progress import Progress

        settings = configured()
        from pipelines import training

        sources = settings.settings.data.sources.values()
        local = all(source.is_local for source in sources)
        paths = [source.path for source in sources if source.path and source.is_local]
        before = last_run.look(workspace, call.base, paths)
        progress = Progress.on_terminal()
        staging = containers.staging(settings, workspace, progress) if call.stage else None
        review = training.review(settings, workspace, call.base, progress, staging)
        from mainline.report.terminal import terminal_summary

        status = 0 if review.passed else 1
        print(terminal_summary(review))
        if not call.stage:
            last_run.remember(workspace, before, paths, terminal_summary(review), status, local)
    return status


def review_verb(call: argparse.Namespace) -> int:
    from mainline.github.actions import review

    return review.from_here(call.install)


def train_verb(call: argparse.Namespace) -> int:
    from mainline.runtime.worker import die_with_parent

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


def score_verb(call: argparse.Namespace) -> int:
    from mainline.runtime.worker import die_with_parent

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
        raise ConfigurationError(f"asked by a Mainline of contract {contract}, this one keeps contract {CONTRACT}")
