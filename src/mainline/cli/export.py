"""The commands of the exported model: make it, score a file with it, serve it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.cli.commands import about
from mainline.cli.selection import FORMER

if TYPE_CHECKING:
    from mainline.config.schema import Source


def add(commands: Any) -> None:
    export = commands.add_parser("export", description=about("export"))
    export.add_argument(
        "--to", type=Path, help="folder to write (default: .mainline/model, for the edge .mainline/edge)"
    )
    export.add_argument(
        "--for", dest="target", choices=["server", "edge"], default="server", help="edge: for small devices"
    )
    export.add_argument("--version", help="version that the server reports (default: from the fingerprint)")
    export.add_argument(
        "--format", choices=("onnx", "tfrecord"), default="onnx", help="the model, or the frame as tf.Example"
    )
    export.set_defaults(command=export_command)

    predict = commands.add_parser("predict", description=about("predict"))
    predict.add_argument("file", type=Path)
    predict.add_argument(
        "--to",
        type=Path,
        help="the file to write (default: next to FILE, with .predictions before its suffix; of data, in predictions/)",
    )
    predict.add_argument(
        "--export",
        *FORMER,
        dest="model",
        type=Path,
        help="the folder of an export (default: this checkout's model, exported if need be)",
    )
    predict.add_argument(
        "--raw",
        metavar="SOURCE",
        help="FILE has the columns of this source (1: the one that the frame's rows come from): it is prepared first",
    )
    predict.set_defaults(command=predict_command)

    serve = commands.add_parser("serve", description=about("serve"))
    serve.add_argument(
        "--export", *FORMER, dest="model", type=Path, help="the folder of the export (default: .mainline/model)"
    )
    serve.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (default: 8080)")
    serve.set_defaults(command=serve_command)


def export_command(call: argparse.Namespace) -> int:
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    settings = configured()
    from pipelines import exporting

    workspace = Workspace.at(Path.cwd())
    progress = Progress.on_terminal()
    if call.format == "tfrecord":
        from mainline.packaging import tfrecord_export

        folder = call.to or workspace.state / "tfrecord"
        with workspace.locked():
            record, frame = exporting.recorded(settings, workspace, progress)
            with progress.stage("export") as detail:
                rows = tfrecord_export.export(record.settings(settings.settings), frame, folder)
                detail.text = ", ".join(f"{number:,} rows in Split-{name}" for name, number in rows.items())
        print(folder)
        return 0
    if call.target == "edge":
        folder = call.to or workspace.state / "edge"
        with workspace.locked():
            report = exporting.exported_for_edge(settings, workspace, progress, folder, call.version)
        print(report.read_text(encoding="utf-8"))
        print(folder)
        return 0
    folder = call.to or workspace.model
    with workspace.locked():
        exporting.exported(settings, workspace, progress, folder, call.version)
    print(folder)
    return 0


def predict_command(call: argparse.Namespace) -> int:
    from mainline.packaging import predict

    root, sources = Path.cwd(), sources_here()
    target = call.to or predict.default_target(call.file, sources, root)

    def warn(said: str) -> None:
        print(f"warning: {said}", file=sys.stderr)

    predict.refuse_data(target, sources, root)
    model = call.model or own_export()
    if not call.raw:
        print(predict.predict(call.file, model, target, warn))
        return 0
    from mainline.cli.settings import configured
    from mainline.runtime.workspace import Workspace

    settings, workspace = configured().settings, Workspace.at(root)
    with workspace.locked():
        print(predict.predict_raw(settings, workspace, call.file, call.raw, model, target, warn))
    return 0


def sources_here() -> Mapping[str, Source]:
    """The sources of this checkout; none where its settings cannot be read, and so no run reads anything."""
    from mainline.config import loader
    from mainline.errors import ConfigurationError
    from mainline.runtime import models

    try:
        return loader.load().settings.data.sources
    except ConfigurationError:
        params = models.selected().params
        if params.exists():
            print(f"warning: {params} cannot be read: no source was looked at", file=sys.stderr)
        return {}


def own_export() -> Path:
    """The export of this checkout's model: a former model's is exported anew, and used only where it is named."""
    from mainline.cli.settings import configured
    from mainline.runtime.progress import Progress
    from mainline.runtime.workspace import Workspace

    settings = configured()
    from pipelines import exporting

    workspace = Workspace.at(Path.cwd())
    with workspace.locked():
        return exporting.current(settings, workspace, Progress.on_terminal())


def serve_command(call: argparse.Namespace) -> int:
    from msgspec import structs

    from mainline.serving import server
    from mainline.serving import settings as configuration

    given = {name: getattr(call, name) for name in ("model", "host", "port") if getattr(call, name) is not None}
    return server.serve(structs.replace(configuration.read(), **given))
