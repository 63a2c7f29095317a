"""The example trained with each framework that is installed, exported, and served by the same small server.

Of LightGBM, XGBoost, CatBoost, PyTorch and Keras those that this environment has: `make bench PARTS=frameworks` after
`make tools WITH="boosting torch keras"`. All servers run, and are asked in turn.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks import peers, serve
from benchmarks.peers import Server
from benchmarks.table import Row

TREES = "{n_estimators: 200, learning_rate: 0.1}"
READY = "mainline.training.frameworks"
# What is imported, and what stands in `train` then; nothing for the example as it is.
TRAINED = {
    "scikit-learn": ("sklearn", ""),
    "lightgbm": ("lightgbm", f"estimator: lightgbm.LGBMClassifier, params: {TREES}, categorical: native"),
    "xgboost": ("xgboost", f"estimator: xgboost.XGBClassifier, params: {TREES}, categorical: native"),
    "catboost": ("catboost", "estimator: catboost.CatBoostClassifier, params: {iterations: 200}, categorical: ordinal"),
    "torch": (
        "skorch",
        f"estimator: {READY}.tabular.TabularClassifier, params: {{max_epochs: 2}}, categorical: native, "
        "numeric: standardize",
    ),
    "keras": (
        "tensorflow",
        f"estimator: {READY}.keras_tabular.KerasClassifier, params: {{epochs: 2}}, categorical: onehot, "
        "numeric: standardize",
    ),
}


def measure(folder: Path) -> list[Row]:
    folder.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", str(peers.TOP), str(folder / "project")], check=True)
    peers.STATE.mkdir(parents=True, exist_ok=True)
    servers, rows = [], []
    for name, (module, train) in TRAINED.items():
        if importlib.util.find_spec(module) is None:
            print(f"benchmarks: {name} is not installed: left out", file=sys.stderr)
            continue
        model = exported(folder / "project", folder / name, train)
        signature = json.loads((model / "serving.json").read_text(encoding="utf-8"))
        if signature["engine"] != "onnx":
            raise SystemExit(f"benchmarks: {name} has no graph: {signature['note']}")
        names = [column["name"] for column in signature["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in signature["example"]]
        servers.append(server(name, model))
    found = serve.measure(servers, rows)
    print(serve.details(found))
    table = []
    for name, each in found.items():
        size = (folder / name / "model.onnx").stat().st_size / 1e6
        single = (
            f"1 row {each.per_second('1 row, 1 connection'):,.0f}/s, 16 connections {each.per_second(serve.ONE):,.0f}/s"
        )
        batches = f"batches of 1,000 {each.per_second(serve.THOUSAND) * 1000:,.0f} rows/s"
        rest = f"cold start {each.cold:.2f} s, {each.megabytes:.0f} MB of memory, graph {size:.2f} MB"
        table.append(Row(f"served: {name}", "", f"{single}, {batches}, {rest}"))
    return table


def exported(project: Path, folder: Path, train: str) -> Path:
    """The export of the example with this section `train`."""
    text = (peers.TOP / "params.yaml").read_text(encoding="utf-8")
    if train:
        text = re.sub(r"(?ms)^train:.*?^(?=\S)", f"train: {{{train}}}\n", text, count=1)
    (project / "params.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])}
    call = [sys.executable, "-m", "mainline", "export", "--to", str(folder)]
    subprocess.run(call, cwd=project, env={**environment, "PYTHONHASHSEED": "0"}, check=True, stdout=2)
    return folder


def server(name: str, model: Path) -> Server:
    def variables(model: Path, port: int) -> dict[str, str]:
        return {"MAINLINE_MODEL": str(model), "MAINLINE_PORT": str(port), "MAINLINE_LOG": str(model / "log")}

    command = [sys.executable, "-m", "mainline.serving"]
    return Server(name, [], lambda port, bin_: command, "/invocations", peers.shorter, partial(variables, model))


if __name__ == "__main__":
    raise SystemExit("python -m benchmarks frameworks")
