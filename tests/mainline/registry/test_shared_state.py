"""The state in a real OCI registry on the loopback."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import shutil
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mainline.cli import release as releasing
from mainline.errors import ConfigurationError, ExternalError
from mainline.registry import shared_state
from mainline.registry.audit_log import AuditLog, FileEntryStore
from mainline.registry.models import open_registry
from mainline.registry.oci import Manifest, Repository
from mainline.registry.shared_state import Shared, StateMoved
from mainline.registry.snapshot import PLACE, relocate, versions
from mainline.release import promotion
from mainline.release.promotion import ReleaseSession
from mainline.runtime.workspace import Workspace
from tests.bounds import HANG
from tests.folders import Folder
from tests.mainline.releases import image, tags
from tests.servers import Oci, free_port, listening, mlflow_page, oci_registry

__all__ = ["oci_registry"]
pytestmark = pytest.mark.slow


@pytest.fixture
def reference(oci_registry: Oci) -> str:
    return f"{oci_registry.host}/team/{secrets.token_hex(4)}"


def shared(reference: str, folder: Path) -> Shared:
    folder.mkdir(parents=True, exist_ok=True)
    return Shared(Repository(reference), folder)


@pytest.fixture
def begun(reference: str, template: tuple[Path, list[str]], tmp_path: Path) -> Shared:
    """A state with two runs and no version, as somebody on another machine has begun it."""
    return begin(shared(reference, tmp_path / "first"), template)


def begin(made: Shared, template: tuple[Path, list[str]]) -> Shared:

    def fill(store: Path) -> None:
        shutil.copytree(template[0], store, dirs_exist_ok=True)
        relocate(store / "mlflow.db", (template[0] / "artifacts").as_uri(), (store / "artifacts").as_uri())
        log_of(store).write("begun", "a tester", {})

    made.init(fill)
    return made


def log_of(store: Path) -> AuditLog:
    return AuditLog(FileEntryStore(store / "audit.jsonl"), open_registry(store))


def promote(at: Shared, run: str, name: str, save: bool = True) -> None:
    registry = open_registry(at.store)
    release_session = ReleaseSession(registry, log_of(at.store), None, "a tester", at.push if save else lambda: None)
    version = registry.register(run, tags(name))
    promotion.ship(release_session, "promotion", version, None, {"version": version.number})


def test_what_one_machine_promoted_another_finds_with_its_artifacts(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    shutil.rmtree(begun.folder)
    other = shared(reference, tmp_path / "elsewhere" / "deep")
    store = other.pull()
    registry = open_registry(store)
    champion = registry.champion()
    assert champion
    assert champion.number == 1
    assert champion.run_id == template[1][0]
    registry.client.download_artifacts(champion.run_id, "", str(tmp_path))
    import mlflow

    model = mlflow.pyfunc.load_model(f"models:/{registry.name}@champion")
    assert model.predict(["echo"]) == ["echo"]
    assert [each.event for each in log_of(store).entries()] == ["begun", "promoted"]


def test_only_the_artifacts_of_versions_travel(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    store = shared(reference, tmp_path / "other").pull()
    runs = template[1]
    (models,) = {path.name for path in (store / "artifacts" / "models").iterdir()}
    assert versions(store / "mlflow.db") == {1: [runs[0], f"models/{models}"]}
    registry = open_registry(store)
    assert registry.client.get_run(runs[1]).data.tags["number"] == "1", "the run itself is history"


def test_a_machine_leaves_no_path_of_its_own_in_the_state(
    begun: Shared, oci_registry: Oci, template: tuple[Path, list[str]]
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    manifest = begun.repository.manifest("state")
    assert manifest
    (database,) = [each for each in manifest.layers if each["mediaType"].endswith(".db")]
    content = oci_registry.blob(database["digest"]).read_bytes()
    assert PLACE.encode() in content
    assert str(begun.folder).encode() not in content


def test_every_push_is_a_state_that_can_be_restored_and_the_audit_log_goes_on(
    begun: Shared, template: tuple[Path, list[str]]
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    after_one = begun.repository.manifest("state")
    promote(begun, template[1][1], "two")
    assert after_one
    listed = begun.listed()
    assert [each.sequence for each in listed] == [5, 4, 3, 2, 1], "two for each promotion: begun, done"
    assert [each.parent for each in listed] == [*(each.digest for each in listed[1:]), None]
    assert listed[0].current

    def fill(store: Path, lines: list[str]) -> None:
        log = log_of(store)
        log.take_over(lines)
        log.write("restored", "a tester", {})

    begun.restore(after_one.digest, fill)
    registry = open_registry(begun.pull())
    champion = registry.champion()
    assert champion
    assert champion.number == 1
    assert [each.event for each in log_of(begun.store).entries()] == ["begun", "promoted", "promoted", "restored"]
    assert begun.listed()[0].restored == after_one.digest
    assert len(begun.listed()) == 6, "what was there before is still there"


def test_no_state_is_refused_with_the_way_out_and_never_begun_silently(reference: str, tmp_path: Path) -> None:
    empty = shared(reference, tmp_path / "state")
    with pytest.raises(
        ExternalError, match=r"before the first release, run `mainline state init`.*lost.*restore DIGEST"
    ):
        empty.pull()
    assert empty.listed() == []
    assert empty.repository.manifest("state") is None


def test_a_second_beginning_is_refused(begun: Shared) -> None:
    with pytest.raises(ConfigurationError, match="holds 1 states, the last sha256:"):
        begun.init(lambda store: None)


@pytest.mark.parametrize("wrong", ["sha256:" + "0" * 64, "sha256:01e4928d205d"])
def test_a_state_that_is_not_there_is_named(begun: Shared, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=f"has no state {wrong}"):
        begun.restore(wrong, lambda store, lines: None)


@pytest.fixture(scope="module")
def promoted(
    oci_registry: Oci, template: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Manifest, Manifest, Path]:
    """A state before and after a promotion, and where the registry names them; its blobs it has once for all names."""
    place = f"team/{secrets.token_hex(4)}"
    made = begin(shared(f"{oci_registry.host}/{place}", tmp_path_factory.mktemp("promoted")), template)
    first = made.repository.manifest("state")
    made.pull()
    promote(made, template[1][0], "one")
    current = made.repository.manifest("state")
    assert first
    assert current
    return first, current, oci_registry.files / "repositories" / place


def database_of(state: Manifest) -> str:
    (database,) = [each for each in state.layers if each["mediaType"].endswith(".db")]
    return str(database["digest"])


@pytest.mark.parametrize("damage", ["an earlier one", "other bytes", "cut short", "gone"])
@pytest.mark.parametrize("part", ["database", "manifest"])
def test_a_damaged_state_is_refused_by_its_digest_and_an_older_one_can_be_restored(
    promoted: tuple[Manifest, Manifest, Path],
    oci_registry: Oci,
    reference: str,
    tmp_path: Path,
    damage: str,
    part: str,
) -> None:
    first, current, place = promoted
    other = shared(reference, tmp_path / "other")
    shutil.copytree(place, place.parent / reference.rpartition("/")[2])
    blob, earlier = (
        oci_registry.blob(database_of(each) if part == "database" else each.digest) for each in (current, first)
    )
    content = blob.read_bytes()
    damaged = {
        "an earlier one": earlier.read_bytes(),  # whole, and of another state
        "other bytes": content[:-20] + b"x" * 20,
        "cut short": content[: len(content) // 2],
    }
    try:
        if damage == "gone":
            blob.unlink()
        else:
            blob.write_bytes(damaged[damage])
        with pytest.raises(ExternalError, match="state restore DIGEST"):
            other.pull()
        assert first.digest in [each.digest for each in other.listed()]
        other.restore(first.digest, lambda store, lines: log_of(store).take_over(lines))
        assert open_registry(other.pull()).champion() is None
    finally:
        blob.write_bytes(content)


def test_a_push_on_a_state_that_has_moved_is_refused_and_what_is_there_stays(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path
) -> None:
    late = shared(reference, tmp_path / "late")
    late.pull()
    begun.pull()
    promote(begun, template[1][0], "one")
    current = begun.repository.manifest("state")
    with pytest.raises(StateMoved, match="another run has pushed"):
        promote(late, template[1][1], "two")
    assert begun.repository.manifest("state") == current


def test_work_whose_state_has_moved_is_done_again_on_the_new_one(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = shared(reference, tmp_path / "late")
    attempts = []

    def work(store: Path) -> int:
        attempts.append(store)
        if len(attempts) == 1:  # somebody is quicker
            begun.pull()
            promote(begun, template[1][0], "one")
        promote(late, template[1][1], "two")
        return 0

    assert shared_state.on_top(late, work) == 0
    assert len(attempts) == 2
    assert "another run has pushed" in capsys.readouterr().err
    registry = open_registry(begun.pull())
    champion, previous = registry.champion(), registry.previous()
    assert champion
    assert previous
    assert champion.model_digest == tags("two")["model_digest"]
    assert previous.model_digest == tags("one")["model_digest"]


def test_a_rollback_whose_state_has_moved_goes_one_step_back_and_not_two(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    promote(begun, template[1][1], "two")
    push, pushes = Shared.push, []

    def late(at: Shared, restored: str | None = None) -> Manifest:
        pushes.append(at)
        if len(pushes) == 2:  # the rollback is to be put down as ended, and somebody else has just ended it
            other = shared(reference, tmp_path / "other")
            registry = open_registry(other.pull())
            promotion.end_interrupted_release(
                ReleaseSession(registry, log_of(other.store), None, "somebody", other.push)
            )
        return push(at, restored)

    monkeypatch.setattr(Shared, "push", late)
    monkeypatch.setenv("MAINLINE_STATE", reference)
    monkeypatch.chdir(tmp_path)
    assert releasing.rollback_command(argparse.Namespace(version=None, target=None, deployment_approver=None)) == 0
    store = begun.pull()
    champion = open_registry(store).champion()
    assert champion
    assert champion.number == 1
    assert [each.event for each in log_of(store).entries()] == ["begun", "promoted", "promoted", "rolled back"]


@pytest.mark.parametrize("answered", [True, False])
def test_a_release_whose_runner_is_lost_is_ended_from_another(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path, answered: bool
) -> None:
    def session_at(at: Shared) -> ReleaseSession:
        registry = open_registry(at.pull())
        return ReleaseSession(registry, log_of(at.store), target, "a tester", at.push)

    (tmp_path / "target").mkdir()
    target = Folder(tmp_path / "target")
    lost = session_at(begun)
    version = lost.registry.register(template[1][0], tags("one"))
    promotion.begin(lost, "promotion", version, image("one"), None, {"version": version.number})
    if answered:
        target.deploy(image("one"))
    shutil.rmtree(begun.folder)
    other = session_at(shared(reference, tmp_path / "other"))
    ended = promotion.end_interrupted_release(other)
    champion = other.registry.champion()
    if answered:
        assert ended
        assert champion
        assert champion.image == target.deployed() == image("one")
    else:
        assert (ended, champion, target.deployed()) == (None, None, None)
    assert promotion.open_intent(open_registry(shared(reference, tmp_path / "third").pull())) is None


def test_work_that_was_never_pushed_is_no_state(begun: Shared, template: tuple[Path, list[str]]) -> None:
    store = begun.pull()
    begun.mark(clean=False)
    promote(begun, template[1][0], "one", save=False)
    assert open_registry(begun.pull()).champion() is None
    assert begun.store != store
    assert not store.exists()


def test_an_unchanged_copy_is_not_fetched_again(begun: Shared) -> None:
    store = begun.pull()
    assert begun.pull() == store


def test_a_registry_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match=r"the registry 127.0.0.1:\d+ does not answer"):
        shared(f"127.0.0.1:{free_port()}/team/name", tmp_path / "state").pull()


def test_a_registry_that_says_no_is_not_a_registry_without_a_state(begun: Shared, tmp_path: Path) -> None:
    """Behind a proxy that lets nothing but lists through, as a registry whose storage is away."""
    with refusing(begun.repository.host, 503) as host:
        other = shared(begun.repository.reference.replace(begun.repository.host, host), tmp_path / "other")
        said = []
        for ask in (other.pull, other.listed, lambda: other.init(lambda store: None)):
            with pytest.raises(ExternalError, match="the registry returned 503") as raised:
                ask()
            said.append(str(raised.value))
    assert "restore" not in " ".join(said), "an older one would not be answered either"
    with refusing(begun.repository.host, 404) as host:
        other = shared(begun.repository.reference.replace(begun.repository.host, host), tmp_path / "other")
        with pytest.raises(ConfigurationError, match="none can be read"):
            other.init(lambda store: None)


def test_a_state_of_another_kind_is_no_damaged_one(begun: Shared) -> None:
    manifest = begun.repository.manifest("state")
    assert manifest
    newer = {**manifest.content, "artifactType": "application/vnd.mainline.state.v2"}
    begun.repository.put_manifest(["state"], newer)
    with pytest.raises(ConfigurationError, match=r"type is application/vnd\.mainline\.state\.v2.*update this checkout"):
        begun.pull()


@contextlib.contextmanager
def refusing(host: str, status: int) -> Iterator[str]:
    """A registry in front of another, which answers every manifest with this status."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, content = status, b"away"
            if "/manifests/" not in self.path:
                with urllib.request.urlopen(f"http://{host}{self.path}") as answer:
                    code, content = answer.status, answer.read()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *given: object) -> None:
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Proxy)) as address:
        yield address


@pytest.mark.parametrize("wrong", ["name", "team/name", "registry.example/name:tag", "registry.example/"])
def test_a_reference_that_is_no_repository_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a repository"):
        Repository(wrong)


def test_with_a_server_set_nothing_is_pulled(monkeypatch: pytest.MonkeyPatch, reference: str, tmp_path: Path) -> None:
    monkeypatch.setenv("MAINLINE_STATE", reference)
    assert shared_state.shared(Workspace.at(tmp_path)) is not None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert shared_state.shared(Workspace.at(tmp_path)) is None


def test_mlflows_page_opens_over_the_state_in_the_registry(
    begun: Shared, template: tuple[Path, list[str]], reference: str, tmp_path: Path
) -> None:
    begun.pull()
    promote(begun, template[1][0], "one")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    with (
        mlflow_page(checkout, "--remote", MAINLINE_STATE=reference) as address,
        urllib.request.urlopen(f"{address}api/2.0/mlflow/registered-models/get?name=mainline", timeout=HANG) as answer,
    ):
        found = json.load(answer)
    assert found["registered_model"]["aliases"] == [{"alias": "champion", "version": "1"}]
    assert not (checkout / ".mainline" / "mlflow.db").exists()
