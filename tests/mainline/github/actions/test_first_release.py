"""The state of the first release: begun where nothing says that there ever was one, and nowhere else."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from mlflow.store.db import utils

from mainline.errors import ConfigurationError, ExternalError
from mainline.github.actions import first_release
from mainline.github.client import GitHub
from mainline.registry import audit_log, shared_state, store_upgrade
from mainline.registry.oci import Manifest, Repository
from mainline.release import session
from mainline.release.promotion import ReleaseSession
from mainline.release.targets.registry_tag import TagTarget
from mainline.runtime.workspace import Workspace
from tests import warm
from tests.github.double import GitHubDouble
from tests.github.fixture import github
from tests.servers import Oci, oci_registry

__all__ = ["github", "oci_registry"]
pytestmark = pytest.mark.slow


class Place:
    """A repository that could release, on both sides."""

    def __init__(self, folder: Path, github: GitHubDouble, registry: Oci) -> None:
        self.workspace = Workspace.at(folder)
        self.repository = github.repository("team/model")
        self.client = GitHub.from_environment(github.environment(self.repository))
        self.name = f"{registry.host}/team/{secrets.token_hex(4)}"
        self.state = Repository(f"{self.name}/state")

    def begin(self, anew: bool = False) -> str:
        return first_release.begin(self.workspace, self.client, anew)

    def audit(self, state: Manifest) -> list[str]:
        return shared_state.needed(self.workspace).audit_lines(state)

    def put(self, repository: Repository, folder: Path, tag: str) -> str:
        (folder / "blob").write_bytes(b"content")
        layer = repository.put_blob(folder / "blob", "application/octet-stream")
        return repository.put_manifest([tag], {"schemaVersion": 2, "config": layer, "layers": [layer]}).digest


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A new store of MLflow: its tables are made once for all states that are begun here."""
    database = tmp_path_factory.mktemp("empty") / "mlflow.db"
    store_upgrade.create(database)
    return str(database)


@pytest.fixture
def place(
    github: GitHubDouble, oci_registry: Oci, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    made = Place(tmp_path, github, oci_registry)
    monkeypatch.setattr(utils, "_initialize_tables", warm.copying(empty, utils._initialize_tables))
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.test")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/model")
    monkeypatch.setenv("MAINLINE_STATE", made.state.reference)
    monkeypatch.setenv("MAINLINE_IMAGE", f"{made.name}/image")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made


def test_it_is_begun_once_and_what_was_damaged_since_is_named_with_the_way_out(place: Place, oci_registry: Oci) -> None:
    assert "as sha256:" in place.begin()
    begun = place.state.manifest("state")
    assert begun
    assert begun.annotations["org.opencontainers.image.source"] == "https://github.test/team/model"
    assert place.begin() == f"the state at {place.state.reference} exists"
    kept = place.state.manifest("state")
    assert kept == begun
    assert kept
    path = place.state.reference.partition("/")[2]
    link = oci_registry.files / "repositories" / path / "_manifests" / "tags" / "state" / "current" / "link"
    here = link.read_text()
    link.unlink()
    link.parent.rmdir()
    with pytest.raises(ExternalError, match="`mainline state list` shows what is left"):
        place.begin(anew=True)
    link.parent.mkdir()
    link.write_text(here)
    oci_registry.blob(kept.digest).write_bytes(b"{")
    with pytest.raises(ExternalError):
        place.begin(anew=True)


def test_where_something_was_released_a_missing_state_is_lost_and_not_begun(place: Place, tmp_path: Path) -> None:
    place.repository.refs["tags/model-v3"] = place.repository.refs["heads/main"]
    with pytest.raises(ExternalError, match=r"released before: the tag model-v3\. Check whether MAINLINE_STATE"):
        place.begin()
    del place.repository.refs["tags/model-v3"]
    image = Repository(f"{place.name}/image")
    TagTarget(image).deploy(place.put(image, tmp_path, "built"))
    with pytest.raises(ExternalError, match=f"released before: the image {image.reference}:production"):
        place.begin()
    assert place.state.manifest("state") is None
    assert "as sha256:" in place.begin(anew=True), "somebody has said that it is lost"


