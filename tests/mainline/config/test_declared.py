"""Every environment variable that the source reads is declared with a description."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from mainline.config import environment
from mainline.serving import settings as serving
from tests.imports import TOP

OURS = re.compile(r"(?:MAINLINE|MLFLOW|GITHUB|GX)_[A-Z_]*[A-Z]")
SUSPECT = re.compile("environ|MAINLINE|MLFLOW|GITHUB|GX")  # a module without any of these words need not be parsed
# The server's proxy: its file is at one place in every image, and only its tests put it elsewhere.
INTERNAL = {"MAINLINE_DOOR_FILE"}


def declared() -> set[str]:
    server = {f"{serving.PREFIX}{name}" for name in serving.VARIABLES}
    return {variable.name for variable in environment.VARIABLES} | server | INTERNAL


def constants(nodes: list[ast.AST]) -> dict[str, str]:
    """Names that a module gives to strings, such as `VARIABLE = "MAINLINE_STATE"`."""
    return {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def read_names(nodes: list[ast.AST]) -> Iterator[str]:
    """The names in `environ[…]`, `environ.get(…)` and the same of a mapping called `environment`."""
    known = constants(nodes)
    for node in nodes:
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and is_environment(node.value):
            key = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_environment(node.func.value):
            key = node.args[0] if node.args and node.func.attr in ("get", "setdefault", "pop") else None
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
        elif isinstance(key, ast.Name) and key.id in known:
            yield known[key.id]


def is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("environ", "environment")


def named(path: Path) -> set[str]:
    """The variables that a module reads, and every string that is one of ours."""
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text))) if SUSPECT.search(text) else []
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    read = {name for name in read_names(nodes) if name.isupper()}  # a deployment on GitHub has an environment as well
    return read | {text for text in strings if OURS.fullmatch(text)}


# Set for other programs, or taken away from them; nothing of ours reads these.
PASSED_ON = {
    "VIRTUAL_ENV",
    "OMP_WAIT_POLICY",
    "DO_NOT_TRACK",
    "GIT_PYTHON_REFRESH",
    "ORT_DISABLE_TELEMETRY",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "PYSPARK_PYTHON",
    "PYTHONPATH",
    "PYTHONIOENCODING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
}


def test_every_variable_that_the_source_reads_is_declared() -> None:
    sources = [*(TOP / "src" / "mainline").rglob("*.py"), *(TOP / "pipelines").glob("*.py")]
    missing = {f"{path.relative_to(TOP)}: {name}" for path in sources for name in named(path) - declared() - PASSED_ON}
    assert missing == set(), "declare it in src/mainline/config/environment.py"


def test_every_variable_of_ours_in_deployment_and_workflows_is_declared() -> None:
    files = [path for folder in ("deploy", ".github") for path in (TOP / folder).rglob("*") if path.is_file()]
    missing = {
        f"{path.relative_to(TOP)}: {name}"
        for path in [*files, TOP / "Makefile"]
        for name in re.findall(r"\bMAINLINE_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
        if name not in declared()
    }
    assert missing == set()


def test_every_declared_variable_is_used_and_no_name_is_declared_twice() -> None:
    names = [variable.name for variable in environment.VARIABLES]
    assert len(names) == len(set(names))
    read_by_mlflow = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
    folders = [TOP / name for name in ("src", "pipelines", ".github")]
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in (".py", ".yml") and path != TOP / "src/mainline/config/environment.py"
    )
    own = Path(environment.__file__).read_text(encoding="utf-8").partition("IMAGE, STATE =")[2]
    # An f-string such as f"GITHUB_{part}" holds the parts of a name.
    unused = [
        name for name in names if name not in text + own and f'"{name.removeprefix("GITHUB_")}"' not in text
        and not name.startswith("MAINLINE_REGISTRY_")
    ]  # fmt: skip
    assert set(unused) - read_by_mlflow == set()


def test_a_variable_that_is_read_and_not_declared_is_found(tmp_path: Path) -> None:
    module = tmp_path / "made_up.py"
    module.write_text('import os\nNAME = "OTHER"\nprint(os.environ.get("UNHEARD"), os.environ[NAME], "MAINLINE_NEW")\n')
    assert named(module) - declared() == {"UNHEARD", "OTHER", "MAINLINE_NEW"}


def test_the_name_of_the_registered_model_is_not_taken_from_the_folder_of_an_export() -> None:
    assert environment.model_name({}) == "mainline"
    assert environment.model_name({"MAINLINE_MODEL": "/model"}) == "mainline"
    assert environment.model_name({"MAINLINE_MODEL": "visits"}) == "visits"  # as before there were two variables
    assert environment.model_name({"MAINLINE_MODEL_NAME": "visits", "MAINLINE_MODEL": "/model"}) == "visits"
