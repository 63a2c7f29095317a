"""Three models in one repository: release.yml and rollback.yml of one leave the others as they are; run by act."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mainline.packaging.engine import Engine
from mainline.registry.oci import MANIFESTS, Repository, sha256
from tests import several
from tests.container.conftest import SMALL_STAGE, base_image, docker
from tests.github.double import running
from tests.servers import REGISTRY_LOGIN, Oci, locked_registry
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.shipping import Shipping

__all__ = ["docker", "locked_registry"]
pytestmark = pytest.mark.slow

SEVERAL = {"MAINLINE_SEVERAL": "true"}  # the repository's variable


@pytest.fixture(scope="module")
def shipping(docker: Engine, locked_registry: Oci, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipping]:
    base_image(docker)
    with running() as github, pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("USERNAME", "PASSWORD"), REGISTRY_LOGIN, strict=True):
            patch.setenv(f"MAINLINE_REGISTRY_{name}", value)  # the test's own looks into the registry
        made = Shipping(tmp_path_factory.mktemp("several"), github, locked_registry)
        made.shop.write("data/expectations/visits.yaml", several.WINE_SUITE.replace("bottle", "visit"))
        several.add(made.shop)
        for name in ("churn", "wine"):
            settings = made.shop.path(f"models/{name}/params.yaml")
            settings.write_text(settings.read_text() + SMALL_STAGE)
        made.begin()
        yield made
        assert github.problems == []


def in_production(shipping: Shipping) -> dict[str, str | None]:
    """The digest behind the tag `production` of each model."""
    found = {}
    for name in ("", "churn", "wine"):
        answer = Repository(f"{shipping.place}/image/{name}".lower().rstrip("/")).ask(
            "GET", "manifests/production", accept=MANIFESTS
        )
        found[name] = None if answer is None else sha256(answer.content)
    return found


def released(shipping: Shipping, model: str) -> Ran:
    return shipping.run(events.dispatch(shipping.stage.origin, model=model), settings=SEVERAL)


def test_releases_and_a_rollback_of_one_leave_the_others_alone(shipping: Shipping) -> None:
    for model in ("wine", "churn"):
        before = in_production(shipping)
        ran = released(shipping, model)
        assert ran.status == 0, ran.log
        after = in_production(shipping)
        assert {name for name in after if after[name] != before[name]} == {model}
    assert set(shipping.pages) == {"wine-v1", "churn-v1"}
    first = in_production(shipping)

    # A push that touches one of them releases that one; the model at the top was never released, and waits.
    shipping.shop.edit("models/churn/params.yaml", ("params: {C: 1.0}", "params: {C: 0.9}"))
    ran = shipping.run(shipping.merge("Churn, a little weaker"), settings=SEVERAL)
    assert ran.status == 0, ran.log
    second = in_production(shipping)
    assert {name for name in second if second[name] != first[name]} == {"churn"}
    assert second[""] is None
    assert set(shipping.pages) == {"wine-v1", "churn-v1", "churn-v2"}

    ran = shipping.run(
        events.dispatch(shipping.stage.origin, model="churn", version=""), "rollback.yml", settings=SEVERAL
    )
    assert ran.status == 0, ran.log
    assert in_production(shipping) == first
    assert shipping.shown_first is None, "GitHub shows one release first, and these are of several models"
