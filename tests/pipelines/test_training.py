"""The whole job on a small project: what went in, the verdict, the exit status, and what is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.evaluation import attribution
from tests.pipelines.shops import copy, lean, notes_of, rows_of
from tests.projects import RETURN, Project, visits

pytestmark = pytest.mark.slow

WEAK = ("numeric: [minutes, pages]", "numeric: [pages]")
STRONG = (WEAK[1], WEAK[0])
LONGER = ("max_iter: 30", "max_iter: 31")


def fingerprints(project: Project) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_text()) for path in project.records}


def attribution_adds_up(project: Project) -> dict[str, float]:
    """The headline's attribution, after holding both parts against the two models' own holdouts."""
    found: dict[str, float] = project.verdict["attribution"]["roc_auc"]
    now = project.verdict["metrics"]["roc_auc"]["candidate"]
    assert found["due_to_data"] + found["due_to_model"] == pytest.approx(now - main_on_its_own(project), abs=1e-9)
    return found


def main_on_its_own(project: Project) -> float:
    """ROC AUC of main's model on main's holdout by scikit-learn."""
    from sklearn.metrics import roc_auc_score

    from mainline.training.record import Record

    fingerprint = project.verdict["baseline"]["fingerprint"]
    holdout = Record.read(project.root / ".mainline" / "records" / fingerprint).holdout
    known = ~np.isnan(holdout.y)
    return float(roc_auc_score(holdout.y[known], holdout.score[known]))


# What a pull request did, and the verdict


def test_a_worse_model_is_refused_and_recorded_as_worse(shop: Project) -> None:
    shop.edit("params.yaml", WEAK)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "worse"
    assert not shop.gate("margin: roc_auc")["passed"]
    assert shop.verdict["metrics"]["roc_auc"]["high"] < 0
    assert "Failed: significantly worse than main" in notes_of(shop)
    # Uncommitted work on main is compared with what main's tip holds.
    assert shop.verdict["baseline"]["commit"] == shop.git("rev-parse", "HEAD")
    assert run_tags(shop)[shop.verdict["fingerprint"]]["verdict"] == "worse"


def test_a_better_model_passes_against_main_computed_in_a_worktree(tmp_path: Path) -> None:
    shop = lean(tmp_path, WEAK)
    shop.edit("params.yaml", STRONG)
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "better"
    assert shop.verdict["metrics"]["roc_auc"]["low"] > 0
    assert len(shop.records) == 2
    assert shop.git("worktree", "list").count("\n") == 0, "the worktree is gone"

    digests = {name: facts["model"]["digest"] for name, facts in fingerprints(shop).items()}
    shutil.rmtree(shop.root / ".mainline" / "records")
    shop.edit("params.yaml", ("train_seconds: 60", "train_seconds: 61"))
    again = shop.run()
    assert again.status == 0, again.err
    assert {name: facts["model"]["digest"] for name, facts in fingerprints(shop).items()} == digests


def test_a_better_model_that_is_worse_for_one_shop_is_refused_by_the_slices_gate(tmp_path: Path) -> None:
    only = 'visits = tables["visits"].mutate(day=_.at.date())'
    south, others = (
        f'{only}\n    visits = visits.mutate(minutes=(visits.shop {sign} "south").ifelse(visits.minutes, None))'
        for sign in ("==", "!=")
    )
    shop = lean(tmp_path, frame=((only, south),))
    shop.data(visits(count=12000))
    shop.commit("More visits")
    shop.edit("src/shop/frame.py", (south, others))
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "better"
    assert not shop.verdict["passed"]
    failed = [gate["name"] for gate in shop.verdict["gates"] if not gate["passed"]]
    assert "slices" in failed
    assert "shop south" in shop.gate("slices")["measured"]
    assert "margin: roc_auc" not in failed


def test_shuffled_labels_are_refused_by_the_lead(shop: Project) -> None:
    rows = visits()
    rows["bought"] = np.random.default_rng(1).permutation(rows["bought"])
    shop.data(rows)
    found = shop.run()
    assert found.status == 1, found.err
    assert not shop.gate("lead")["passed"]
    assert abs(shop.verdict["metrics"]["roc_auc"]["candidate"] - 0.5) < 0.06


def test_a_model_trained_on_shuffled_labels_is_worse_than_main(shop: Project) -> None:
    rows = visits()
    early = rows["at"] < pd.Timestamp("2026-02-10", tz="UTC")
    rows.loc[early, "bought"] = np.random.default_rng(1).permutation(rows.loc[early, "bought"])
    shop.data(rows)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "worse"


def test_a_gated_metric_without_a_value_fails_its_gate_and_the_reports_are_written(shop: Project) -> None:
    shop.edit("params.yaml", ("threshold: 0.4", "threshold: 0.999"), ("    brier: 0.01", "    precision: 0.05"), LONGER)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert shop.verdict["metrics"]["precision"]["candidate"] is None
    assert "no value on these rows for this model and main's model" in shop.gate("margin: precision")["measured"]
    assert shop.gate("margin: roc_auc")["passed"]
    assert "precision" in shop.path("reports/report.html").read_text()


def test_a_unit_that_changed_stops_at_the_data_gate_and_nothing_is_kept(tmp_path: Path) -> None:
    shop = Project(tmp_path)
    rows = visits()
    rows["minutes"] = rows["minutes"] * 60  # seconds
    shop.data(rows)
    found = shop.run()
    assert found.status == 3, found.err
    assert "minutes" in found.err
    assert shop.records == []
    assert not shop.path("reports/verdict.json").exists()


# What is the same, and what is not there


def test_nothing_that_can_change_the_model_differs(shop: Project) -> None:
    shop.write("README.md", "# The shop\n")
    shop.write("docs/more.md", "More.\n")
    shop.write("tests/test_shop.py", "def test_it(): pass\n")
    shop.edit(
        "params.yaml", ("at_least: 0.02", "at_least: 0.03"), ("# equal models differ by less", "# another reason")
    )
    before = [path.stat().st_mtime_ns for path in shop.records]
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "identical"
    assert shop.verdict["fingerprint"] == shop.verdict["baseline"]["fingerprint"]
    assert [path.stat().st_mtime_ns for path in shop.records] == before, "one training only"
    assert " train " not in found.err
    assert {gate["name"] for gate in shop.verdict["gates"]} == {
        "lead", "calibration error", "label coverage", "training time", "model size",
    }  # fmt: skip
    assert ".030" in shop.gate("lead")["rule"]
    # And an absolute gate still decides.
    shop.edit("params.yaml", ("at_least: 0.03", "at_least: 0.4"))
    assert shop.run().status == 1
    assert shop.verdict["verdict"] == "identical"
    # A threshold of the evaluation changes what is measured, not the model.
    recall = shop.verdict["metrics"]["recall"]["candidate"]
    shop.edit("params.yaml", ("at_least: 0.4", "at_least: 0.02"), ("threshold: 0.4", "threshold: 0.2"))
    assert shop.run().status == 0
    assert shop.verdict["verdict"] == "identical"
    assert shop.verdict["metrics"]["recall"]["candidate"] > recall
    assert len(shop.records) == 1


def test_a_column_that_only_the_evaluation_names_is_checked_although_the_frame_is_known(shop: Project) -> None:
    shop.edit("params.yaml", ("blocks: day", "blocks: dya"))
    found = shop.run()
    assert found.status == 2
    assert "compare.blocks: the prepared frame has no column dya: did you mean day?" in found.err


@pytest.mark.parametrize("base", ["HEAD", "a hash", "origin/main"])
def test_the_base_may_be_any_commit(shop: Project, base: str) -> None:
    commit = shop.git("rev-parse", "HEAD")
    if base == "origin/main":
        shop.git("update-ref", "refs/remotes/origin/main", commit)
        shop.git("checkout", "--quiet", "-b", "mine")
        shop.git("branch", "--quiet", "-D", "main")
    found = shop.run("--base", commit if base == "a hash" else base)
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "identical"
    assert shop.verdict["baseline"]["commit"] == commit


def test_without_a_baseline_the_absolute_gates_decide_unless_one_is_required(shop: Project) -> None:
    shutil.rmtree(shop.root / ".git")
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "no_baseline"
    assert shop.verdict["baseline"] is None
    assert "this folder is not the top of a git checkout" in notes_of(shop)
    assert "only the absolute gates decide" in notes_of(shop)
    shop.edit("params.yaml", ("blocks: day", "blocks: day\n  required: true"))
    found = shop.run()
    assert found.status == 1
    assert shop.verdict["verdict"] == "not_measurable"
    assert "compare.required is true" in shop.gate("margin: roc_auc")["measured"]
    assert "only the absolute gates decide" not in notes_of(shop)


def test_the_first_pull_request_of_a_project_meets_a_main_without_a_model(tmp_path: Path) -> None:
    shop = Project(tmp_path, with_git=False)
    shutil.rmtree(shop.path("data/expectations"))
    shop.write(".gitignore", "*")
    shop.init()
    shop.git("commit", "--quiet", "--allow-empty", "--message", "Begin")
    shop.write(".gitignore", ".mainline/\nreports/\n__pycache__/\n")
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "no_baseline"
    assert "main has no params.yaml yet" in notes_of(shop)


def test_a_main_that_cannot_be_trained_is_not_measurable_and_its_reason_is_quoted(tmp_path: Path) -> None:
    shop = lean(tmp_path, frame=(('"visit")', '"vist")'),))
    shop.edit("src/shop/frame.py", ('"vist")', '"visit")'))
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert "the baseline could not be trained: shop.frame:prepare failed" in notes_of(shop)


def test_a_main_of_another_task_is_not_trained_to_learn_that_it_cannot_be_compared(tmp_path: Path) -> None:
    regression = (
        ("task: binary", "task: regression"),
        ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        ("metric: roc_auc\n  blocks", "metric: rmse\n  blocks"),
        ("gates:\n", "gates:\n  train_seconds: 60\n"),
    )
    shop = lean(tmp_path)
    shop.edit("src/shop/frame.py", ('"boolean"', '"float64"'))
    text = shop.path("params.yaml").read_text()
    shop.write("params.yaml", text[: text.index("gates:")] + "gates:\n")
    shop.edit("params.yaml", *regression)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert "the baseline's task is binary, the candidate's is regression" in notes_of(shop)
    assert len(shop.records) == 1, "main's model was not trained"


LOCK = """\
version = 1
[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
[package.dev-dependencies]
train = [{ name = "six" }]
[[package]]
name = "six"
version = "1.16.0"
"""


def test_a_base_with_another_lock_that_cannot_be_installed_is_said(tmp_path: Path) -> None:
    shop = lean(tmp_path)
    shop.write("uv.lock", LOCK)
    shop.commit("Lock six")
    shop.edit("uv.lock", ("1.16.0", "1.17.0"))
    found = shop.run(UV="/nowhere/uv")
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    assert "its locked dependencies differ and uv is not on the PATH" in notes_of(shop)


# Data that moved on


ESTIMATOR = '''\
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Always(ClassifierMixin, BaseEstimator):
    """The same probability for everybody."""

    def fit(self, rows, target):
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, rows):
        return self.predict_proba(rows)[:, 1] >= 0.5

    def predict_proba(self, rows):
        answer = 0.3
        return np.tile([1 - answer, answer], (len(rows), 1))
'''


def test_mains_own_estimator_scores_the_data_of_this_pull_request(tmp_path: Path) -> None:
    own = (
        ("estimator: sklearn.ensemble.HistGradientBoostingClassifier", "estimator: shop.model.Always"),
        ("params: {max_iter: 30, early_stopping: false}", "params: {}"),
        ("until: 2026-03-02", "until: 2026-02-16"),
    )
    shop = lean(tmp_path)
    shop.write("src/shop/model.py", ESTIMATOR)
    shop.edit("params.yaml", *own)
    shop.commit("A constant")
    shop.edit("src/shop/model.py", ("answer = 0.3", "answer = 0.6"))
    shop.edit("params.yaml", ("until: 2026-02-16", "until: 2026-03-02"))
    found = shop.run()
    assert found.status == 1, found.err  # it leads by nothing
    rows = visits()
    start, end = pd.Timestamp("2026-02-16", tz="UTC"), pd.Timestamp("2026-03-02", tz="UTC")
    y = rows[(rows["at"] >= start) & (rows["at"] + pd.Timedelta(days=1) < end)]["bought"]
    brier = shop.verdict["metrics"]["brier"]
    assert brier["baseline"] == pytest.approx(((0.3 - y) ** 2).mean())
    assert brier["candidate"] == pytest.approx(((0.6 - y) ** 2).mean())


def test_new_data_are_told_from_a_new_model(tmp_path: Path) -> None:
    shop = lean(tmp_path, ("until: 2026-03-02", "until: 2026-02-16"))
    assert shop.run().status == 0
    shop.edit("params.yaml", ("until: 2026-02-16", "until: 2026-03-02"))
    found = shop.run()
    assert found.status == 0, found.err
    parts = attribution_adds_up(shop)
    assert parts["due_to_data"] != 0
    assert attribution.TRAINED_ON in notes_of(shop)
    assert "data.until" in notes_of(shop)


def test_a_hash_split_with_changed_data_is_walked_both_ways(tmp_path: Path) -> None:
    shop = lean(tmp_path, ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3"), WEAK)
    shop.run()
    rows = visits()
    rows["pages"] = np.where(rows.index % 3 == 0, np.random.default_rng(0).permutation(rows["pages"]), rows["pages"])
    shop.data(rows)
    shop.edit("params.yaml", STRONG)
    found = shop.run()
    assert found.status == 0, found.err
    parts = attribution_adds_up(shop)
    assert parts["due_to_data"] < 0 < parts["due_to_model"]
    assert attribution.BOTH_WAYS in notes_of(shop)


def test_a_main_that_cannot_score_the_new_data_is_compared_by_its_record_and_it_is_said(shop: Project) -> None:
    path = shop.path("data/visits.parquet")
    pd.read_parquet(path).rename(columns={"minutes": "stay"}).to_parquet(path, index=False, coerce_timestamps="us")
    shop.edit("src/shop/frame.py", ("day=_.at.date())", 'day=_.at.date()).rename(minutes="stay")'))
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["verdict"] == "no_worse"
    assert "cannot score this data" in notes_of(shop)
    assert "minutes" in notes_of(shop)
    assert "not split into data and model" in notes_of(shop)
    assert shop.verdict["attribution"] == {}
    # It is the same model on the same values: there is no difference.
    assert shop.verdict["metrics"]["roc_auc"]["delta"] == 0


def test_other_words_for_mains_values_are_no_better_model(shop: Project) -> None:
    rows = visits()
    rows["shop"] = rows["shop"].str.upper()
    shop.data(rows)
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    (warning,) = shop.verdict["warnings"]
    assert "main's model is fed values that it never saw in training" in warning
    assert "shop in 100.0 %" in warning
    # It is said before the verdict, wherever that is read.
    for text in (found.out, shop.report, shop.path("reports/report.html").read_text().partition("<main>")[2]):
        assert text.index("model is fed values") < text.index("Failed: not measurable")


def test_another_companys_rows_under_the_same_numbers_are_not_compared(tmp_path: Path) -> None:
    shop = lean(tmp_path, ("by: time\n  holdout: 2 weeks", "by: hash\n  holdout: 0.3"))
    churn = visits(seed=7)
    text = shop.path("params.yaml").read_text()
    start, end = text.index("  sources:"), text.index("prepare:")
    sources = "  sources:\n    churn: {path: data/churn.parquet, time: at}\n"
    shop.write("params.yaml", text[:start] + sources + text[end:])
    shop.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [calls, bill]"))
    table = churn.rename(columns={"minutes": "calls", "pages": "bill"})
    table.to_parquet(shop.path("data/churn.parquet"), index=False, coerce_timestamps="us")
    shop.write(
        "src/shop/frame.py",
        'from ibis import _\n\n\ndef prepare(tables):\n    return tables["churn"].mutate(day=_.at.date())\n',
    )
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "not_measurable"
    said = shop.gate("margin: roc_auc")["measured"]
    assert "they are other rows (tables visits, purchases on main, churn here)" in said


def test_training_rows_of_main_in_the_holdout_are_counted_and_left_out(shop: Project) -> None:
    shop.edit("params.yaml", ("holdout: 2 weeks", "holdout: 3 weeks"))
    found = shop.run()
    assert found.status == 0, found.err
    rows = shop.verdict["data"]["rows"]
    at = visits()["at"]
    moved = int(((at >= pd.Timestamp("2026-02-09", tz="UTC")) & (at < pd.Timestamp("2026-02-16", tz="UTC"))).sum())
    assert f"{moved:,} of the {rows['holdout']:,} holdout rows are training rows of the baseline" in notes_of(shop)
    assert rows["compared"] == rows["holdout"] - rows["unlabelled"] - moved


def test_a_label_that_is_defined_anew_is_said(shop: Project) -> None:
    shop.edit(
        "src/shop/frame.py",
        (RETURN, f"{RETURN}.mutate(bought=_.bought & (_.pages > 3))"),
    )  # fmt: skip
    found = shop.run()
    assert "the label differs from the baseline's in" in notes_of(shop), found.err
    rows = rows_of(shop)
    late = rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")
    known = rows["at"] + pd.Timedelta(days=1) < pd.Timestamp("2026-03-02", tz="UTC")
    # Nobody who saw few pages has bought now, known or not.
    count = int((late & (rows["pages"] <= 3) & (rows["bought"] | ~known)).sum())
    assert f"in {count:,} of" in notes_of(shop)


# The record is the cache


def test_a_second_run_answers_at_once_and_imports_nothing_heavy(shop: Project) -> None:
    assert shop.run().status == 0
    report = shop.path("reports/report.md").stat().st_mtime_ns
    script = (
        "import sys\nfrom mainline.cli.main import main\nstatus = main(['run'])\n"
        "print('loaded', sorted({name.split('.')[0] for name in sys.modules}))\nsys.exit(status)"
    )
    import os
    import subprocess
    import sys

    from tests.projects import TOP

    path = os.pathsep.join([str(shop.root / "src"), str(TOP / "src"), str(TOP)])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=shop.root, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "identical to main" in done.stdout
    loaded = done.stdout.splitlines()[-1]
    for heavy in ("numpy", "pandas", "pydantic", "duckdb", "sklearn", "mlflow", "yaml"):
        assert f"'{heavy}'" not in loaded
    assert shop.path("reports/report.md").stat().st_mtime_ns == report


def test_data_outside_the_data_folder_are_watched_too(tmp_path: Path) -> None:
    shop = lean(tmp_path, ("path: data/visits.parquet", "path: inputs/visits.parquet"))
    shop.path("inputs/visits.parquet")
    shutil.move(shop.path("data/visits.parquet"), shop.path("inputs/visits.parquet"))
    shop.commit("Elsewhere")
    assert shop.run().status == 0
    first = shop.verdict["data"]["digest"]
    rows = visits()
    rows["pages"] = rows["pages"] + 1
    shop.data(rows)
    shutil.move(shop.path("data/visits.parquet"), shop.path("inputs/visits.parquet"))
    assert "main at" in shop.run().err, "it ran"
    assert shop.verdict["data"]["digest"] != first


def test_a_refusal_is_answered_again_with_its_status(shop: Project) -> None:
    shop.edit("params.yaml", ("train_seconds: 60", "train_seconds: 0.0001"))
    first = shop.run()
    second = shop.run()
    assert (first.status, second.status) == (1, 1)
    assert second.out == first.out
    assert second.err == ""


def test_the_order_of_the_raw_rows_changes_neither_the_model_nor_its_digest(shop: Project) -> None:
    digest = shop.verdict["model_digest"]
    shop.data(visits().sample(frac=1, random_state=0))
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["model_digest"] == digest
    assert shop.verdict["verdict"] == "no_worse"  # other bytes are other data
    assert shop.verdict["metrics"]["roc_auc"]["delta"] == 0


PROBE = """\
import os, sys

class Probe:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("threads when numpy came:", os.environ.get("OPENBLAS_NUM_THREADS"))
            sys.meta_path.remove(self)
        return None

sys.meta_path.insert(0, Probe())
from mainline.cli import main as cli
sys.exit(cli.main(["run"]))
"""


def test_the_model_is_the_same_whatever_the_interpreter_and_the_environment_say(
    trained: Project, tmp_path: Path
) -> None:
    """The number of threads is fixed before NumPy counts the cores, whatever the variables said."""
    shop = copy(trained, tmp_path)
    shutil.rmtree(shop.root / ".mainline")
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    found = shop.python(PROBE, PYTHONHASHSEED="4", **dict.fromkeys(variables, "4"))
    assert found.status == 0, found.err
    assert "threads when numpy came: 1\n" in found.out
    assert shop.verdict["model_digest"] == trained.verdict["model_digest"]


def test_a_damaged_record_is_named_and_deleting_it_is_enough(shop: Project) -> None:
    record = shop.records[0].parent
    (record / "rows.npz").write_bytes(b"PK")
    found = shop.run()
    assert found.status == 4
    assert "rows.npz cannot be read" in found.err
    assert "delete the folder and run again" in found.err
    shutil.rmtree(record)
    assert shop.run().status == 0


def run_tags(project: Project) -> dict[str, dict[str, str]]:
    """Every run's tags by fingerprint; more than one run of a fingerprint is an error."""
    from mlflow import MlflowClient

    # Not mlflow.set_tracking_uri: it sets the variable that every run started from here would heed.
    client = MlflowClient(f"sqlite:///{project.root / '.mainline' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("mainline")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == len({run.data.tags["fingerprint"] for run in runs})
    return {run.data.tags["fingerprint"]: dict(run.data.tags) for run in runs}
