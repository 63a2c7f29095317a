"""Releases of a small project, from the command line: what is promoted, refused, deployed, rolled back."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from mainline.registry import models, releases
from mainline.registry.audit_log import AuditLog, Entry, FileEntryStore
from mainline.registry.models import Registry
from tests.bounds import HANG
from tests.folders import VARIABLE, Folder
from tests.mainline.releases import image
from tests.pipelines.shops import copy, lean, notes_of
from tests.projects import Project, Result
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]
pytestmark = pytest.mark.slow

WEAK = ("numeric: [minutes, pages]", "numeric: [pages]")
LONGER = ("max_iter: 30", "max_iter: 31")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop whose model is in production as version 1."""
    project = lean(tmp_path_factory.mktemp("shop"))
    project.path("target/refused").write_text("")
    project.edit(".gitignore", ("reports/", "reports/\ntarget/"))
    project.commit("A target")
    found = promote(project, "one", "--pull-request", "7", "--approver", "somebody")
    assert found.status == 0, found.err
    return project


@pytest.fixture
def shop(released: Project, tmp_path: Path) -> Project:
    """The same elsewhere; the store's addresses are those of the new place."""
    from mainline.registry.snapshot import relocate

    made = copy(released, tmp_path)
    before, now = (project.root / ".mainline" / "artifacts" for project in (released, made))
    relocate(now.parent / "mlflow.db", before.as_uri(), now.as_uri())
    return made


def mainline(project: Project, *arguments: str, **variables: str) -> Result:
    return project.mainline(*arguments, **{VARIABLE: str(project.path("target")), **variables})


def promote(project: Project, name: str, *arguments: str, **variables: str) -> Result:
    given = ("--target", "tests.folders:made", "--image", image(name))
    return mainline(project, "promote", *given, *arguments, **variables)


def rollback(project: Project, run: str = "") -> Result:
    return mainline(project, "rollback", GITHUB_RUN_ID=run)


def change(project: Project, *changes: tuple[str, str]) -> str:
    project.edit("params.yaml", *changes)
    return project.commit("A change")


def held(project: Project, store: Path | None = None) -> tuple[Registry, list[Entry]]:
    folder = store or project.root / ".mainline"
    found = models.open_registry(folder)
    return found, AuditLog(FileEntryStore(folder / "audit.jsonl"), found).entries()


def in_production(project: Project) -> tuple[int | None, int | None]:
    """Champion and previous; what is deployed is the champion's image."""
    found, _ = held(project)
    champion, previous = found.champion(), found.previous()
    assert Folder(project.path("target")).deployed() == (champion.image if champion else None)
    return champion.number if champion else None, previous.number if previous else None


def test_the_first_model_is_promoted_with_all_that_is_known_of_it(released: Project) -> None:
    found, entries = held(released)
    version = found.champion()
    assert version
    assert version.number == 1
    verdict = released.verdict
    tags = version.tags
    assert tags["commit"] == released.git("rev-parse", "HEAD")
    assert tags["fingerprint"] == verdict["fingerprint"]
    assert tags["model_digest"] == verdict["model_digest"]
    assert tags["data_digest"] == verdict["data"]["digest"]
    assert tags["image_digest"] == image("one")
    assert tags["pull_request"] == "7"
    assert tags["approver"] == "somebody"
    value = verdict["metrics"]["roc_auc"]["candidate"]
    assert tags["metric.roc_auc"].startswith(f"{value:.6g} [")
    assert [each.event for each in entries] == ["deployed", "promoted"]
    promoted = entries[-1].details
    assert promoted["approver"] == "somebody"
    assert promoted["verdict"] == "no_baseline"
    assert promoted["image_digest"] == image("one")
    written = json.loads(released.path("reports/release.json").read_text())
    assert written == {**tags, "version": 1}


