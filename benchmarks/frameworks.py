"""The example and a table of customers, trained with each framework that is installed, and served by the same server.

Of LightGBM, XGBoost, CatBoost, PyTorch, Keras and TensorFlow those that this environment has: `make bench
PARTS=frameworks` after `make tools WITH="boosting torch keras"`. Each model is trained twice, in two processes,
compared with scikit-learn's on the same rows, and exported. All servers run, and are asked in turn. With `IMAGES=1`
the image of each is built and tested too. `ONLY="churn keras"` takes these tables and these frameworks alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks import images, peers, serve
from benchmarks.images import Imaged
from benchmarks.peers import Server
from benchmarks.table import Row
from mainline.packaging.engine import Engine

ROUNDS = 3
READY = "mainline.training.frameworks"
SAVED = "tensorflow"
# What is imported, and what stands in `train` then; nothing for the project as it is.
TRAINED = {
    "scikit-learn": ("sklearn", ""),
    "lightgbm": (
        "lightgbm",
        "estimator: lightgbm.LGBMClassifier, params: {{n_estimators: {trees}, learning_rate: 0.1}}, "
        "categorical: native",
    ),
    "xgboost": (
        "xgboost",
        "estimator: xgboost.XGBClassifier, params: {{n_estimators: {trees}, learning_rate: 0.1}}, categorical: native",
    ),
    "catboost": (
        "catboost",
        "estimator: catboost.CatBoostClassifier, params: {{iterations: {trees}}}, categorical: ordinal",
    ),
    "torch": (
        "skorch",
        f"estimator: {READY}.tabular.TabularClassifier, params: {{{{max_epochs: {{epochs}}}}}}, categorical: native, "
        "numeric: standardize",
    ),
    "keras": (
        "tensorflow",
        f"estimator: {READY}.keras_tabular.KerasClassifier, params: {{{{epochs: {{epochs}}}}}}, categorical: onehot, "
        "numeric: standardize",
    ),
    SAVED: (
        "tensorflow",
        f"estimator: {READY}.saved_model.SavedModelClassifier, params: {{{{path: {{package}}/saved_model}}}}, "
        "categorical: native",
    ),
}


@dataclass(frozen=True)
class Table:
    name: str
    begun: tuple[str, ...]  # the call of `mainline init` that makes a project of it; none for the example
    trees: int
    epochs: int


TABLES = (
    Table("churn", ("init", str(peers.TOP / "tests/tables/churn.parquet"), "--label", "churn"), 100, 30),
    Table("flights", (), 200, 2),
)


@dataclass(frozen=True)
class Trained:
    """One framework on one table."""

    seconds: float  # of the fit
    metric: str  # with its interval against scikit-learn's model
    rows: int  # of the holdout, on each of which the graph was compared with the pipeline
    largest: float
    repeated: bool  # the second training, in a process of its own, made the same pipeline and the same graph
    bytes: int  # of the graph
    image: Imaged | None  # made of the second training; None where no image is built


NAMES = [*(table.name for table in TABLES), *TRAINED]


def measure(folder: Path, only: list[str], with_images: bool) -> list[Row]:
    """`only` are names of tables and of frameworks; of a kind that is not named, all."""
    peers.STATE.mkdir(parents=True, exist_ok=True)
    engine = images.found() if with_images else None
    tables = [table for table in TABLES if table.name in only] or TABLES
    names = [name for name in TRAINED if name in only] or [*TRAINED]
    rows: list[Row] = []
    for table in tables:
        rows += measure_table(folder, table, names, engine)
    return rows


def measure_table(folder: Path, table: Table, names: list[str], engine: Engine | None) -> list[Row]:
    project = begun(folder / table.name, table)
    settings = measured_only((project / "params.yaml").read_text(encoding="utf-8"))
    package = "src/" + yaml.safe_load(settings)["prepare"]["function"].partition(".")[0]
    made: dict[str, Trained] = {}
    servers, asked = [], []
    for name in names:
        module, train = TRAINED[name]
        if importlib.util.find_spec(module) is None:
            print(f"benchmarks: {name} is not installed: left out", file=sys.stderr)
            continue
        print(f"training {table.name} with {name} …", file=sys.stderr, flush=True)
        model = folder / f"{table.name}-{name}"
        if name == SAVED:
            call = [sys.executable, "-m", "benchmarks.saved_model", f"{package}/saved_model", str(table.epochs)]
            subprocess.run(call, cwd=project, env=variables(project), check=True, stdout=2)
        section = train.format(trees=table.trees, epochs=table.epochs, package=package)
        text = re.sub(r"(?ms)^train:.*?^(?=\S)", f"train: {{{section}}}\n", settings, count=1) if train else settings
        (project / "params.yaml").write_text(text, encoding="utf-8")
        made[name] = trained(project, model, engine)
        shutil.rmtree(project / package / "saved_model", ignore_errors=True)  # it would be code of the next ones
        signature = json.loads((model / "serving.json").read_text(encoding="utf-8"))
        columns = [column["name"] for column in signature["columns"]]
        asked = [dict(zip(columns, row, strict=True)) for row in signature["example"]]
        servers.append(server(name, model))
    found = serve.measure(servers, asked, ROUNDS)
    print(f"\n{table.name}\n\n{trainings(made)}\n\n{serve.details(found)}\n", flush=True)
    imaged = {name: each.image for name, each in made.items() if each.image}
    if imaged:
        print(f"{images.details(imaged)}\n", flush=True)
    return [row(f"{table.name}: {name}", each, found[name]) for name, each in made.items()]


def measured_only(settings: str) -> str:
    """`params.yaml` without what costs most of a run and is not measured here, and with limits that an image keeps."""
    settings = re.sub(r"(?ms)^stage:.*?(?=^\S|\Z)", "", settings, count=1) + f"\n{images.STAGE}"
    left = re.sub(r"(?m)^  importance_rows:.*\n", "", settings)
    return re.sub(r"(?m)^evaluate:\n", "evaluate:\n  importance_rows: 0\n", left, count=1)


def begun(project: Path, table: Table) -> Path:
    """A clone with the table's project on its branch main."""
    project.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", str(peers.TOP), str(project)], check=True)
    git = partial(subprocess.run, cwd=project, check=True)
    git(["git", "checkout", "--quiet", "-B", "main"])
    git(["git", "remote", "remove", "origin"])
    if table.begun:
        mainline(project, *table.begun)
        git(["git", "add", "--all"])
        signed = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
        git(["git", *signed, "commit", "--quiet", "--no-verify", "-m", "A first model"])
    return project


