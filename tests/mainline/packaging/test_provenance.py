"""Whoever reads the provenance finds the run that built, or that nobody vouches for it."""

from __future__ import annotations

from mainline.packaging import provenance
from mainline.packaging.engine import Engine


def test_a_build_in_a_workflow_names_the_workflow_and_the_run() -> None:
    environment = {
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "team/model",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_WORKFLOW_REF": "team/model/.github/workflows/release.yml@refs/heads/main",
    }
    assert provenance.run(environment) == {
        "builder": {"id": "https://git.example/team/model/.github/workflows/release.yml@refs/heads/main"},
        "metadata": {"invocationId": "https://git.example/team/model/actions/runs/77/attempts/2"},
    }


def test_a_build_on_somebodys_machine_names_nobody() -> None:
    assert provenance.run({}) == {"builder": {"id": "urn:mainline:local"}}


def test_a_statement_has_the_form_of_slsa() -> None:
    base = {"uri": "docker://python:3.11-slim"}
    found = provenance.statement("team/model", f"sha256:{'a' * 64}", {"mainline.model": "b"}, base, [], {})
    assert found["subject"] == [{"name": "team/model", "digest": {"sha256": "a" * 64}}]
    definition = found["predicate"]["buildDefinition"]
    assert set(definition) == {"buildType", "externalParameters", "resolvedDependencies"}
    assert definition["resolvedDependencies"] == [base]


def test_a_base_that_the_engine_cannot_be_asked_for_is_named_without_a_digest() -> None:
    class Without(Engine):
        def image(self, reference: str) -> None:
            return None

    assert provenance.base_of(Without("engine"), "python:3.11-slim") == {"uri": "docker://python:3.11-slim"}
    pinned = provenance.base_of(Without("engine"), f"python:3.11-slim@sha256:{'a' * 64}")
    assert pinned == {"uri": "docker://python:3.11-slim", "digest": {"sha256": "a" * 64}}, "its own name says it"