def test_the_card_is_in_the_registry_and_holds_what_was_measured(released: Project) -> None:
    found, _ = held(released)
    card = released.path("reports/model-card.md").read_text()
    champion = found.champion()
    assert champion
    assert champion.card == card
    front = yaml.safe_load(card.split("---\n")[1])
    measured = {each["type"]: each["value"] for each in front["model-index"][0]["results"][0]["metrics"]}
    assert measured == {name: pytest.approx(each["candidate"]) for name, each in released.verdict["metrics"].items()}
    assert released.verdict["model_digest"] in card
    assert released.git("rev-parse", "HEAD") in card
    for gate in released.verdict["gates"]:
        assert f"| {gate['name']} |" in card


def test_a_second_promotion_of_the_same_commit_changes_nothing(shop: Project) -> None:
    before = held(shop)[1]
    again = promote(shop, "one")
    assert again.status == 0, again.err
    assert in_production(shop) == (1, None)
    assert held(shop)[1] == before
    assert len(held(shop)[0].versions()) == 1
    assert Folder(shop.path("target")).deploys == [image("one")]


def test_small_losses_that_main_lets_pass_one_by_one_are_held_against_the_champion_and_that_is_written_down(
    shop: Project,
) -> None:
    """Main has moved on since the last release: the model is compared with what is in production."""
    weak = change(shop, WEAK, ("  lead: {by: [shop], metric: roc_auc, at_least: 0.02}\n", ""))
    assert shop.run("--base", weak).status == 0, "identical to main"
    found = promote(shop, "two")
    assert found.status == 1, found.err
    assert shop.verdict["baseline"]["commit"] != weak
    assert "production" in found.out
    assert in_production(shop) == (1, None)
    last = held(shop)[1][-1]
    assert last.event == "refused"
    assert "margin: roc_auc" in last.details["reason"]
    assert last.details["verdict"] == "worse"


def test_losses_that_add_up_are_refused_against_the_best_release_in_a_run_and_at_the_release(shop: Project) -> None:
    lead = "  lead: {by: [shop], metric: roc_auc, at_least: 0.02}\n"
    wide = (("    roc_auc: 0.02 ", "    roc_auc: 0.5 "), ("    brier: 0.01", "    brier: 0.5"))
    rest = (("margin: 0.05}", "margin: 0.9}"), ("at_most: 0.2}", "at_most: 0.9}"))
    change(shop, WEAK, (lead, ""), *wide, *rest)
    assert promote(shop, "two").status == 0, "the margins were wide open"
    weak = change(shop, ("    roc_auc: 0.5 ", "    roc_auc: 0.02 "), ("    brier: 0.5", "    brier: 0.01"))
    change(shop, LONGER, ("gates:\n", "gates:\n  anchor: {for: 1 year}\n"))
    ran = shop.run("--base", weak)
    assert ran.status == 1, ran.err
    verdict = shop.verdict
    assert verdict["verdict"] in ("no_worse", "better"), "against main alone it passes"
    assert verdict["anchor"]["version"] == 1
    failed = [gate["name"] for gate in verdict["gates"] if not gate["passed"]]
    assert failed
    assert all(name.startswith("anchor: ") for name in failed)
    assert "gate “anchor: " in ran.out
    assert "against the best release (version 1)" in ran.out
    report = shop.report
    assert "### Against the best release: version 1" in report
    assert "The best of 2 releases of the last 1 year" in report
    assert "Against the best release: version 1" in shop.path("reports/report.html").read_text()
    assert promote(shop, "three").status == 1
    assert "anchor: roc_auc" in held(shop)[1][-1].details["reason"]
    # A version that was rolled back is no anchor; nor is one that was released before that time.
    found, _ = held(shop)
    records = shop.root / ".mainline" / "records"
    year = dt.datetime.now(dt.UTC) - dt.timedelta(days=365)
    assert [each.version for each in releases.released(found, records, year)] == [2, 1]
    found.tag(1, "released", (year - dt.timedelta(days=1)).isoformat())
    assert [each.version for each in releases.released(found, records, year)] == [2]
    found.tag(2, "rolled_back", "2026-03-01T00:00:00+00:00")
    assert releases.released(found, records, year) == []


