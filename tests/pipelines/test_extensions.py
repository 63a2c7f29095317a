"""What a project adds from outside: the very code of docs/extending.md, in a project of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from mainline.evaluation import formatting
from tests.pipelines.shops import LEAN, copy
from tests.projects import TOP, Project

pytestmark = pytest.mark.slow

PAGE = (TOP / "docs" / "extending.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
EXTENSIONS = "\n\n".join(code for code in CODE if not code.startswith("# src/"))
EXPECTATIONS = next(code for code in CODE if code.startswith("# src/shop/expectations.py"))
# An estimator that skl2onnx does not know by its name.
MODEL = """\
from sklearn.linear_model import LogisticRegression


class Steady(LogisticRegression):
    def plain(self):
        plain = LogisticRegression(C=self.C)
        plain.__dict__.update(self.__dict__)
        return plain
"""
GATES = """\
gates:
  most_missed: 0.9   # the budget of the till
  margins:
    missed_sales: 0.05
"""
SUITE = """\
  - type: expect_shops_to_be_open
    kwargs: {at_least: 100}
    severity: critical
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop with one of each kind, whose main has been trained; nobody changes it."""
    shop = Project(tmp_path_factory.mktemp("extended"), with_git=False)
    shop.write("src/shop/extensions.py", EXTENSIONS)
    shop.write("src/shop/expectations.py", EXPECTATIONS)
    shop.write("src/shop/model.py", MODEL)
    shop.edit("data/expectations/visits.yaml", ("    severity: warning\n", f"    severity: warning\n{SUITE}"))
    shop.edit(
        "params.yaml",
        *LEAN,
        ("task: binary", "extensions: [shop.extensions]\ntask: binary"),
        ("purchases: {path: data/purchases.csv, time: known_at}", "purchases: {till: data/till, time: known_at}"),
        ("gates:\n  margins:\n", GATES),
        ("sklearn.ensemble.HistGradientBoostingClassifier", "shop.model.Steady"),
        ("params: {max_iter: 30, early_stopping: false}", "params: {C: 0.5}\n  numeric: standardize"),
    )
    fill_till(shop)
    shop.init()
    shop.commit("The shop")
    done = shop.run()
    assert done.status == 0, done.err
    return shop


def fill_till(shop: Project) -> None:
    """The purchases as the till writes them: one file per day."""
    purchases = pd.read_csv(shop.path("data/purchases.csv"))
    shop.path("data/purchases.csv").unlink()
    for day, rows in purchases.groupby(purchases["known_at"].str[:10]):
        rows.to_csv(shop.path(f"data/till/{day}.csv"), index=False)


@pytest.fixture
def shop(extended: Project, tmp_path: Path) -> Project:
    return copy(extended, tmp_path / "shop")


def test_added_metrics_gates_sections_and_expectations_are_in_the_verdict_and_in_both_reports(shop: Project) -> None:
    verdict, page = shop.verdict, shop.path("reports/report.html").read_text()
    right = json.loads(shop.records[0].read_text())["rows"]
    assert 0 < verdict["metrics"]["missed_sales"]["candidate"] < 1
    assert 0 < verdict["metrics"]["mean_score"]["candidate"] < 1
    gate = shop.gate("missed sales")
    assert (gate["rule"], gate["passed"]) == ("at most 0.9", True)
    assert gate["measured"] == formatting.score(verdict["metrics"]["missed_sales"]["candidate"])
    for report in (shop.report, page):
        assert "missed sales" in report
        assert "mean probability" in report
        assert "Visits by shop" in report
        assert "Which shops the metrics are made of." in report
    assert right["holdout"] > 0
    assert "every shop must have at least 100 visits" in page
    assert "north" in page.partition("Visits by shop")[2].partition("</section>")[0]


def test_the_comment_is_written_from_json_without_the_projects_code(shop: Project) -> None:
    from mainline.report import report_json

    written = report_json.to_markdown(report_json.from_json(shop.path("reports/report.json").read_bytes()))
    assert "Visits by shop" in written
    assert "mean probability" in written
    assert written == shop.report


def test_main_is_asked_with_its_extensions_and_compared_by_the_added_metric(shop: Project) -> None:
    shop.edit("params.yaml", ("most_missed: 0.9", "most_missed: 0.001"), ("C: 0.5", "C: 0.4"))
    done = shop.run()
    assert done.status == 1, done.err
    assert shop.verdict["verdict"] in ("no_worse", "better")
    assert [gate["name"] for gate in shop.verdict["gates"] if not gate["passed"]] == ["missed sales"]
    assert shop.gate("margin: missed_sales")["passed"]
    assert shop.verdict["metrics"]["missed_sales"]["delta"] is not None


def test_an_added_expectation_that_fails_stops_the_run(shop: Project) -> None:
    shop.edit("data/expectations/visits.yaml", ("at_least: 100", "at_least: 100000"))
    done = shop.run()
    assert done.status == 3, done.err
    assert "every shop must have at least 100,000 visits" in done.err


def test_an_added_exporter_makes_onnx_of_an_estimator_that_the_built_in_one_does_not_know(shop: Project) -> None:
    done = shop.mainline("export")
    assert done.status == 0, done.err
    assert "model.onnx, agrees on" in done.err
    shop.edit("src/shop/extensions.py", ("takes=lambda pipeline: isinstance", "takes=lambda pipeline: not isinstance"))
    shop.commit("No exporter for it")
    again = shop.mainline("export", "--to", "elsewhere")
    assert again.status == 0, again.err
    assert "it cannot be converted" in again.err


def test_an_added_target_is_found_by_its_name_and_deployed_to(shop: Project) -> None:
    digest = f"sha256:{'1' * 64}"
    program = (
        "from mainline.release.targets import select\n"
        f"target = select.target('shelf')\ntarget.deploy('{digest}')\nprint(target.deployed())"
    )
    done = shop.python(program, SHELF=str(shop.path("digest")))
    assert (done.status, done.out.strip()) == (0, digest), done.err
    unset = shop.python("from mainline.release.targets import select; select.target('shelf')")
    assert "SHELF is not set" in unset.err
    unknown = shop.mainline("deploy", "--target", "shelv")
    assert (unknown.status, "the targets are none, docker, kubernetes, registry, shelf" in unknown.err) == (2, True)


def test_the_generated_reference_names_what_was_added(shop: Project) -> None:
    done = shop.mainline("reference", "made")
    assert done.status == 0, done.err
    page = shop.path("made/params.md").read_text()
    for name in ("missed_sales", "most_missed", "till", "shelf", "steady", "visits", "shop.expectations"):
        assert f"`{name}`" in page, name
    schema = json.loads(shop.path("made/params.schema.json").read_text())["$defs"]
    assert "till" in schema["Source"]["properties"]
    assert schema["Gates"]["properties"]["most_missed"]["description"] == "Upper limit of the missed sales per visit."
    assert "missed_sales" in schema["Compare"]["properties"]["metric"]["enum"]
    assert "mean_score" not in schema["Compare"]["properties"]["metric"]["enum"]


WRONG = {
    "a metric that is built in": ('@metric("missed_sales"', '@metric("brier"', "brier is built in"),
    "a gate that is built in": ('@gate("most_missed"', '@gate("margins"', "the gate margins is built in"),
    "a source that is built in": ('@source("till"', '@source("path"', "the source path is built in"),
    "a target that is built in": ('@deploy_target("shelf")', '@deploy_target("docker")', "docker is built in"),
    "an exporter that is built in": ('@exporter("steady"', '@exporter("skl2onnx"', "skl2onnx is built in"),
    "a metric twice": ('"mean_score", task', '"missed_sales", task', "is registered by shop.extensions already"),
    "an error of its own": ("class Till(Section):", "1 / 0\n\n\nclass Till(Section):", "ZeroDivisionError"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_module_that_cannot_be_loaded_is_refused_by_name_and_line(shop: Project, wrong: str) -> None:
    before, after, said = WRONG[wrong]
    shop.edit("src/shop/extensions.py", (before, after))
    done = shop.run()
    assert done.status == 2, done.err
    assert said in done.err
    assert re.search(
        r"params.yaml:1: extensions: shop.extensions does not import \(src/shop/extensions.py:\d+\)", done.err
    )


UNKNOWN = {
    "a misspelt gate": ("most_missed: 0.9", "most_mised: 0.9", "did you mean most_missed?"),
    "a misspelt source": ("{till: data/till", "{tills: data/till", "did you mean till?"),
    "a gate's value": ("most_missed: 0.9", "most_missed: little", "gates.most_missed: input should be a valid number"),
    "a source's value": ("{till: data/till", "{till: 3", "data.sources.purchases.till: input should be a valid string"),
    "a misspelt metric": ("missed_sales: 0.05", "missed_sale: 0.05", "did you mean missed_sales?"),
    "a metric that cannot be judged by": ("missed_sales: 0.05", "mean_score: 0.05", "no metric mean_score to judge by"),
    "a module that is not there": ("[shop.extensions]", "[shop.extensions.more]", "No module named"),
}


@pytest.mark.parametrize("wrong", UNKNOWN)
def test_a_setting_that_nothing_declares_is_refused_with_the_nearest(shop: Project, wrong: str) -> None:
    before, after, said = UNKNOWN[wrong]
    shop.edit("params.yaml", (before, after))
    done = shop.run()
    assert (done.status, said in done.err) == (2, True), done.err
    assert re.match(r"mainline: params.yaml:\d+: ", done.err)


def test_an_error_in_an_added_function_is_reported_with_its_line(shop: Project) -> None:
    shop.edit("src/shop/extensions.py", ("return rows.mean((rows.y", "return rows.mean((rows.label"))
    done = shop.run()
    assert done.status == 2, done.err
    assert "missed_sales of shop.extensions failed (src/shop/extensions.py:" in done.err


def test_a_change_of_an_extension_is_shown_as_a_change_of_what_judges(shop: Project) -> None:
    shop.edit("src/shop/extensions.py", ("value <= limit", "True"))
    done = shop.run()
    assert done.status == 0, done.err
    assert "src/shop/extensions.py" in shop.report.partition("## ")[0]
