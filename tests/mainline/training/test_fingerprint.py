from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mainline.config import loader
from mainline.training import fingerprint
from mainline.training.fingerprint import MODEL_MODULES, Fingerprint, code_files, locked_packages
from tests.projects import TOP, Project

TRAIN = """
import json, sys
from pathlib import Path
from mainline.config import loader as params
before = set(sys.modules)
from mainline.data import collect, prepare as frame; from mainline.training import fingerprint, pipeline as training
settings = params.load().settings
training.use_threads(settings.train.threads)
tables = collect.collect(settings.data, Path.cwd(), Path.cwd() / ".mainline" / "cache")
prints = fingerprint.fingerprint(Path.cwd(), settings, {name: table.digest for name, table in tables.items()})
frame.build(settings, tables, Path("frame.parquet"))
fitted = training.fit(settings, Path("frame.parquet"))
rows = training.read_rows(settings, Path("frame.parquet"), "true")
training.predict(settings, fitted.pipeline, rows)
loaded = sorted(name.partition(".")[2] for name in sys.modules if name.startswith("mainline."))
print(json.dumps({"modules": loaded, "digest": fitted.digest, "fingerprint": prints.model}))
"""
# What reads `params.yaml` and nothing more: the settings that come of it are in the fingerprint by value.
READERS = {"config.loader"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("shop"), with_git=False)


