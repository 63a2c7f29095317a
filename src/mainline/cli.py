"""The verbs. Exit status: 0 passed, 1 a gate said no, 2 the configuration or the call is wrong,
3 the data are invalid, 4 something outside failed."""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mainline import places, releasing, stateverbs
from mainline.ci import verbs as workflows
from mainline.container import verbs as containers
from mainline.demo import verbs as demo
from mainline.errors import ConfigurationError, ExternalError, MainlineError
from mainline.retrain import verbs as retraining
from mainline.ship import verbs as shipping

if TYPE_CHECKING:
    from mainline.params import Params


# When these end, everything is written and every process of theirs has ended.
DONE = ("run", "train", "score")


def entry() -> None:
    """The command: as `main`, and gone at once; taking down all that a run has imported takes half a second."""
    status = main()
    if sys.argv[1:2] and sys.argv[1] in DONE:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    # Libraries make hundreds of thousands of objects that stay: looking for garbage among them takes half a second.
    gc.set_threshold(100_000, 20, 100)
    places.settle(os.environ)
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
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", "mainline", "pipelines"):
            return defect()
        print(
            f"mainline: {error.name} is not installed: the verb's make target does it, or make tools", file=sys.stderr
        )
        return ConfigurationError.status
    except Exception:
        return defect()


def defect() -> int:
    traceback.print_exc()
    print("mainline: this is a defect of Mainline, not yours; what was recorded before is intact", file=sys.stderr)
    return ExternalError.status


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="mainline", description="Every model earns its way to main.")
    verbs = whole.add_subparsers(required=True, metavar="verb")

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

    export = verbs.add_parser("export", help="the model as ONNX with its signature, for the server")
    export.add_argument("--to", type=Path, help="the folder to write (default: .mainline/model)")
    export.add_argument("--version", help="what the server calls it (default: from the fingerprint)")
    export.set_defaults(verb=export_verb)

    predict = verbs.add_parser("predict", help="score a file (Parquet, CSV, JSON lines) with the exported model")
    predict.add_argument("file", type=Path)
    predict.add_argument(
        "--to", type=Path, help="the file to write (default: FILE with .predictions before its suffix)"
    )
    predict.add_argument("--model", type=Path, help="the folder of the export (default: .mainline/model)")
    predict.set_defaults(verb=predict_verb)

    serve = verbs.add_parser("serve", help="serve the exported model; MAINLINE_* variables set it up")
    serve.add_argument("--model", type=Path, help="the folder of the export (default: .mainline/model)")
    serve.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (default: 8080)")
    serve.set_defaults(verb=serve_verb)

    ui = verbs.add_parser("ui", help="open MLflow's page over the store")
    ui.add_argument("--port", type=int, default=5000)
    ui.add_argument("--remote", action="store_true", help="over the state in the registry of MAINLINE_STATE")
    ui.set_defaults(verb=ui_verb)

    doctor = verbs.add_parser("doctor", help="tell what is still off in the repository's settings on GitHub")
    doctor.add_argument("--fix", action="store_true", help="turn on what the token may")
    doctor.set_defaults(verb=doctor_verb)

    releasing.add(verbs)
    stateverbs.add(verbs)
    containers.add(verbs)
    shipping.add(verbs)
    demo.add(verbs)

    monitor = verbs.add_parser("monitor", help="hold what was predicted against what the model was trained on")
    monitor.add_argument("--log", help="the folder or bucket of the prediction log (default: monitor.log)")
    monitor.add_argument("--model", help="the digest of the model to judge (default: the one that answered last)")
    monitor.add_argument("--metrics", type=Path, help="the text of the server's /metrics, in a file")
    monitor.add_argument("--now", type=moment, help="judge as of this time, ISO 8601 (default: the clock's)")
    monitor.set_defaults(verb=monitor_verb)

    retraining.add(verbs)
    workflows.add(verbs)

    schema = verbs.add_parser("schema", help="print the JSON Schema of params.yaml")
    schema.set_defaults(verb=schema_verb)

    reference = verbs.add_parser("reference", help="write the schema and the page of params.yaml to a folder")
    reference.add_argument("folder", type=Path)
    reference.set_defaults(verb=reference_verb)
    return whole