def test_a_better_model_is_deployed_and_rolled_back_in_one_step(shop: Project) -> None:
    change(shop, LONGER)
    found = promote(shop, "two")
    assert found.status == 0, found.err
    assert "version 2 is the champion" in found.out
    assert in_production(shop) == (2, 1)

    # The first one again is that version; the log has it as it was judged now, its tags as it was released first.
    shop.git("revert", "--no-edit", "HEAD")
    again = promote(shop, "one", "--pull-request", "10", "--approver", "zoe")
    assert again.status == 0, again.err
    assert in_production(shop) == (1, 2)
    promoted = held(shop)[1][-1].details
    assert promoted["verdict"] == shop.verdict["verdict"] != "no_baseline"
    assert promoted["commit"] == shop.git("rev-parse", "HEAD")
    assert (promoted["pull_request"], promoted["approver"]) == ("10", "zoe")

    back = rollback(shop, run="77")
    assert back.status == 0, back.err
    assert "version 2 is the champion again, at tests.folders:made" in back.out
    assert in_production(shop) == (2, 1)
    assert [each.event for each in held(shop)[1]][-2:] == ["deployed", "rolled back"]
    assert rollback(shop, run="77").status == 0, "run again, it has nothing left to do"
    assert in_production(shop) == (2, 1)
    shown = mainline(shop, "audit")
    assert shown.status == 0
    assert "#10 zoe" in shown.out
    assert "every hash is valid" in shown.out


def test_the_audit_verb_finds_a_log_that_was_tampered_with(shop: Project) -> None:
    log = shop.path(".mainline/audit.jsonl")
    log.write_text(log.read_text().replace('"approver":"somebody"', '"approver":"nobody"'))
    found = mainline(shop, "audit")
    assert found.status == 1
    assert "entry 1 was changed" in found.err


@pytest.mark.parametrize("local", [True, False], ids=["record here", "record from the registry"])
def test_a_champion_whose_commit_is_gone_is_scored_by_its_recorded_model(shop: Project, local: bool) -> None:
    shutil.rmtree(shop.path(".git"))
    shop.init()
    if not local:
        shutil.rmtree(shop.path(".mainline/records"))
    change(shop, LONGER, ("until: 2026-03-02", "until: 2026-03-01"))
    found = promote(shop, "two")
    assert found.status == 0, found.err
    assert in_production(shop) == (2, 1)
    assert "its recorded model scored the rows" in notes_of(shop)
    metric = shop.verdict["metrics"]["roc_auc"]
    assert metric["baseline"] == pytest.approx(metric["candidate"], abs=0.02)
    assert metric["low"] < metric["high"]


def test_a_champion_that_cannot_be_compared_with_stops_the_promotion(shop: Project) -> None:
    found, _ = held(shop)
    champion = found.champion()
    assert champion
    shutil.rmtree(shop.path(".mainline/records"))
    shutil.rmtree(shop.path(f".mainline/artifacts/{champion.run_id}"))
    change(shop, LONGER)
    refused = promote(shop, "two")
    assert refused.status == 1, refused.err
    assert "cannot compare with the champion" in notes_of(shop)
    assert in_production(shop) == (1, None)


def test_what_is_not_committed_is_not_promoted(shop: Project) -> None:
    shop.edit("params.yaml", LONGER)
    found = promote(shop, "two")
    assert found.status == 2
    assert "commit them, then promote" in found.err
    assert in_production(shop) == (1, None)