def train(shop: Project, *before: str, **variables: str) -> dict[str, object]:
    path = os.pathsep.join([str(shop.root / "src"), str(TOP / "src")])
    done = subprocess.run(
        [*before, sys.executable, "-c", TRAIN],
        cwd=shop.root,
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def trainings(shop: Project) -> list[dict[str, object]]:
    """Each by an interpreter of its own: another hash of texts, one core and one thread against all cores and four."""
    return [
        train(shop, "taskset", "--cpu-list", "0", PYTHONHASHSEED="0", OMP_NUM_THREADS="1", LOKY_MAX_CPU_COUNT="1"),
        train(shop, PYTHONHASHSEED="random", OMP_NUM_THREADS="4", OPENBLAS_NUM_THREADS="4", LOKY_MAX_CPU_COUNT="4"),
    ]


@pytest.mark.slow
def test_every_module_that_the_model_passes_through_is_in_the_fingerprint(trainings: list[dict[str, object]]) -> None:
    loaded = set(trainings[0]["modules"])  # type: ignore[call-overload]
    code = {name for name in loaded - READERS if not is_docstring_alone(name)}
    shaping = {name for name in code if any(f"{name}.".startswith(f"{module}.") for module in MODEL_MODULES)}
    assert code == shaping, "add these to MODEL_MODULES"
    assert {"training.pipeline", "data.prepare", "data.collect", "data.split", "data.sources"} <= loaded
    places = [TOP / "src/mainline" / name.replace(".", "/") for name in MODEL_MODULES]
    assert all(place.is_dir() or place.with_suffix(".py").is_file() for place in places), "one of them is not there"


def is_docstring_alone(name: str) -> bool:
    """A room's `__init__.py` that holds a docstring changes no model."""
    path = TOP / "src/mainline" / name.replace(".", "/") / "__init__.py"
    return path.is_file() and all(isinstance(node, ast.Expr) for node in ast.parse(path.read_text()).body)


@pytest.mark.slow
def test_the_same_model_comes_out_of_other_interpreters_environments_and_numbers_of_cores(
    trainings: list[dict[str, object]],
) -> None:
    assert len({str(answer["digest"]) for answer in trainings}) == 1
    assert len({str(answer["fingerprint"]) for answer in trainings}) == 1


def prints(shop: Project, *changes: tuple[str, str], tables: dict[str, str] | None = None) -> Fingerprint:
    text = (shop.root / "params.yaml").read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    settings = loader.parse(text).settings
    return fingerprint.fingerprint(shop.root, settings, tables or {"visits": "a", "purchases": "b"})


@pytest.mark.parametrize(
    "change",
    [
        ("# equal models differ by less", "# another comment"),
        ("roc_auc: 0.02", "roc_auc: 0.01"),
        ("threshold: 0.4", "threshold: 0.5"),
        ("slices: [shop]", "slices: []"),
        ("resamples: 500", "resamples: 1000"),
        ("time_travel_checks: 2", "time_travel_checks: 0"),
    ],
)
def test_what_only_judges_the_model_is_not_in_the_fingerprint(shop: Project, change: tuple[str, str]) -> None:
    assert prints(shop, change) == prints(shop)


@pytest.mark.parametrize(
    ("change", "frame_too"),
    [
        (("max_iter: 30", "max_iter: 31"), False),
        (("threads: 1", "threads: 2"), False),
        (("holdout: 2 weeks", "holdout: 3 weeks"), False),
        (("numeric: [minutes, pages]", "numeric: [pages]"), True),
        (("until: 2026-03-02", "until: 2026-03-01"), True),
        (("label: bought", "label: other"), True),
    ],
)
def test_what_can_change_the_model_is(shop: Project, change: tuple[str, str], frame_too: bool) -> None:
    found, before = prints(shop, change), prints(shop)
    assert found.model != before.model
    assert (found.frame != before.frame) == frame_too


def test_another_task_is_another_model(shop: Project) -> None:
    found = prints(shop, ("task: binary", "task: multiclass"), ("metric: recall", "metric: accuracy"))
    assert found.model != prints(shop).model


def test_other_data_are_another_model(shop: Project) -> None:
    assert prints(shop, tables={"visits": "a", "purchases": "c"}).frame != prints(shop).frame


def test_any_file_beside_the_code_counts_and_bytecode_does_not(tmp_path: Path) -> None:
    shop = Project(tmp_path, with_git=False)
    before = prints(shop).model
    shop.write("src/shop/__pycache__/frame.cpython-311.pyc", "x")
    shop.write("src/shop/.frame.py.swp", "x")
    shop.write("src/shop.egg-info/PKG-INFO", "x")
    shop.write("src/mainline/evaluation/gates/margins.py", "x")
    assert prints(shop).model == before
    shop.write("src/shop/rates.csv", "1")
    after = prints(shop).model
    assert after != before
    shop.write("src/mainline/training/pipeline.py", "x")
    assert prints(shop).model != after


def test_the_machine_itself_counts_by_the_modules_that_the_model_passes_through() -> None:
    files = {path.relative_to(TOP / "src").as_posix() for path in code_files(TOP)}
    assert any(not name.startswith("mainline/") for name in files), "the project's own"
    assert "mainline/training/pipeline.py" in files
    assert "mainline/data/sources/files.py" in files
    assert "mainline/data/sources/cutoff.py" in files
    assert "mainline/evaluation/gates/margins.py" not in files
    assert not any(name.startswith("mainline/report/") for name in files)


LOCK = """\
version = 1
[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "a", extra = ["more"] }]
[package.dev-dependencies]
train = [{ name = "b" }]
test = [{ name = "t" }]
[[package]]
name = "a"
version = "1.0"
[package.optional-dependencies]
more = [{ name = "c" }]
other = [{ name = "d" }]
[[package]]
name = "b"
version = "2.0"
dependencies = [{ name = "e" }]
[[package]]
name = "c"
version = "3.0"
[[package]]
name = "d"
version = "4.0"
[[package]]
name = "e"
version = "5.0"
[[package]]
name = "e"
version = "5.1"
[[package]]
name = "t"
version = "6.0"
"""


def test_the_locked_packages_are_those_that_training_can_import(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    assert locked_packages(tmp_path) == {"a": "1.0", "b": "2.0", "c": "3.0", "e": "5.0 5.1"}
    assert locked_packages(tmp_path / "nowhere") == {}


def test_the_lock_of_this_repository_holds_what_trains_and_not_what_tests() -> None:
    found = locked_packages(TOP)
    assert {"scikit-learn", "duckdb", "mlflow", "numpy"} <= set(found)
    assert not {"pytest", "moto", "zizmor"} & set(found)


def test_a_lock_without_the_files_of_its_packages_says_the_same_of_them() -> None:
    text = (TOP / "uv.lock").read_text(encoding="utf-8")
    whole, lean = tomllib.loads(text), fingerprint.parsed(text)
    assert any("wheels" in package for package in whole["package"])
    assert not any(package.get("wheels") for package in lean["package"])
    for lock in (whole, lean):
        for package in lock["package"]:
            package.pop("sdist", None)
            package.pop("wheels", None)
    assert lean == whole
