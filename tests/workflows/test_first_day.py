"""`docs/first-day.md`, followed in act from “Use this template” to the first rollback: release.yml and the others.

On GitHub's side its double; a registry behind a login, and an engine. What the page says is compared with what is seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from mainline.packaging.engine import Engine
from tests.container.conftest import base_image, docker
from tests.github.double import running
from tests.github.faults import Fault
from tests.mainline.github.doctor.forks import doctor
from tests.projects import TOP
from tests.servers import REGISTRY_LOGIN, Oci, locked_registry
from tests.workflows import events, first_day
from tests.workflows.act import Ran, triggers
from tests.workflows.conversation import Conversation, Values
from tests.workflows.first_day import agrees, shown, step, tables
from tests.workflows.shipping import Shipping
from tests.workflows.stage import environment

__all__ = ["docker", "locked_registry"]
pytestmark = pytest.mark.slow

RELEASE = TOP / ".github" / "workflows" / "release.yml"
MORE, LESS = "numeric: [minutes, pages]", "numeric: [pages]"
NAMES = ("MAINLINE_REGISTRY_USERNAME", "MAINLINE_REGISTRY_PASSWORD")


@pytest.fixture(scope="module")
def shipping(docker: Engine, locked_registry: Oci, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipping]:
    """A repository as the template made it; its sources hold two weeks more than its settings use."""
    base_image(docker)
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ |= dict(zip(NAMES, REGISTRY_LOGIN, strict=True))  # the test's own looks into the registry
    try:
        with running() as github:
            made = Shipping(tmp_path_factory.mktemp("shipping"), github, locked_registry)
            made.shop.edit("params.yaml", ("until: 2026-03-02", "until: 2026-02-16"))
            yield made
            assert github.problems == [], "GitHub would not have it"
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def test_the_first_day_is_as_its_page_says(shipping: Shipping) -> None:
    """One story, since each of its steps needs the one before."""
    the_repository_is_there(shipping)
    the_settings(shipping)
    pull = the_first_pull_request(shipping)
    image_one = the_first_release(shipping)
    second = the_first_retraining(shipping)
    what_releases_nothing(shipping)
    the_first_rollback(shipping, pull, image_one, second)
    a_lost_state_is_no_first_release(shipping)


def the_repository_is_there(shipping: Shipping) -> None:
    _, pushed, scheduled = tables(step(1))
    assert {*pushed} == {*first_day.started_by("push")}
    times = first_day.started_by("schedule")
    assert {name: says.partition(" |")[0][-5:] for name, says in scheduled.items()} == times
    first = shipping.begin()
    ran = shipping.run(first, "review.yml")
    agrees(pushed["review"], ran)
    ran = shipping.run(first)
    agrees(pushed["release"], ran)
    assert "the first release is started manually" in ran.log
    assert not deployed(ran)
    assert not shipping.pages

    clock = events.schedule(shipping.stage.origin)
    ran = shipping.run(clock, "monitor.yml")
    agrees(scheduled["monitor"], ran)
    assert "./.github/actions/setup" not in ran.log, "nothing is installed for that"
    assert shipping.issues == []
    ran = shipping.run(clock, "retrain.yml")
    agrees(scheduled["retrain"], ran)
    (issue,) = shipping.issues
    assert "/compare/main...retrain/2026-03-02?expand=1" in issue["body"], "the link"
    assert all(words in issue["body"] for words in shown(scheduled["retrain"])), "and the click"
    assert not shipping.repository.pulls


def the_settings(shipping: Shipping) -> None:
    """Turned on by the one command; the page says which, and so does the doctor."""
    repository = shipping.repository
    given = {"GITHUB_API_URL": shipping.github.api, "GITHUB_REPOSITORY": repository.full_name}
    token = shipping.github.token("admin", repository.owner)
    turned_on = doctor(shipping.shop.root, "--fix", GITHUB_TOKEN=token, **given).stdout
    says = step(2).partition("turns on what your token permits: ")[2].partition(". Then")[0]
    lines = {"the dependency graph": "dependency graph", "pull requests by Actions": "pull requests by Actions"}
    lines |= {"the rules of `main`": "branch rules"}
    lines |= {"the environment `production` with you as its reviewer": "environment"}
    for named, line in lines.items():
        assert named in says
        assert re.search(rf"✓ {line} +turned on now", turned_on), turned_on
    assert f"production waits for {repository.owner}" in turned_on


def the_first_pull_request(shipping: Shipping) -> Values:
    """A report as a comment, red for a worse model, and merged in the end."""
    setting = re.search(r"Change `(\w+): ", step(3))
    assert setting
    shop = shipping.stage.branch("change")
    conversation = Conversation(
        shipping.github, shipping.stage.rehearsal, shop.root, REHEARSAL_ENVIRONMENT=environment()
    )
    shop.edit("params.yaml", (MORE, LESS))
    run, ran = conversation.reviewed()
    assert ran.status != 0, "red if the model is worse"
    ran = conversation.woken(run)
    assert ran.status == 0, ran.log
    (comment,) = conversation.comments
    assert "Failed: " in comment
    assert "CML would use https://api.github.com, but the API is at" in ran.log, "on GitHub it is that one"

    shop.edit("params.yaml", (LESS, MORE), (f"{setting[1]}: 30", f"{setting[1]}: 25"))
    run, ran = conversation.reviewed()
    assert ran.status == 0, ran.log
    assert conversation.woken(run).status == 0
    (comment,) = conversation.comments
    assert "Passed: no worse than main" in comment
    assert "Failed" not in comment
    assert run["head_sha"][:7] in comment
    shop.git("checkout", "--quiet", "main")
    shop.git("merge", "--quiet", "change")
    ran = shipping.run(shipping.merge("Fewer iterations", pull=conversation.pull))
    assert ran.status == 0, ran.log
    assert "the first release is started manually" in ran.log
    assert conversation.pull
    return conversation.pull


def the_first_release(shipping: Shipping) -> str:
    """By hand. Its page cannot be made at first; run again, it is the same version."""
    (jobs,) = tables(step(4))
    first = events.dispatch(shipping.stage.origin)
    shipping.github.faults.append(Fault(422, method="POST", path="/releases", body={"message": "Not today"}))
    ran = shipping.run(first)
    assert ran.status != 0, "it is in production, and its page could not be made"
    assert {job for job in jobs if re.search(rf"\[[\w/-]+/{job}\b", ran.log)} == {*jobs}, ran.log
    assert "**Version 1** is ready to be deployed" in ran.log, "the verdict on the run's page"
    reads = re.findall(r"\[[\w/-]*?(\w+)\s*\].*: logged in as reader", ran.log)
    assert {*reads} == {"candidate"}, "what runs the project's code reads the registry, and no more"
    assert shipping.events == ["begun", "staged", "deployed", "promoted"]
    assert not shipping.pages
    assert {"candidate-1.zip", "report.html"} <= {*ran.names}, "for who approves the deployment"

    ran = shipping.run(first)
    assert ran.status == 0, ran.log
    assert "version 1 is the champion" in ran.log
    assert shipping.events == ["begun", "staged", "deployed", "promoted"], "nothing is built or written down twice"
    (one,) = shipping.pages.values()
    assert f"**Releases → {one['name']}**" in jobs["deploy"]
    assert shipping.in_production, "the tag `production` of the image"
    assert f"{shipping.place.lower()}/image@{shipping.in_production}" in one["body"]
    kinds = [line.split()[0] for line in shipping.attested]
    assert kinds == ["provenance", "CycloneDX", "provenance", "provenance", "provenance"], "the bill where it was built"
    assert shipping.in_production in shipping.attested[0]
    assert REGISTRY_LOGIN[1] not in ran.log

    # Its push once more, as by “Re-run all jobs”: there is nothing left to do.
    ran = shipping.run(shipping.stage.push())
    assert ran.status == 0, ran.log
    assert "Nothing to release" in step(4)
    assert "Nothing to release" in ran.log
    assert not deployed(ran)

    # There is no version before the first.
    ran = shipping.rollback()
    assert ran.status != 0
    (said,) = re.findall(r"there is no previous version to return to", step(6))
    assert said in ran.log
    return shipping.in_production


def the_first_retraining(shipping: Shipping) -> events.Event:
    """The workflow's own pull request, merged like any other; the release follows."""
    ran = shipping.run(events.schedule(shipping.stage.origin), "retrain.yml")
    assert ran.status == 0, ran.log
    assert shipping.issues[0]["state"] == "closed"
    pull = shipping.repository.pulls[max(shipping.repository.pulls)]
    title, *_ = shown(step(5))
    assert pull["title"] == title.replace("…", "2026-03-02")
    settings = shipping.shop.path("params.yaml")
    after = shipping.repository.trees[pull["head"]["sha"]]["params.yaml"]
    assert after == settings.read_bytes().replace(b"2026-02-16", b"2026-03-02"), "one changed date"
    assert "ROC AUC" in pull["body"], "the report of the job that trained"
    assert "no baseline" not in pull["body"]
    (click,) = re.findall(r"\*\*(Approve .*?)\*\*", step(5))
    assert f"**{click}**" in pull["body"]

    # In a private repository of a plan without attestations.
    attested = shipping.attested
    settings.write_bytes(after)
    second = shipping.merge(pull["title"], pull=pull, approver="anna")
    deployment = shipping.repository.run(event="push", sha=second.sha)["id"]
    shipping.repository.reviewed(deployment, "approved", "zoe")
    ran = shipping.run(second, private=True, run=str(deployment), REHEARSAL_PLAN="free")
    assert ran.status == 0, ran.log
    (words,) = shown(tables(step(4))[0]["attest"])
    assert f"::notice title={words}::" in ran.log
    assert shipping.attested == attested, "none for this one"
    assert shipping.shown_first == "model-v2"
    assert "| approved by | `anna` |" in shipping.pages["model-v2"]["body"]
    assert "| deployment approved by | `zoe` |" in shipping.pages["model-v2"]["body"]
    promoted = shipping.entries[-1]
    assert promoted["event"] == "promoted"
    assert (promoted["approver"], promoted["deployment_approver"]) == ("anna", "zoe")
    assert promoted["verdict"] == "better"
    assert promoted["image_digest"] == shipping.in_production
    return second


