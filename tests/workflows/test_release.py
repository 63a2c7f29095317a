"""release.yml and rollback.yml themselves, run by act: a registry behind a login, an engine, GitHub's double."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mainline.packaging.engine import Engine
from tests.container.conftest import base_image, docker
from tests.github.double import running
from tests.github.faults import Fault
from tests.projects import TOP
from tests.servers import REGISTRY_LOGIN, Oci, locked_registry
from tests.workflows import events
from tests.workflows.act import Ran, triggers
from tests.workflows.shipping import Shipping

__all__ = ["docker", "locked_registry"]
pytestmark = pytest.mark.slow

RELEASE = TOP / ".github" / "workflows" / "release.yml"
MORE, LESS = "numeric: [minutes, pages]", "numeric: [pages]"
LEAD = "  lead: {by: [shop], metric: roc_auc, at_least: 0.02}\n"  # the first model has hardly any
NAMES = ("MAINLINE_REGISTRY_USERNAME", "MAINLINE_REGISTRY_PASSWORD")


@pytest.fixture(scope="module")
def shipping(docker: Engine, locked_registry: Oci, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipping]:
    """A repository that has never released anything, and whose first model could be better."""
    base_image(docker)
    before = {name: os.environ.get(name) for name in NAMES}
    os.environ |= dict(zip(NAMES, REGISTRY_LOGIN, strict=True))  # the test's own looks into the registry
    try:
        with running() as github:
            made = Shipping(tmp_path_factory.mktemp("shipping"), github, locked_registry)
            made.shop.edit("params.yaml", (MORE, LESS), (LEAD, ""))
            yield made
            assert github.problems == [], "GitHub would not have it"
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def test_a_merge_ships_a_worse_model_does_not_and_production_returns_in_one_step(shipping: Shipping) -> None:
    """One story, since each of its steps needs the one before."""
    first = shipping.merge("The first model")
    ran = shipping.run(first)
    assert ran.status == 0, ran.log
    assert "the first release is started manually" in ran.log
    assert not deployed(ran)
    assert not shipping.pages

    by_hand = events.dispatch(shipping.stage.origin)
    shipping.github.faults.append(Fault(422, method="POST", path="/releases", body={"message": "Not today"}))
    ran = shipping.run(by_hand)
    assert ran.status != 0, "it is in production, and its page could not be made"
    assert "as sha256:" in ran.log
    assert shipping.events == ["begun", "staged", "deployed", "promoted"]
    assert not shipping.pages
    assert {"candidate-1.zip", "report.html"} <= {*ran.names}, "for who approves the deployment"

    # Run again, it is the same version: nothing is built, deployed or written down twice.
    ran = shipping.run(by_hand)
    assert ran.status == 0, ran.log
    assert "version 1 is the champion" in ran.log
    assert shipping.events == ["begun", "staged", "deployed", "promoted"]
    (one,) = shipping.pages.values()
    assert shipping.in_production
    assert f"{shipping.place.lower()}/image@{shipping.in_production}" in one["body"]
    kinds = [line.split()[0] for line in shipping.attested]
    assert kinds == ["provenance", "CycloneDX", "provenance", "provenance", "provenance"], "the bill where it was built"
    assert shipping.in_production in shipping.attested[0]
    assert REGISTRY_LOGIN[1] not in ran.log
    image_one = shipping.in_production

    # Its push once more, as by “Re-run all jobs”: there is nothing left to do.
    ran = shipping.run(first)
    assert ran.status == 0, ran.log
    assert "Nothing to release" in ran.log
    assert not deployed(ran)
    attested = shipping.attested

    # A better one, in a private repository of a plan without attestations.
    shipping.shop.edit("params.yaml", (LESS, MORE))
    second = shipping.merge("A better model", approver="anna")
    deployment = shipping.repository.run(event="push", sha=second.sha)["id"]
    shipping.repository.reviewed(deployment, "approved", "zoe")
    ran = shipping.run(second, private=True, run=str(deployment), REHEARSAL_PLAN="free")
    assert ran.status == 0, ran.log
    assert "::notice title=Not attested::" in ran.log
    assert shipping.attested == attested, "none for this one"
    assert shipping.shown_first == "model-v2"
    assert "| approved by | `anna` |" in shipping.pages["model-v2"]["body"]
    promoted = shipping.entries[-1]
    assert promoted["event"] == "promoted"
    assert (promoted["approver"], promoted["deployment_approver"]) == ("anna", "zoe")
    assert "| deployment approved by | `zoe` |" in shipping.pages["model-v2"]["body"]
    assert promoted["verdict"] == "better"
    image_two = shipping.in_production
    assert promoted["image_digest"] == image_two != image_one

    # Words and workflows release nothing; what is released stays where no workflow's token may set a tag any more.
    shipping.shop.write("docs/page.md", "# A page\n")
    shipping.shop.edit(".github/workflows/security.yml", ("name: security", "name: security # moved by Dependabot"))
    ran = shipping.run(shipping.merge("Words"))
    assert ran.status == 0, ran.log
    assert "nothing that differs from model-v2 can change the model or its image" in ran.log
    assert not deployed(ran)

    # A worse one is red, and production is as it was.
    shipping.shop.edit("params.yaml", (MORE, LESS))
    ran = shipping.run(shipping.merge("A worse model"))
    assert ran.status != 0
    assert not deployed(ran)
    assert shipping.events[-1] == "refused"
    assert shipping.in_production == image_two
    assert list(shipping.pages) == ["model-v1", "model-v2"]
    assert f"candidate-{1}.zip" in ran.names, "the report is left"

    # Back, by a wrong number and a rude one, and then by none.
    for number in ("7", "$(touch pwned)`touch pwned`"):
        ran = shipping.rollback(number)
        assert ran.status != 0
        assert shipping.in_production == image_two
    assert not list(shipping.stage.rehearsal.folder.rglob("pwned"))
    ran = shipping.rollback()
    assert ran.status == 0, ran.log
    assert shipping.in_production == image_one
    assert shipping.shown_first == "model-v1"
    assert shipping.events[-2:] == ["deployed", "rolled back"]

    # Running the better model's release again does not undo that.
    ran = shipping.run(second)
    assert ran.status == 0, ran.log
    assert shipping.in_production == image_one

    # Where the state is gone, nothing is begun anew by itself.
    ran = shipping.run(events.dispatch(shipping.stage.origin), settings={"MAINLINE_STATE": f"{shipping.place}/other"})
    assert ran.status != 0
    assert "but something was released before: the tag model-v" in ran.log


def deployed(ran: Ran) -> bool:
    return "[release/deploy" in ran.log


def test_a_branch_releases_nothing(shipping: Shipping) -> None:
    assert triggers(RELEASE, events.push(shipping.stage.origin, "main", "0" * 40))
    shipping.shop.git("checkout", "--quiet", "-b", "branch")
    shipping.stage.push()
    shipping.shop.git("checkout", "--quiet", "main")
    ran = shipping.run(events.dispatch(shipping.stage.origin, "branch"))
    assert ran.status == 0, ran.log
    assert "make" not in ran.log