def test_who_asks_begins_anew_and_the_former_state_is_kept_and_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    place.begin()
    former = place.state.manifest("state")
    assert former
    place.repository.refs["tags/model-v9"] = place.repository.refs["tags/model-v10"] = "1" * 40
    monkeypatch.setenv("GITHUB_RUN_ID", "2")
    said = place.begin(anew=True)
    store = shared_state.needed(place.workspace).pull()
    registry, log = session.open_registry_and_log(store)
    (begun,) = log.entries()
    assert (begun.event, begun.details["former_state"]) == ("begun", former.digest)
    assert begun.details["former_log"] == json.loads(place.audit(former)[-1])["hash"]
    kept = place.state.manifest(begun.details["former_tag"])
    assert kept
    assert kept.digest == former.digest
    assert begun.details["former_tag"] in said
    assert begun.details["former_tag"] in begun.details["reason"] in audit_log.table([begun])
    assert registry.champion() is None
    run = registry.client.create_run("0").info.run_id
    made = registry.client.create_model_version(registry.name, "file:///none", run)
    assert int(made.version) == 11, "tags and pages of the former releases stay what they are"


def test_the_same_run_again_does_not_begin_a_second_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    place.begin()
    monkeypatch.setenv("GITHUB_RUN_ID", "2")
    place.begin(anew=True)
    first = place.state.manifest("state")
    assert place.begin(anew=True) == f"this run has already begun the state at {place.state.reference}"
    assert place.state.manifest("state") == first


def test_a_state_that_was_lost_is_begun_with_the_number_after_the_last_page(place: Place) -> None:
    place.repository.refs["tags/model-v3"] = place.repository.refs["heads/main"]
    place.begin(anew=True)
    registry, _ = session.open_registry_and_log(shared_state.needed(place.workspace).pull())
    run = registry.client.create_run("0").info.run_id
    assert int(registry.client.create_model_version(registry.name, "file:///none", run).version) == 4
    assert [each.number for each in registry.versions()] == [4]


def test_the_job_that_trains_begins_in_a_folder_and_the_registry_stays_as_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    here = session.begun(place.workspace)
    place.repository.refs["tags/model-v3"] = place.repository.refs["heads/main"]
    with pytest.raises(ExternalError, match="released before: the tag model-v3"):
        first_release.begin_here(place.workspace, place.client, anew=False)
    assert not here.exists(), "a lost state is not begun there either"
    said = first_release.begin_here(place.workspace, place.client, anew=True)
    assert "nowhere else before the release is approved" in said
    assert place.state.tags() == []
    _, log = session.open_registry_and_log(here)
    assert [each.event for each in log.entries()] == ["begun"]

    # What a session that only reads writes stays in that folder, or in the copy of the state.
    def work(workspace: Workspace, store: Path, held: ReleaseSession) -> int:
        assert store == here or store.parent.name == "shared"
        held.log.write("refused", "anna", {"reason": "margin"})
        held.save()
        return 0

    monkeypatch.chdir(place.workspace.root)
    assert session.in_release_session("none", work, reads_only=True) == 0
    assert place.state.tags() == []
    place.begin(anew=True)
    current = place.state.manifest("state")
    assert first_release.begin_here(place.workspace, place.client, anew=False).endswith(" exists")
    assert not here.exists(), "the state is there: it is pulled"
    assert session.in_release_session("none", work, reads_only=True) == 0
    assert place.state.manifest("state") == current


def test_a_registry_that_does_not_say_whether_there_is_a_state_stops_no_first_release(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that may only read, and a package that does not exist: what is answered then, no description says."""
    monkeypatch.setenv("MAINLINE_STATE", "127.0.0.1:1/team/state")
    first_release.begin_here(place.workspace, place.client, anew=False)
    assert "::notice title=The state cannot be read::" in capsys.readouterr().out
    place.repository.refs["tags/model-v3"] = place.repository.refs["heads/main"]
    with pytest.raises(ExternalError, match="does not answer"):
        first_release.begin_here(place.workspace, place.client, anew=False)


def test_with_a_server_there_is_nothing_to_begin(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert place.begin() == "the state is that of the MLflow server"
    assert place.state.manifest("state") is None
    with pytest.raises(ConfigurationError, match="MAINLINE_MODEL_NAME"):
        place.begin(anew=True)
