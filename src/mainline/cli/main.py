"""The verbs. Exit status: 0 passed, 1 a gate said no, 2 the configuration or the call is wrong,
3 the data are invalid, 4 something outside failed."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.cli import ci as workflows
from mainline.cli import container as containers
from mainline.cli import demo, doctor, export, monitor, release, state, train
from mainline.cli import retrain as retraining
from mainline.cli import ship as shipping
from mainline.config import environment
from mainline.errors import ConfigurationError, ExternalError, MainlineError
from mainline.registry import shared_state

if TYPE_CHECKING:
    from mainline.config.reference import Declared


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
    environment.settle(os.environ)
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

    train.add(verbs)
    export.add(verbs)

    ui = verbs.add_parser("ui", help="open MLflow's page over the store")
    ui.add_argument("--port", type=int, default=5000)
    ui.add_argument("--remote", action="store_true", help="over the state in the registry of MAINLINE_STATE")
    ui.set_defaults(verb=ui_verb)

    doctor.add(verbs)
    release.add(verbs)
    state.add(verbs)
    containers.add(verbs)
    shipping.add(verbs)
    demo.add(verbs)
    monitor.add(verbs)
    retraining.add(verbs)
    workflows.add(verbs)

    verbs.add_parser("schema", help="print the JSON Schema of params.yaml").set_defaults(verb=schema_verb)

    reference = verbs.add_parser("reference", help="write the schema and the page of params.yaml to a folder")
    reference.add_argument("folder", type=Path)
    reference.set_defaults(verb=reference_verb)
    return whole


def ui_verb(call: argparse.Namespace) -> int:
    from mainline.registry import runs
    from mainline.runtime.workspace import Workspace
    from mainline.serving import ports

    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        print(f"MLFLOW_TRACKING_URI is set: the page is at {given}")
        return 0
    # MLflow would say so among its own lines, and not end.
    ports.free_address("127.0.0.1", call.port, "make ui PORT=5001, or another one")
    runs.quiet()
    workspace = Workspace.at(Path.cwd())
    uri, _ = runs.store(shared_state.pulled(workspace) if call.remote else workspace.state)
    server = ["server", "--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(call.port), "--workers", "1"]
    return os.execv(sys.executable, [sys.executable, "-m", "mlflow", *server])  # noqa: S606


def known_here() -> Declared:
    """What is declared, with the extensions of the project where there is one."""
    from mainline.cli.declared import declared
    from mainline.config import extensions, loader

    if loader.FILE.exists():
        extensions.load(loader.load())
    return declared()


def schema_verb(call: argparse.Namespace) -> int:
    from mainline.config import reference

    print(reference.schema_text(known_here()), end="")
    return 0


def reference_verb(call: argparse.Namespace) -> int:
    from mainline.config import reference

    for path in reference.write(call.folder, known_here()):
        print(path)
    return 0