def run_verb(call: argparse.Namespace) -> int:
    from mainline import unchanged
    from mainline.workspace import Workspace

    workspace = Workspace.at(Path.cwd(), call.state)
    with workspace.locked():
        known = None if call.stage else unchanged.answer(workspace, call.base)
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
        progress = Progress.on_terminal()
        staging = containers.staging(settings, workspace, progress) if call.stage else None
        review = training.review(settings, workspace, call.base, progress, staging)
        from mainline.report.terminal import terminal_summary

        status = 0 if review.passed else 1
        print(terminal_summary(review))
        if not call.stage:
            unchanged.remember(workspace, before, paths, terminal_summary(review), status, local)
    return status


def review_verb(call: argparse.Namespace) -> int:
    from mainline.ci import review

    return review.from_here(call.install)


def train_verb(call: argparse.Namespace) -> int:
    from mainline.beside import die_with_parent

    die_with_parent()
    agree(call.contract)
    from mainline.progress import Progress
    from mainline.workspace import Workspace

    settings = configured()
    from pipelines import training

    record = training.train(settings, Workspace.at(Path.cwd(), call.state), Progress())
    print(json.dumps({"record": str(record.path)}))
    return 0


def score_verb(call: argparse.Namespace) -> int:
    from mainline.beside import die_with_parent

    die_with_parent()
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


def export_verb(call: argparse.Namespace) -> int:
    from mainline.progress import Progress
    from mainline.workspace import Workspace

    settings = configured()
    from pipelines import exporting

    workspace = Workspace.at(Path.cwd())
    folder = call.to or workspace.model
    with workspace.locked():
        exporting.exported(settings, workspace, Progress.on_terminal(), folder, call.version)
    print(folder)
    return 0


def predict_verb(call: argparse.Namespace) -> int:
    from mainline import predict
    from mainline.workspace import Workspace

    print(predict.predict(call.file, call.model or Workspace.at(Path.cwd()).model, call.to))
    return 0


def serve_verb(call: argparse.Namespace) -> int:
    import dataclasses

    from mainline.serving import configuration, server

    given = {name: getattr(call, name) for name in ("model", "host", "port") if getattr(call, name) is not None}
    return server.serve(dataclasses.replace(configuration.read(), **given))


def ui_verb(call: argparse.Namespace) -> int:
    from mainline import tracking
    from mainline.serving import ports
    from mainline.workspace import Workspace

    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        print(f"MLFLOW_TRACKING_URI is set: the page is at {given}")
        return 0
    # MLflow would say so among its own lines, and not end.
    ports.check_free("127.0.0.1", call.port, "make ui PORT=5001, or another one")
    tracking.quiet()
    workspace = Workspace.at(Path.cwd())
    uri, _ = tracking.store(stateverbs.pulled(workspace) if call.remote else workspace.state)
    server = ["server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(call.port), "--workers", "1"]
    return os.execv(sys.executable, [sys.executable, "-m", "mlflow", *server])  # noqa: S606


def doctor_verb(call: argparse.Namespace) -> int:
    from mainline.doctor import page, visit, where

    root = Path.cwd()
    place = where.place(root, os.environ)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(page.head(place, colour) + "\n", flush=True)
    names = [check.name for check in visit.CHECKS]
    results = []
    for result in visit.visit(place, root, call.fix):
        results.append(result)
        print("\n".join(page.lines(result, names, colour)), flush=True)
    print("\n" + page.last(results, colour))
    return 1 if any(result.fails for result in results) else 0


def monitor_verb(call: argparse.Namespace) -> int:
    from mainline.workspace import Workspace

    settings = configured().settings
    from mainline.monitor import page
    from pipelines import monitoring

    asked = monitoring.Asked(call.log, call.model, call.metrics, call.now)
    health = monitoring.monitor(settings, Workspace.at(Path.cwd()), asked)
    print(page.terminal(health))
    return health.status


def moment(text: str) -> dt.datetime:
    """A time of the call; UTC where it names no zone."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2013-12-31T23:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


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