def test_invalid_data_promote_nothing(shop: Project) -> None:
    suite = {"expectations": [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10**6},
                               "severity": "critical"}]}  # fmt: skip
    shop.write("data/expectations/visits.yaml", yaml.safe_dump(suite))
    shop.commit("A suite")
    found = promote(shop, "two")
    assert found.status == 3, found.err
    assert in_production(shop) == (1, None)
    assert len(held(shop)[1]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "nowhere"), "there is no target nowhere"),
        (("--target", "tests.folders:nothing"), "cannot be created"),
        (("--target", "tests.folders:made"), "Dockerfile does not exist"),
        (("--target", "none", "--image", "latest"), "64 hex digits are needed"),
        ((), "production is deployed to tests.folders:made: TARGET=tests.folders:made deploys this model"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_refused_before_anything_moves(
    shop: Project, arguments: tuple[str, ...], said: str
) -> None:
    found = mainline(shop, "promote", *arguments)
    assert found.status == 2, found.err
    assert said in found.err
    assert in_production(shop) == (1, None)


def test_two_promotions_at_once_end_in_agreement(shop: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two commits of one project, in one checkout after the other: both processes share the state."""
    change(shop, LONGER)
    variables = {VARIABLE: str(shop.path("target"))}
    given = ("promote", "--target", "tests.folders:made", "--image")
    both = [shop.start(*given, image(name), **variables) for name in ("two", "two")]
    for process in both:
        _, err = process.communicate(timeout=HANG)
        assert process.returncode == 0, err
    assert in_production(shop) == (2, 1)
    assert [each.event for each in held(shop)[1]] == ["deployed", "promoted"] * 2


def test_an_image_that_does_not_start_leaves_production_as_it_was_and_a_kill_while_it_deploys_is_ended_by_the_next(
    shop: Project,
) -> None:
    shop.path("target/refused").write_text(image("two"))
    change(shop, LONGER)
    found = promote(shop, "two")
    assert found.status == 4
    assert "does not start" in found.err
    assert in_production(shop) == (1, None)
    assert held(shop)[1][-1].event == "withdrawn"

    shop.path("target/refused").write_text("")
    process = shop.start(
        "promote", "--target", "tests.pipelines.test_release:killing", "--image", image("two"),
        **{VARIABLE: str(shop.path("target"))},
    )  # fmt: skip
    process.communicate(timeout=HANG)
    assert process.returncode == -signal.SIGKILL
    assert Folder(shop.path("target")).deployed() == image("two")
    assert held(shop)[0].champion().number == 1  # type: ignore[union-attr]
    again = promote(shop, "two")
    assert again.status == 0, again.err
    assert in_production(shop) == (2, 1)


class Killing(Folder):
    """The process that deploys dies when the image is in place."""

    def deploy(self, digest: str) -> None:
        super().deploy(digest)
        os.kill(os.getpid(), signal.SIGKILL)


def killing() -> Any:
    return Killing(Path(os.environ[VARIABLE]))


def test_a_release_with_its_state_in_a_registry_goes_on_from_another_checkout(
    released: Project, tmp_path: Path, oci_registry: Oci
) -> None:
    """As runners do it: each begins with nothing but the commit."""
    first, second = tmp_path / "first", tmp_path / "second"
    runner = {"MAINLINE_STATE": f"{oci_registry.host}/team/{tmp_path.name.replace('_', '-').lower()}"}
    for place in (first, second):
        released.git("clone", "--quiet", str(released.root), str(place))
        shutil.copytree(released.path("target"), place / "target")
    one, two = (Project.at(place) for place in (first, second))
    shutil.rmtree(second / "target")
    (second / "target").symlink_to(first / "target")
    refused = promote(one, "one", **runner)
    assert refused.status == 4
    assert "mainline state init" in refused.err
    assert mainline(one, "state", "init", **runner).status == 0
    assert promote(one, "one", **runner).status == 0
    two.sign()
    change(two, LONGER)
    found = promote(two, "two", **runner)
    assert found.status == 0, found.err
    assert two.verdict["verdict"] in ("no_worse", "better")
    assert two.verdict["baseline"]["commit"] == one.git("rev-parse", "HEAD")
    shown = mainline(one, "audit", **runner)
    assert shown.status == 0, shown.err
    assert shown.out.count(" promoted ") == 2
    states = mainline(two, "state", "list", **runner)
    assert states.out.count("sha256:") == 5
    assert not (first / ".mainline" / "mlflow.db").exists(), "what was made here is in the state, and only there"
