"""A Python whose imports are done: `python()` is a program that runs `-m mainline …` as the interpreter would.

Most of what a small run computes is the import of its libraries. Here a process of the tests imports them once and
then waits. The program asks it to fork, hands over its own arguments, folder, variables and open files, and ends as
the fork ends. Mainline's own modules are imported by each fork for itself, from where its variables say. What a fork
could not be like (another module, a variable that is read when an interpreter starts) is done by a new interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib.machinery
import io
import logging
import marshal
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import typing
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

LIBRARIES = (
    "alembic.command", "duckdb", "fairlearn.metrics", "great_expectations", "ibis.backends.duckdb", "jinja2",
    "mlflow.cli", "mlflow.pyfunc", "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracing.processor.base_mlflow", "narwhals.stable.v2", "onnxruntime", "opentelemetry.sdk.metrics",
    "oras.client", "pandas", "pyarrow.parquet", "pyarrow.pandas_compat", "pydantic", "schemathesis", "scipy.stats",
    "skl2onnx", "sklearn.compose", "sklearn.ensemble", "sklearn.impute", "sklearn.linear_model", "sklearn.pipeline",
    "sklearn.preprocessing", "uvicorn.main", "yaml",
)  # fmt: skip
TOP = Path(__file__).resolve().parents[1]
OURS = [str(TOP / "src"), str(TOP)]  # where Mainline's own modules are, and `pipelines`
OURS_AT = {"mainline": TOP / "src" / "mainline", "pipelines": TOP / "pipelines"}
CONTENT: dict[str, dict[str, bytes]] = {}  # of each, as it was imported
OURS_IMPORTED: list[str] = []  # names: a fork that went through all modules would copy the pages of all of them
MODULES = ("mainline", "mainline.runtime.worker", "mlflow", "tests.pipelines.full_disk", "uvicorn")
# Variables that an interpreter or a library reads as it starts: to a fork, another value comes too late.
AT_START = ("PYTHON", "OMP_", "OPENBLAS_", "MKL_", "LOKY_", "LD_", "MPL", "TZ")
# What a run sets of them before it imports anything, where `train.threads` is 1, and what `make` sets for a training.
SET = {
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8",  # of the review of a branch that Mainline makes, and of those that it starts
    "OMP_WAIT_POLICY": "passive",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}

# What `python()` names. It is started for every call, and so small: the modules behind `signal` and `socket` alone, and
# `marshal` for the request, since what the public ones import would be half of its work.
PROGRAM = """\
#!{python} -IS
import os, sys
at_start = {{each for each in os.environ.items() if each[0].startswith({at_start}) and each[0] != "PYTHONPATH"}}
if sys.argv[1:2] != ["-m"] or not {{*sys.argv[2:3]}} < {{*{modules}}} or not at_start <= {given}:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
import _signal, _socket, ctypes, marshal
ctypes.CDLL(None).prctl(1, _signal.SIGKILL)  # ends with whoever started it, as the fork does with it
asked = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
asked.connect({address!r})
request = marshal.dumps([sys.argv[0], sys.argv[2:], os.getcwd(), dict(os.environ)])
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
asked.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
asked.sendall(request)
fork = int.from_bytes(asked.recv(4), "big")
for number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, frame: os.kill(fork, number))
status = int.from_bytes(asked.recv(4), "big", signed=True)
if status < 0:
    if status != -_signal.SIGKILL:
        _signal.signal(-status, _signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""
STATUS = [1]  # of a fork: that of an exception which nobody caught, until it says another
STARTED: list[subprocess.Popen[str]] = []  # kept: it goes on


@functools.cache
def python() -> str:
    """Start the process that forks, which ends with the tests; the program that asks it, in a folder `bin`.

    All workers of a run of the tests have one. Where a process cannot be made to end with another, or its files handed
    over, the interpreter itself.
    """
    if sys.platform != "linux":
        return sys.executable
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if not run:
        return started(Path(tempfile.mkdtemp(prefix="mainline-warm-")), os.getpid())
    folder = Path(tempfile.gettempdir(), f"mainline-warm-{run}")
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return started(folder, os.getppid())  # which all workers are children of


def started(folder: Path, until: int) -> str:
    """The program in this folder; where there is none yet, start its process, which ends with the process `until`."""
    program, address = folder / "bin" / "python", folder / "socket"
    if program.exists():
        return str(program)
    variables = {**os.environ, **SET}
    variables.pop("PYTHONPATH", None)
    given = {each for each in variables.items() if each[0].startswith(AT_START)}
    server = subprocess.Popen(
        [sys.executable, __file__, str(address), str(until)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=variables, text=True, start_new_session=True,
    )  # fmt: skip
    STARTED.append(server)
    assert server.stdout
    assert server.stdout.readline() == "ready\n", "the libraries could not be imported"
    program.parent.mkdir()
    program.with_name("given").write_bytes(marshal.dumps(sorted(given)))  # for `tests/forks.py`
    program.write_text(
        PROGRAM.format(python=sys.executable, modules=MODULES, at_start=AT_START, given=given, address=str(address))
    )
    program.chmod(0o755)
    return str(program)


def main(address: Path, until: int) -> None:
    """Import everything, then fork for every request until the process `until` ends."""
    over = os.pidfd_open(until)
    atexit.register(leave)  # before all others, and so after them
    gc.set_threshold(100_000, 20, 100)  # in the forks too: they end before there is much
    for library in LIBRARIES:
        importlib.import_module(library)
    exercise(str(address.with_name("mlflow.db")))
    sys.path[:0] = OURS
    for name in OURS_AT:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                with contextlib.suppress(ImportError):  # of a framework that is not installed
                    importlib.import_module(module.name)
    html = importlib.import_module("mainline.report.html")
    html.environment().get_template("report.html.j2")
    importlib.import_module("mainline.training.facts").adapter()
    learn()
    generate()
    getattr(typing, "_cleanups", []).clear()  # what nanobind empties at the end, a fork's too: it would copy all of it
    CONTENT.update({name: content(place) for name, place in OURS_AT.items()})
    OURS_IMPORTED.extend(name for name in sys.modules if name.partition(".")[0] in OURS_AT)
    del sys.path[: len(OURS)]
    gc.collect()
    gc.freeze()  # whoever looked for garbage among all this would copy it
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        print("ready", flush=True)
        serve(listener, over)
    shutil.rmtree(address.parent)
    os._exit(0)


def serve(listener: socket.socket, over: int) -> None:
    """Fork for each request, tell its end to whoever asked, and end it when that one is gone."""
    forks: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor of the fork's process
    watched = select.poll()
    for each in (over, listener.fileno()):
        watched.register(each, select.POLLIN)
    server = os.getpid()
    while over not in (ready := [file for file, _ in watched.poll()]):
        for gone in [process for process, (_, asked) in forks.items() if asked.fileno() in ready]:
            number, asked = forks[gone]
            watched.unregister(asked)
            if gone not in ready:
                os.kill(number, signal.SIGKILL)
        for ended in forks.keys() & ready:
            number, asked = forks.pop(ended)
            status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
            watched.unregister(ended)
            os.close(ended)
            with contextlib.suppress(KeyError):
                watched.unregister(asked)
            with contextlib.suppress(OSError):
                asked.sendall(status.to_bytes(4, "big", signed=True))
            asked.close()
        if listener.fileno() in ready:
            asked, _ = listener.accept()
            number = forked()
            if number == 0:
                listener.close()
                for process, (_, other) in forks.items():
                    os.close(process)
                    other.close()
                work(asked, server)
            with contextlib.suppress(OSError):
                asked.sendall(number.to_bytes(4, "big"))
            process = os.pidfd_open(number)
            forks[process] = number, asked
            watched.register(process, select.POLLIN)
            watched.register(asked, select.POLLRDHUP)  # the request itself is for the fork to read


def exercise(database: str) -> None:
    """Have the libraries make, once for all forks, what each makes at its first use and keeps for the process.

    The `database` is made: a new store of MLflow.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput, Metric, Param, RunTag
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    warn_dependency_requirement_mismatches(["mlflow"])
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        client = mlflow.MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")
        client.search_experiments(max_results=1)
        copied(database)
        client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db", f"sqlite:///{folder}/mlflow.db")
        experiment = client.create_experiment("warm", Path(folder).as_uri())
        client.get_experiment_by_name("warm")
        run = client.create_run(experiment, tags={"fingerprint": "1"}, run_name="warm").info.run_id
        client.search_runs([experiment], "tags.fingerprint = '1'")
        client.log_batch(run, [Metric("m", 1.0, 0, 0)], [Param("p", "1")], [RunTag("t", "1")])
        model = client.create_logged_model(experiment, "model", run, params={"p": "1"})
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        client.finalize_logged_model(model.model_id, "READY")
        client.set_tag(run, "logged", "whole")
        client.set_terminated(run, "FINISHED")


def learn() -> None:
    """Have a model fitted, measured and saved: on one thread, since what others would wait for is not in a fork."""
    import mlflow.sklearn
    import pandas as pd
    from fairlearn.metrics import MetricFrame
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    rows = pd.DataFrame({"shop": ["north", "south"] * 30, "pages": [float(number) for number in range(60)]})
    bought = [number > 30 for number in range(60)]
    text = ColumnTransformer([("text", OrdinalEncoder(), ["shop"])], remainder="passthrough")
    model = Pipeline([("columns", text), ("estimator", HistGradientBoostingClassifier(max_iter=2))]).fit(rows, bought)
    answers = model.predict_proba(rows)
    pd.read_json(io.StringIO(rows.to_json(orient="split")), orient="split", dtype=False)
    MetricFrame(metrics=lambda right, said: 1.0, y_true=bought, y_pred=answers[:, 1], sensitive_features=rows["shop"])
    with tempfile.TemporaryDirectory() as folder:
        signature = mlflow.models.infer_signature(rows, answers)
        options = {"pip_requirements": ["scikit-learn"], "serialization_format": "pickle"}
        mlflow.sklearn.save_model(model, f"{folder}/model", signature=signature, **options)


def generate() -> None:
    """Have requests generated: Hypothesis looks through all characters for it, and through our modules' sources."""
    import schemathesis
    from hypothesis import Phase, configuration, given, settings
    from hypothesis.internal.conjecture import providers
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi import checks  # noqa: F401

    configuration.set_hypothesis_home_dir(TOP / ".hypothesis")
    row = {"type": "object", "properties": {"shop": {"type": "string", "pattern": "^n+$"}, "pages": {"type": "number"}}}
    body = {"required": True, "content": {"application/json": {"schema": {"type": "array", "items": row}}}}
    answers = {"200": {"description": "The answers"}}
    schema = schemathesis.openapi.from_dict(
        {
            "openapi": "3.1.0",
            "info": {"title": "warm", "version": "1"},
            "paths": {"/rows": {"post": {"requestBody": body, "responses": answers}}},
        }
    )
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        cases = schema["/rows"]["POST"].as_strategy(generation_mode=mode)
        few = settings(max_examples=5, database=None, deadline=None, phases=[Phase.generate], derandomize=True)
        few(given(cases)(lambda case: None))()
    providers._get_local_constants()


def copied(empty: str) -> None:
    """Have MLflow copy this store where it would create another: its tables take a second, and every job has a new one.

    `tests/mainline/registry/test_store_upgrade.py` and whatever starts an interpreter of its own has them created.
    """
    from mlflow.store.db import utils

    utils._initialize_tables = copying(empty, utils._initialize_tables)
    utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)  # by reading its migrations


def copying(empty: str, create: Callable[[Engine], None]) -> Callable[[Engine], None]:
    def initialize(engine: Engine) -> None:
        if engine.dialect.name == "sqlite":
            with sqlite3.connect(empty) as made, sqlite3.connect(engine.url.database) as new:
                made.backup(new)
        else:
            create(engine)

    return initialize


def work(asked: socket.socket, server: int) -> NoReturn:
    """In a fork: read what is asked for, and do it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(0)
    length, files, _, _ = socket.recv_fds(asked, 4, 3)
    content = b""
    while not length or len(content) < int.from_bytes(length, "big"):
        more = asked.recv(1 << 20)
        if not more:
            os._exit(0)  # whoever asked was killed before it had said what for
        content += more
    asked.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    become(*marshal.loads(content))


def forked() -> int:
    with warnings.catch_warnings(action="ignore"):  # of threads: those of the libraries wait for work
        return os.fork()


def become(program: str, arguments: list[str], folder: str, variables: dict[str, str]) -> NoReturn:
    """What an interpreter is that was started so."""
    os.chdir(folder)
    sys.modules["hypothesis.configuration"].set_hypothesis_home_dir(Path(folder, ".hypothesis"))
    os.environ.clear()
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path[:1] = [folder, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    sys.executable, sys.argv = program, arguments
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    forget(arguments[0])
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        sys.exit()
    except SystemExit as stop:
        STATUS.append(stop.code if isinstance(stop.code, int) else int(stop.code is not None))
        raise


def forget(program: str) -> None:
    """Have Mainline's modules imported again where an interpreter would find others than this checkout's.

    The program itself too, which is another module to an interpreter than to those that import it. Those of a copy of
    the same content stay, and say that they are of there: most of a small command is their import.
    """
    places = {name: found(name) for name in CONTENT}
    same = all(holds(place, CONTENT[name]) for name, place in places.items())
    for name in OURS_IMPORTED:
        package = name.partition(".")[0]
        if not same or name == program:
            del sys.modules[name]
        else:
            move(sys.modules[name], OURS_AT[package], places[package])


def found(package: str) -> Path | None:
    spec = importlib.machinery.PathFinder.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def content(folder: Path) -> dict[str, bytes]:
    """The files of a package, by their names below it."""
    return {
        os.path.relpath(os.path.join(place, name), folder): Path(place, name).read_bytes()
        for place, _, names in os.walk(folder)
        for name in names
        if not place.endswith("__pycache__")
    }


def holds(place: Path | None, files: dict[str, bytes]) -> bool:
    return place is not None and (place in OURS_AT.values() or content(place) == files)


def move(module: Any, before: Path, now: Path) -> None:
    """Have a module say that it was imported from another folder."""
    if before == now or not module.__file__:
        return
    spec, file = module.__spec__, now / Path(module.__file__).relative_to(before)
    module.__file__ = spec.origin = spec.loader.path = str(file)
    if spec.submodule_search_locations is not None:
        module.__path__ = spec.submodule_search_locations = [str(file.parent)]


def leave() -> None:
    """The end, once the work has ended as everywhere; taken down, DuckDB would complain of what was never its own."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:  # nobody reads it any more
        STATUS.append(STATUS[-1] or 120)  # as an interpreter does
    finally:
        os._exit(STATUS[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
