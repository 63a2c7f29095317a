"""The verbs. Exit status: 0 passed, 1 a gate said no, 2 the configuration or the call is wrong,
3 the data are invalid, 4 something outside failed."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.errors import ConfigurationError, ExternalError, MainlineError

if TYPE_CHECKING:
    from mainline.params import Params


def main(arguments: Sequence[str] | None = None) -> int:
    # Libraries make hundreds of thousands of objects that stay: looking for garbage among them takes half a second.
    gc.set_threshold(100_000, 20, 100)
    call = parser().parse_args(arguments)
    try:
        status: int = call.verb(call)
        return status
    except MainlineError as error:
        print(f"mainline: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("mainline: stopped; what was recorded before is intact", file=sys.stderr)
        return 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"mainline: {where}{error.strerror or error}: nothing half-written is left", file=sys.stderr)
        return ExternalError.status
    except Exception:
        traceback.print_exc()
        print("mainline: this is a defect of Mainline, not yours; what was recorded before is intact", file=sys.stderr)
        return ExternalError.status


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="mainline", description="Every model earns its way to main.")
    verbs = whole.add_subparsers(required=True, metavar="verb")

    run = verbs.add_parser("run", help="validate, train, compare with the base, report")
    run.add_argument("--base", default="main", help="the branch or commit to compare with (default: main)")
    run.set_defaults(verb=run_verb)

    train = verbs.add_parser("train", help="validate and train; answers where the record is (for other commits)")
    train.add_argument("--state", type=Path, required=True)
    train.add_argument("--contract", type=int, required=True)
    train.set_defaults(verb=train_verb)

    score = verbs.add_parser("score", help="score another commit's rows with this one's model")
    score.add_argument("request", type=Path)
    score.add_argument("--state", type=Path, required=True)
    score.add_argument("--contract", type=int, required=True)
    score.set_defaults(verb=score_verb)

    ui = verbs.add_parser("ui", help="open MLflow's page over the store")
    ui.add_argument("--port", type=int, default=5000)
    ui.set_defaults(verb=ui_verb)

    monitor = verbs.add_parser("monitor", help="hold what was predicted against what the model was trained on")
    monitor.add_argument("--log", type=Path, help="the folder of the prediction log (default: monitor.log)")
    monitor.add_argument("--labels", help="a Parquet file or glob of labels (default: monitor.labels)")
    monitor.add_argument("--model", help="the digest of the model to judge (default: the one that answered last)")
    monitor.add_argument("--metrics", type=Path, help="the text of the server's /metrics, in a file")
    monitor.set_defaults(verb=monitor_verb)

    schema = verbs.add_parser("schema", help="print the JSON Schema of params.yaml")
    schema.set_defaults(verb=schema_verb)

    reference = verbs.add_parser("reference", help="write the schema and the page of params.yaml to a folder")
    reference.add_argument("folder", type=Path)
    reference.set_defaults(verb=reference_verb)
    return whole


def run_verb(call: argparse.Namespace) -> int:
    from mainline import unchanged
    from mainline.workspace import Workspace

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        known = unchanged.answer(workspace, call.base)
        if known is not None:
            print(known["summary"])
            return int(known["status"])
        from mainline.progress import Progress

        settings = configured()
        from pipelines import training

        sources = settings.settings.data.sources.values()
        local = all(source.is_local for source in sources)
        paths = [source.path for source in sources if source.path and source.is_local]
        before = unchanged.look(workspace, call.base, paths)
        review = training.review(settings, workspace, call.base, Progress.on_terminal())
        from mainline.report.terminal import terminal_summary

        status = 0 if review.passed else 1
        print(terminal_summary(review))
        unchanged.remember(workspace, before, paths, terminal_summary(review), status, local)
    return status


def train_verb(call: argparse.Namespace) -> int:
    agree(call.contract)
    from mainline.progress import Progress
    from mainline.workspace import Workspace

    settings = configured()
    from pipelines import training

    record = training.train(settings, Workspace.at(Path.cwd(), call.state), Progress())
    print(json.dumps({"record": str(record.path)}))
    return 0


def score_verb(call: argparse.Namespace) -> int:
    agree(call.contract)
    from mainline.workspace import Workspace

    settings = configured().settings
    from mainline import otherside

    request = json.loads(call.request.read_text(encoding="utf-8"))
    print(json.dumps(otherside.score_request(settings, Workspace.at(Path.cwd(), call.state), request)))
    return 0


def configured() -> Params:
    """The settings, with the threads fixed: NumPy counts the cores when it is imported, so this comes first."""
    from mainline import params, training

    settings = params.load()
    training.use_threads(settings.settings.train.threads)
    return settings


def ui_verb(call: argparse.Namespace) -> int:
    from mainline import tracking
    from mainline.workspace import Workspace

    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        print(f"MLFLOW_TRACKING_URI is set: the page is at {given}")
        return 0
    tracking.quiet()
    uri, _ = tracking.store(Workspace.at(Path.cwd()).state)
    server = ["server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(call.port), "--workers", "1"]
    return os.execv(sys.executable, [sys.executable, "-m", "mlflow", *server])  # noqa: S606


def monitor_verb(call: argparse.Namespace) -> int:
    from mainline.workspace import Workspace

    settings = configured().settings
    from mainline.monitor import page
    from pipelines import monitoring

    asked = monitoring.Asked(call.log, call.labels, call.model, call.metrics)
    health = monitoring.monitor(settings, Workspace.at(Path.cwd()), asked)
    print(page.terminal(health))
    return 0 if health.passed else 1


def schema_verb(call: argparse.Namespace) -> int:
    from mainline import reference

    print(reference.schema_text(), end="")
    return 0


def reference_verb(call: argparse.Namespace) -> int:
    from mainline import reference

    for path in reference.write(call.folder):
        print(path)
    return 0


def agree(contract: int) -> None:
    from mainline.baseline import CONTRACT

    if contract != CONTRACT:
        raise ConfigurationError(f"asked by a Mainline of contract {contract}, this one keeps contract {CONTRACT}")
