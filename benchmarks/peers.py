"""The servers that are measured: ours, its limit, and three others, each in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
STATE = TOP / ".mainline" / "bench"
RUNTIME = [f"{name}=={metadata.version(name)}" for name in ("scikit-learn", "pandas", "numpy", "scipy")]
MLFLOW = f"mlflow=={metadata.version('mlflow')}"

# BentoML with its adaptive batching: requests wait for company, and share a call of the model.
BATCHED = "bentoml batched"

# Records in, in the form that each server takes.
Body = Callable[[list[dict[str, Any]]], Any]

BENTO = """
import pickle

import bentoml
import pandas as pd

BATCHED = {batched}


@bentoml.service(workers=1)
class Model:
    def __init__(self) -> None:
        with open({model!r}, "rb") as file:
            self.model = pickle.load(file)

    @bentoml.api(batchable=BATCHED, max_batch_size=10000, max_latency_ms=20000)
    def invocations(self, rows: list[dict]) -> list[list[float]]:
        frame = pd.DataFrame(rows).astype({types!r})
        return self.model.predict_proba(frame).tolist()
"""


@dataclass(frozen=True)
class Server:
    name: str
    packages: list[str]  # of its own environment; none for ours
    command: Callable[[int, Path], list[str]]  # by port and the environment's programs
    path: str
    body: Body
    variables: Callable[[int], dict[str, str]] = lambda port: {}


def records(rows: list[dict[str, Any]]) -> Any:
    return {"dataframe_records": rows}


def split(rows: list[dict[str, Any]]) -> Any:
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


def shorter(rows: list[dict[str, Any]]) -> Any:
    """The form that says each name once, where there is more than one row."""
    return split(rows) if len(rows) > 1 else records(rows)


def servers(model: Path) -> dict[str, Server]:
    """By name; `model` is the export, beside which the peers' own forms of the same model are put."""

    def ours(port: int) -> dict[str, str]:
        return {"MAINLINE_MODEL": str(model), "MAINLINE_PORT": str(port), "MAINLINE_LOG": str(STATE / "log")}

    def limit(port: int) -> dict[str, str]:
        return {"MAINLINE_MODEL": str(model), "MAINLINE_PORT": str(port)}

    def bento(batched: str) -> Callable[[int, Path], list[str]]:
        return lambda port, bin_: [
            str(bin_ / "bentoml"), "serve", f"service_{batched}:Model", "--port", str(port), "--host", "127.0.0.1",
            "--working-dir", str(STATE / "bento"),
        ]  # fmt: skip

    def mlflow(port: int, bin_: Path) -> list[str]:
        options = ["--port", str(port), "--host", "127.0.0.1", "--workers", "1", "--env-manager", "local"]
        return [str(bin_ / "mlflow"), "models", "serve", "--model-uri", str(STATE / "mlflow-model"), *options]

    def ml(port: int) -> dict[str, str]:
        settings = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "host": "127.0.0.1"}
        return {f"MLSERVER_{name}".upper(): str(value) for name, value in {**settings, "parallel_workers": 0}.items()}

    this = [sys.executable, "-m"]
    found = [
        Server("mainline", [], lambda port, bin_: [*this, "mainline.serving"], "/invocations", shorter, ours),
        Server("limit", [], lambda port, bin_: [*this, "benchmarks.limit"], "/invocations", shorter, limit),
        Server("mlflow", [MLFLOW], mlflow, "/invocations", split),
        Server(
            "mlserver",
            ["mlserver", "mlserver-mlflow", MLFLOW],
            lambda port, bin_: [str(bin_ / "mlserver"), "start", str(STATE / "mlserver")],
            "/invocations",
            split,
            ml,
        ),
        Server("bentoml", ["bentoml"], bento("plain"), "/invocations", lambda rows: {"rows": rows}),
        Server(BATCHED, ["bentoml"], bento("batched"), "/invocations", lambda rows: {"rows": rows}),
    ]
    return {server.name: server for server in found}


def environment(server: Server) -> Path:
    """The programs of a server's own environment, made where it is not there."""
    if not server.packages:
        return Path(sys.executable).parent
    folder = STATE / f"env-{server.packages[0].split('=')[0]}"
    done = folder / "done"
    wanted = "\n".join([*RUNTIME, *server.packages])
    if not done.exists() or done.read_text() != wanted:
        uv = os.environ.get("UV") or shutil.which("uv")
        if not uv:
            raise SystemExit("benchmarks: uv is not here: use `make bench-serve`")
        print(f"installing {server.packages[0]} …", file=sys.stderr, flush=True)
        quiet = {**os.environ, "UV_COMPILE_BYTECODE": "1"}
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True, env=quiet)
        install = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
        subprocess.run([*install, *RUNTIME, *server.packages], check=True, env=quiet)
        done.write_text(wanted)
    return folder / "bin"


def prepare(pipeline: Path, types: dict[str, str], task: str) -> None:
    """The fitted pipeline as each peer wants to have it."""
    import pickle

    import mlflow

    STATE.mkdir(parents=True, exist_ok=True)
    model = STATE / "mlflow-model"
    shutil.rmtree(model, ignore_errors=True)
    mlflow.sklearn.save_model(
        pickle.loads(pipeline.read_bytes()),
        model,
        pip_requirements=[],
        pyfunc_predict_fn="predict" if task == "regression" else "predict_proba",
        serialization_format="pickle",
    )
    (STATE / "bento").mkdir(exist_ok=True)
    for name, batched in (("plain", False), ("batched", True)):
        text = BENTO.format(model=str(pipeline), types=types, batched=batched)
        (STATE / "bento" / f"service_{name}.py").write_text(text, encoding="utf-8")
    (STATE / "mlserver").mkdir(exist_ok=True)
    settings = {"name": "model", "implementation": "mlserver_mlflow.MLflowRuntime", "parameters": {"uri": str(model)}}
    (STATE / "mlserver" / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")
