"""The matrix of the workflows: which models a change touches, and how many one run may train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mainline.errors import ConfigurationError
from mainline.github.actions import matrix, touched_models
from mainline.runtime.models import AT_TOP, Model
from tests.projects import PARAMS, TOP, Project

CHURN = PARAMS.replace("shop.frame", "churn.frame").replace(
    "purchases: {path: data/purchases.csv", "purchases: {path: data/returns.csv"
)
WINE = PARAMS.replace("shop.frame", "wine.frame").replace("data/visits.parquet", "data/bottles.parquet")
EVERYTHING = ["top", "churn", "wine"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One at the top and churn read the same visits; churn imports `common`."""
    made = Project.at(tmp_path_factory.mktemp("three"))
    made.write("params.yaml", PARAMS)
    made.write("models/churn/params.yaml", CHURN)
    made.write("models/wine/params.yaml", WINE)
    texts = {"shop": "", "churn": "import common\n", "wine": "", "common": "", "mainline": ""}
    for name, text in texts.items():
        made.write(f"src/{name}/__init__.py", text)
    for name in ("data/visits.parquet", "data/purchases.csv", "data/returns.csv", "data/bottles.parquet"):
        made.write(name, "")
    for name in ("data/expectations/visits.yaml", "models/wine/expectations/bottles.yaml", "README.md", "notes.txt"):
        made.write(name, "")
    made.init()
    made.commit("Three models")
    return made


@pytest.mark.parametrize(
    ("changes", "models"),
    [
        ({"models/churn/params.yaml": CHURN.replace("max_iter: 30", "max_iter: 25")}, ["churn"]),
        ({"models/churn/params.yaml": f"# A comment\n{CHURN}"}, []),
        ({"params.yaml": PARAMS.replace("max_iter: 30", "max_iter: 25")}, ["top"]),
        ({"models/wine/expectations/bottles.yaml": "expectations: []\n"}, ["wine"]),
        ({"models/wine/query.sql": "SELECT 1\n"}, ["wine"]),
        ({"data/expectations/visits.yaml": "expectations: []\n"}, ["top"]),
        ({"src/wine/__init__.py": "# more\n"}, ["wine"]),
        ({"src/common/__init__.py": "# more\n"}, ["churn"]),
        ({"data/visits.parquet": "more"}, ["top", "churn"]),
        ({"data/returns.csv": "more"}, ["churn"]),
        ({"data/new.csv": "nobody's"}, EVERYTHING),
        ({"src/mainline/__init__.py": "# more\n"}, EVERYTHING),
        ({"src/plugins/__init__.py": ""}, EVERYTHING),
        ({"pipelines/training.py": ""}, EVERYTHING),
        ({"README.md": "words", "notes.txt": "words", "models/churn/README.md": "words"}, []),
        ({"models/new/params.yaml": WINE}, ["new"]),
        ({"models/churn/params.yaml": "task: [\n"}, ["churn"]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_change_touches_the_models_that_it_belongs_to(
    base: Project, changes: dict[str, str], models: list[str]
) -> None:
    for name, text in changes.items():
        base.write(name, text)
    try:
        assert list(map(str, touched_models.touched(base.root, "HEAD"))) == models
    finally:
        base.git("checkout", "--quiet", "--force", "HEAD")
        base.git("clean", "--quiet", "--force", "-d")


def event(folder: Path, base: str) -> dict[str, str]:
    """The variables of a merge queue's run on this base."""
    payload: dict[str, Any] = {
        "merge_group": {"head_sha": "0" * 40, "base_sha": base, "base_ref": "refs/heads/main"},
        "repository": {"default_branch": "main"},
    }
    (folder / "event.json").write_text(json.dumps(payload), encoding="utf-8")
    return {
        "GITHUB_EVENT_NAME": "merge_group",
        "GITHUB_REF": "refs/heads/queue",
        "GITHUB_SHA": "0" * 40,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
    }


def many(folder: Path, number: int) -> Project:
    made = Project.at(folder)
    made.write("README.md", "")
    made.init()
    made.commit("Empty")
    for n in range(number):
        made.write(f"models/model-{n:02}/params.yaml", WINE)
    made.commit("Many models")
    return made


@pytest.mark.slow
def test_forty_models_are_more_than_one_change_may_train_unless_a_variable_allows_it(tmp_path: Path) -> None:
    made = many(tmp_path, 40)
    variables = event(tmp_path, made.git("rev-parse", "HEAD^"))
    with pytest.raises(ConfigurationError) as refused:
        matrix.of_run(made.root, variables)
    assert str(refused.value) == (
        "this change touches 40 models (model-00, model-01, model-02, …), and one run trains at most 20: split it, or "
        "set the repository's variable MAINLINE_MOST_MODELS"
    )
    assert len(matrix.of_run(made.root, {**variables, "MAINLINE_MOST_MODELS": "40"})) == 40
    assert len(matrix.of_run(made.root, variables, whole=True)) == 40, "a release decides by itself what is due"
    for wrong in ("0", "257", "many"):
        with pytest.raises(ConfigurationError, match=r"a number from 1 to 256 is needed"):
            matrix.of_run(made.root, {**variables, "MAINLINE_MOST_MODELS": wrong})


def test_where_a_change_touches_none_the_report_says_so(base: Project) -> None:
    base.git("checkout", "--quiet", "-b", "words")
    base.write("README.md", "words")
    base.commit("Words")
    try:
        assert matrix.of_run(base.root, event(base.root.parent, base.git("rev-parse", "main"))) == []
        assert base.verdict["passed"]
        assert "README.md" in base.report
        assert base.path("reports/review.json").exists()
    finally:
        base.git("clean", "--quiet", "--force", "-d")
        base.git("checkout", "--quiet", "--force", "main")


def test_a_repository_with_one_model_has_the_matrix_that_its_workflow_holds(tmp_path: Path) -> None:
    """It is there without anything being installed, so it stands in the workflow itself."""
    assert matrix.of_run(tmp_path, {"GITHUB_EVENT_NAME": "pull_request"}) == [AT_TOP]
    text = (TOP / ".github/workflows/models.yml").read_text(encoding="utf-8")
    held = yaml.safe_load(text)["jobs"]["models"]["outputs"]["models"].split("'")[1]
    assert json.loads(held) == json.loads(matrix.as_json([AT_TOP], tmp_path))


def test_the_names_of_several_models_jobs_differ() -> None:
    names = [matrix.entry(model) for model in (AT_TOP, Model("churn"), Model("wine"))]
    assert names[0]["name"] == "top", "a command without a name would be for all"
    assert all(len({name[key] for name in names}) == 3 for key in names[0])
    assert all(not set(value) & set("$`;|&<>()'\" ") for name in names for value in name.values())
