"""Everything that is written for a table, in a folder without git."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError
from mainline.init.writing.write import write
from tests.mainline.init.writing.proposals import churn, with_rows
from tests.projects import PARAMS, TOP

LINT = ".pre-commit-config.yaml"

pytestmark = pytest.mark.slow


def test_without_git_the_example_is_removed_with_a_copy_or_kept(tmp_path: Path) -> None:
    for name, text in {
        "data/example.txt": "src/shop\ndata/expectations/visits.yaml\ndata/example.txt\n",
        "src/shop/frame.py": "mine\n",
        "data/expectations/visits.yaml": "expectations: []\n",
        "params.yaml": PARAMS,
        "README.md": "# Mainline\n\nThe template's, with its example\n",
    }.items():
        for root in (tmp_path / "removed", tmp_path / "kept"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    kept, removed, named = tmp_path / "kept", tmp_path / "removed", tmp_path / "named"
    shutil.copytree(removed, named)
    (named / "README.md").write_text("# Ours\n", encoding="utf-8")
    written = {}
    for root in (kept, removed, named):
        with_rows(root, churn())
        written[root] = write(churn(), root, keep=root == kept)
    assert not (removed / "src/shop").exists()
    assert (removed / ".mainline/before-init/src/shop/frame.py").read_text(encoding="utf-8") == "mine\n"
    assert (removed / ".mainline/before-init/params.yaml").read_text(encoding="utf-8") == PARAMS
    readme = (removed / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# churn\n")
    assert "Predicts the probability of `churned`" in readme
    assert "The template's" in (removed / ".mainline/before-init/README.md").read_text(encoding="utf-8")
    assert "The template's" in (kept / "README.md").read_text(encoding="utf-8")
    assert (named / "README.md").read_text(encoding="utf-8") == "# Ours\n", "what somebody wrote stays"
    assert "README.md was edited: it stays" in " ".join(written[named].warnings)
    assert (kept / "src/shop/frame.py").is_file()
    assert (kept / "data/expectations/visits.yaml").is_file()
    assert (kept / "data/churn/expectations/customers.yaml").is_file()
    assert "  expectations: data/churn/expectations\n" in (kept / "params.yaml").read_text(encoding="utf-8")


def test_a_further_model_has_its_own_cards_and_its_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    monkeypatch.setenv("MAINLINE_SELECT", "second")
    with_rows(tmp_path, churn())
    write(churn(), tmp_path)
    card = (tmp_path / "data/churn/README.md").read_text(encoding="utf-8")
    (link,) = re.findall(r"\[`expectations/`\]\((.*?)\)", card)
    assert (tmp_path / "data/churn" / link / "customers.yaml").is_file()
    assert "`data/churn/README.md` describes" in (tmp_path / "models/second/model-card.md").read_text(encoding="utf-8")
    assert not (tmp_path / "data/README.md").exists()
    (excluded,) = re.findall(r"- id: secrets\n(?: +.*\n)*? +exclude: (\S+)", (TOP / LINT).read_text(encoding="utf-8"))
    given = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    linted = [path for path in given if not re.search(excluded, path) and not path.startswith(".mainline/")]
    assert "models/second/params.yaml" in linted
    hook = Path(sys.executable).with_name("detect-secrets-hook")
    secrets = subprocess.run([hook, *linted], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert secrets.returncode == 0, secrets.stdout
    settings = {**churn().settings, "data": {**churn().settings["data"], "sources": {"orders": {"path": "a.csv"}}}}
    other = replace(churn(), table="orders", label="returned", settings=settings)
    with pytest.raises(ConfigurationError, match="predicts churned of customers: give this model another name"):
        write(other, tmp_path)