def trained(project: Path, folder: Path, engine: Engine | None) -> Trained:
    """Train, compare with main, export; forget the record, train and export again, and make the image of that."""
    mainline(project, "run", "--base", "main", passes=(0, 1))
    verdict = json.loads((project / "reports" / "verdict.json").read_text(encoding="utf-8"))
    mainline(project, "export", "--to", str(folder))
    signature = json.loads((folder / "serving.json").read_text(encoding="utf-8"))
    if signature["engine"] != "onnx":
        raise SystemExit(f"benchmarks: {folder.name} has no graph: {signature['note']}")
    record = project / ".mainline" / "records" / verdict["fingerprint"]
    facts = json.loads((record / "record.json").read_text(encoding="utf-8"))
    shutil.rmtree(record)
    mainline(project, "image" if engine else "export")
    again = json.loads((project / ".mainline" / "model" / "serving.json").read_text(encoding="utf-8"))
    same = [each["pipeline_digest"] == verdict["model_digest"] for each in (signature, again)]
    return Trained(
        seconds=facts["model"]["seconds"],
        metric=metric_of(verdict),
        rows=signature["agreement"]["rows"],
        largest=signature["agreement"]["largest"],
        repeated=all(same) and signature["digest"] == again["digest"],
        bytes=(folder / "model.onnx").stat().st_size,
        image=staged(project, engine) if engine else None,
    )


def staged(project: Path, engine: Engine) -> Imaged:
    """The built image, tested in its container, and removed."""
    mainline(project, "stage", passes=(0, 1))
    engine.attempt("rmi", json.loads((project / "reports" / "image.json").read_text(encoding="utf-8"))["reference"])
    return images.read(project / "reports")


def metric_of(verdict: dict[str, Any]) -> str:
    """The first metric of the verdict, which is that of the headline."""
    name, found = next(iter(verdict["metrics"].items()))
    said = f"{name} {found['candidate']:.3f}"
    if found.get("low") is None or verdict["verdict"] == "identical":
        return said
    return f"{said}, {found['delta']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


def mainline(project: Path, *arguments: str, passes: tuple[int, ...] = (0,)) -> None:
    call = [sys.executable, "-m", "mainline", *arguments]
    done = subprocess.run(call, cwd=project, env=variables(project), check=False, stdout=2)
    if done.returncode not in passes:
        raise SystemExit(f"benchmarks: mainline {' '.join(arguments)} ended with status {done.returncode}")


def variables(project: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAINLINE_")}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)]), "PYTHONHASHSEED": "0"}


def trainings(made: dict[str, Trained]) -> str:
    lines = [
        "| framework | fit | metric, difference from scikit-learn | largest difference of the graph | graph | twice |"
    ]
    lines.append("|---" * 6 + "|")
    for name, each in made.items():
        cells = [
            f"{each.seconds:.1f} s",
            each.metric,
            f"{each.largest:.1e} on {each.rows:,} rows",
            f"{each.bytes / 1e6:.2f} MB",
            "one digest" if each.repeated else "DIFFERENT",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def row(what: str, made: Trained, each: serve.Measured) -> Row:
    single = (
        f"1 row {each.per_second('1 row, 1 connection'):,.0f}/s, 16 connections {each.per_second(serve.ONE):,.0f}/s"
    )
    batches = f"batches of 1,000 {each.per_second(serve.THOUSAND) * 1000:,.0f} rows/s"
    rest = f"cold start {each.cold:.2f} s, {each.megabytes:.0f} MB of memory"
    image = f", in its image {made.image.measured.get('parity')}" if made.image else ""
    passed = made.repeated and not (made.image and made.image.failed)
    return Row(what, "two trainings, one digest", f"{single}, {batches}, {rest}{image}", passed)


def server(name: str, model: Path) -> Server:
    def variables(model: Path, port: int) -> dict[str, str]:
        return {"MAINLINE_MODEL": str(model), "MAINLINE_PORT": str(port), "MAINLINE_LOG": str(model / "log")}

    command = [sys.executable, "-m", "mainline.serving"]
    return Server(name, [], lambda port, bin_: command, "/invocations", peers.shorter, partial(variables, model))


if __name__ == "__main__":
    raise SystemExit("python -m benchmarks frameworks")
