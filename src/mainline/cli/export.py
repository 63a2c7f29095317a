"""The verbs of the exported model: make it, score a file with it, serve it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(verbs: Any) -> None:
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


def export_verb(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    settings = configured()
    from pipelines import exporting

    workspace = Workspace.at(Path.cwd())
    folder = call.to or workspace.model
    with workspace.locked():
        exporting.exported(settings, workspace, Progress.on_terminal(), folder, call.version)
    print(folder)
    return 0


def predict_verb(call: argparse.Namespace) -> int:
    from mainline.packaging import predict
    from mainline.runtime.workspace import Workspace

    print(predict.predict(call.file, call.model or Workspace.at(Path.cwd()).model, call.to))
    return 0


def serve_verb(call: argparse.Namespace) -> int:
    import dataclasses

    from mainline.serving import server
    from mainline.serving import settings as configuration

    given = {name: getattr(call, name) for name in ("model", "host", "port") if getattr(call, name) is not None}
    return server.serve(dataclasses.replace(configuration.read(), **given))