def what_releases_nothing(shipping: Shipping) -> None:
    """Words and workflows; what is released stays where no workflow's token may set a tag any more. A worse model."""
    before = shipping.in_production
    shipping.shop.write("docs/page.md", "# A page\n")
    shipping.shop.edit(".github/workflows/security.yml", ("name: security", "name: security # moved by Dependabot"))
    ran = shipping.run(shipping.merge("Words"))
    assert ran.status == 0, ran.log
    assert "nothing that differs from model-v2 can change the model or its image" in ran.log
    assert not deployed(ran)
    shipping.shop.edit("params.yaml", (MORE, LESS))
    ran = shipping.run(shipping.merge("A worse model"))
    assert ran.status != 0
    assert not deployed(ran)
    assert shipping.events[-1] == "refused"
    assert shipping.in_production == before
    assert list(shipping.pages) == ["model-v1", "model-v2"]
    assert "candidate-1.zip" in ran.names, "the report is left"


def the_first_rollback(shipping: Shipping, pull: Values, image_one: str, second: events.Event) -> None:
    """By a wrong number and a rude one, and then by a comment."""
    before = shipping.in_production
    for number in ("7", "$(touch pwned)`touch pwned`"):
        ran = shipping.rollback(number)
        assert ran.status != 0
        assert shipping.in_production == before != image_one
    assert not list(shipping.stage.rehearsal.folder.rglob("pwned"))
    (command,) = re.findall(r"the comment `(.*?)`", step(6))
    shipping.repository.collaborators["anna"] = "write"
    shipping.repository.workflow(".github/workflows/rollback.yml", "rollback")
    comment = shipping.repository.comment(pull["number"], command, "anna")
    ran = shipping.run(events.issue_comment(shipping.stage.origin, comment, pull), "commands.yml")
    assert ran.status == 0, ran.log
    started = shipping.repository.runs[max(shipping.repository.runs)]
    assert (started["name"], started["event"]) == ("rollback", "workflow_dispatch")
    ran = shipping.rollback(**shipping.repository.inputs[started["id"]])
    assert ran.status == 0, ran.log
    assert shipping.in_production == image_one
    assert shipping.shown_first == "model-v1"
    assert shipping.events[-2:] == ["deployed", "rolled back"]

    # Running the retraining's release again does not undo that.
    ran = shipping.run(second)
    assert ran.status == 0, ran.log
    assert shipping.in_production == image_one


def a_lost_state_is_no_first_release(shipping: Shipping) -> None:
    """Where the state is gone, nothing is begun anew by itself."""
    ran = shipping.run(events.dispatch(shipping.stage.origin), settings={"MAINLINE_STATE": f"{shipping.place}/other"})
    assert ran.status != 0
    assert "but something was released before: the tag model-v" in ran.log


def deployed(ran: Ran) -> bool:
    return re.search(r"\[[\w/-]+/deploy\b", ran.log) is not None


def test_a_branch_releases_nothing(shipping: Shipping) -> None:
    assert triggers(RELEASE, events.push(shipping.stage.origin, "main", "0" * 40))
    shipping.shop.git("checkout", "--quiet", "-b", "branch")
    shipping.stage.push()
    shipping.shop.git("checkout", "--quiet", "main")
    ran = shipping.run(events.dispatch(shipping.stage.origin, "branch"))
    assert ran.status == 0, ran.log
    assert "make" not in ran.log
