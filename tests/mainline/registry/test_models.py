"""The registry in an embedded store, and on a team's server with PostgreSQL and authentication."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import mlflow.store.db_migrations
import pytest

from mainline.errors import ConfigurationError, ExternalError, Refused
from mainline.evaluation.results import Interval
from mainline.registry import models, store_upgrade
from mainline.registry import runs as tracking
from mainline.registry.models import Registry, Version, open_registry
from mainline.release import promotion, session
from mainline.release.promotion import ReleaseSession
from mainline.training.facts import facts_to_json
from mainline.training.record import Record
from tests import warm
from tests.folders import Folder
from tests.mainline.facts import facts
from tests.mainline.releases import Echo, copied, image, tags
from tests.servers import mlflow_server, postgresql

__all__ = ["mlflow_server", "postgresql"]
pytestmark = pytest.mark.slow


@pytest.fixture
def held(template: tuple[Path, list[str]], tmp_path: Path) -> Registry:
    return open_registry(copied(template[0], tmp_path / "store"))


@pytest.fixture
def runs(template: tuple[Path, list[str]]) -> list[str]:
    return template[1]


def test_a_model_is_one_version_however_often_it_is_registered(held: Registry, runs: list[str]) -> None:
    first = held.register(runs[0], tags("one"))
    assert held.register(runs[0], tags("one")).number == first.number
    assert held.register(runs[1], tags("one")).number == first.number, "the same model of another run"
    assert held.register(runs[1], tags("two")).number == 2
    assert [each.number for each in held.versions()] == [1, 2]
    assert held.at(1).tags == tags("one")
    assert held.at(1).run_id == runs[0]


def test_a_version_that_was_never_released_says_who_let_this_attempt_through(held: Registry, runs: list[str]) -> None:
    held.register(runs[0], {**tags("one"), "pull_request": "7", "approver": "anna", "verdict": "no_worse"})
    held.register(runs[0], {**tags("one"), "commit": "pushed past every review", "verdict": "better"})
    assert held.at(1).tags == {**tags("one"), "commit": "pushed past every review", "verdict": "better"}
    held.tag(1, "released", "now")
    held.register(runs[0], {**tags("one"), "pull_request": "9", "approver": "zoe"})
    assert "approver" not in held.at(1).tags, "a released one is what it was released as"


def test_a_model_that_another_registers_at_the_same_moment_is_one_version(
    held: Registry, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Registry(held.client, held.name)
    search = held.client.search_logged_models

    def slow(*given: object, **named: object) -> object:
        monkeypatch.undo()
        other.register(runs[1], tags("one"))
        return search(*given, **named)

    monkeypatch.setattr(held.client, "search_logged_models", slow)
    assert held.register(runs[0], tags("one")).run_id == runs[1]
    assert [each.number for each in held.versions()] == [1]


def test_aliases_are_where_they_were_put(held: Registry, runs: list[str]) -> None:
    assert held.champion() is None
    held.register(runs[0], tags("one"))
    held.register(runs[1], tags("two"))
    held.crown(2, 1)
    assert (held.champion(), held.previous()) == (held.at(2), held.at(1))
    held.crown(1, None)
    assert (held.champion(), held.previous()) == (held.at(1), None)


def test_a_version_that_somebody_else_made_is_no_obstacle(held: Registry, runs: list[str]) -> None:
    held.client.create_model_version(held.name, f"runs:/{runs[0]}/elsewhere", await_creation_for=0)
    assert held.at(1) == Version(1)
    assert held.register(runs[0], tags("one")).number == 2


def test_a_run_without_a_model_is_named(held: Registry) -> None:
    experiment = held.client.get_experiment_by_name("mainline").experiment_id
    run = held.client.create_run(experiment)
    with pytest.raises(ExternalError, match=f"run {run.info.run_id} contains no model"):
        held.register(run.info.run_id, tags("one"))


def test_a_note_that_is_none_of_ours_is_not_believed(held: Registry) -> None:
    held.client.set_registered_model_tag(held.name, "release.intent", "half a {")
    with pytest.raises(ExternalError, match=r"release\.intent .* was not written by Mainline"):
        promotion.open_intent(held)


def test_a_record_is_fetched_whole_from_its_run_and_held_against_its_digest(
    held: Registry, runs: list[str], tmp_path: Path
) -> None:
    pickled = b"\x80\x05N."
    kept = tmp_path / "kept"
    kept.mkdir()
    fingerprint, digest = "f" * 64, hashlib.sha256(pickled).hexdigest()
    (kept / "model.pkl").write_bytes(pickled)
    (kept / "record.json").write_text(facts_to_json(facts(digest, fingerprint=fingerprint)))
    held.client.log_artifacts(runs[0], str(kept), "record")
    version = held.register(runs[0], {"fingerprint": fingerprint, "model_digest": digest})
    found = held.record_of(version, tmp_path / "records")
    assert found.path == tmp_path / "records" / fingerprint
    assert sorted(path.name for path in found.path.iterdir()) == ["model.pkl", "record.json"]
    assert found.model() is None
    assert isinstance(held.record_of(version, tmp_path / "records"), Record)
    other = held.register(runs[1], {"fingerprint": fingerprint, "model_digest": "0" * 64})
    with pytest.raises(ExternalError, match="does not contain the model of version 2"):
        held.record_of(other, tmp_path / "records")
    with pytest.raises(ExternalError, match="has no record"):
        held.record_of(
            held.register(runs[1], {"fingerprint": "a" * 64, "model_digest": "1" * 64}), tmp_path / "records"
        )
    assert not (tmp_path / "records" / ("a" * 64)).exists()


def test_an_interval_is_written_for_people() -> None:
    assert models.interval(Interval(0.71234567, 0.7, 0.72)) == "0.712346 [0.7, 0.72]"
    assert models.interval(Interval(0.5, None, None)) == "0.5"


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, and longer than its header")
    with pytest.raises(ExternalError, match=r"mlflow\.db cannot be opened"):
        open_registry(tmp_path)


def test_a_store_of_an_older_mlflow_is_brought_up_to_date(
    template: tuple[Path, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", warm.python())  # MLflow's own command begins with its libraries imported
    old = copied(template[0], tmp_path / "old")
    with contextlib.closing(sqlite3.connect(old / "mlflow.db")) as connection:
        (now,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    before = one_before(old / "mlflow.db", now)
    store_upgrade.upgrade(old / "mlflow.db")  # MLflow itself does this only where a table is missing, not for a column
    experiment = open_registry(old).client.get_experiment_by_name(tracking.EXPERIMENT)
    assert experiment, "what was there is still there"
    assert "upgraded to the schema of MLflow" in capsys.readouterr().err
    for file, revision in (("mlflow.db", now), ("mlflow-before.db", before)):
        with contextlib.closing(sqlite3.connect(old / file)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (revision,)


def one_before(database: Path, now: str) -> str:
    """Take the newest migration of MLflow back."""
    from alembic import command
    from alembic.config import Config

    migrations = Path(mlflow.store.db_migrations.__file__).parent
    config = Config(migrations / "alembic.ini")
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{database}")
    command.downgrade(config, "-1")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found != now
    return str(found)


def test_a_store_of_a_newer_mlflow_is_left_as_it_is_and_the_way_out_is_named(
    template: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", warm.python())
    new = copied(template[0], tmp_path / "new")
    with contextlib.closing(sqlite3.connect(new / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    content = (new / "mlflow.db").read_bytes()
    with pytest.raises(ExternalError, match=r"not written by this MLflow .*ffffffffffff.*update this checkout"):
        open_registry(new)
    assert (new / "mlflow.db").read_bytes() == content


# A team's server


@pytest.fixture
def server(mlflow_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in {**mlflow_server, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAINLINE_MODEL_NAME", "visits")
    # An embedded store that a test before has opened stays MLflow's own choice, whatever the variable says.
    mlflow.set_tracking_uri(mlflow_server["MLFLOW_TRACKING_URI"])
    return mlflow_server


def test_a_teams_server_keeps_versions_aliases_and_the_audit_log(server: dict[str, str], tmp_path: Path) -> None:
    held, log = session.open_registry_and_log(tmp_path / "unused")
    assert held.name == "visits"
    mlflow.set_experiment("mainline")
    runs = []
    for _ in range(2):
        with mlflow.start_run() as run:
            mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
        runs.append(run.info.run_id)
    (tmp_path / "target").mkdir()
    target = Folder(tmp_path / "target")
    release_session = ReleaseSession(held, log, target, "a tester")
    for run_id, name in zip(runs, ("one", "two"), strict=True):
        version = held.register(run_id, tags(name))
        promotion.ship(release_session, "promotion", version, image(name), {"version": version.number})
    again, same = session.open_registry_and_log(tmp_path / "elsewhere")
    assert [each.event for each in same.entries()] == ["deployed", "promoted"] * 2
    champion = again.champion()
    assert champion
    assert champion.image == image("two") == target.deployed()
    assert promotion.rollback(ReleaseSession(again, same, target, "a tester"), None).number == 1
    assert target.deployed() == image("one")
    assert not list(tmp_path.rglob("mlflow.db")), "nothing is kept here"
    assert not list(tmp_path.rglob("audit.jsonl"))

    run = held.client.get_run(same.store.run())  # type: ignore[attr-defined]
    held.client.log_param(run.info.run_id, f"entry.{len(run.data.params) + 1:08}", "promoted by nobody")
    with pytest.raises(Refused, match="is not an entry: 'promoted by nobody'"):
        same.entries()


def test_entries_that_several_machines_write_at_once_are_all_in_a_log_that_verifies(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINLINE_MODEL_NAME", "written-at-once")
    session.open_registry_and_log(tmp_path)[1].write("begun", "a tester", {})

    def write(who: str) -> list[str]:
        said = []
        log = session.open_registry_and_log(tmp_path)[1]
        for number in range(2):
            try:
                log.write("refused", who, {"reason": str(number)})
                said.append(str(number))
            except Refused as refused:
                if "other runs wrote to it" not in str(refused):
                    raise
        return said

    writers = ("one", "two")
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(write, writers))
    entries = session.open_registry_and_log(tmp_path)[1].entries()
    for who, said in zip(writers, told, strict=True):
        assert said
        assert [each.details["reason"] for each in entries if each.who == who] == said


def test_of_two_machines_that_release_at_once_one_is_told_to_wait(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINLINE_MODEL_NAME", "at-once")
    mlflow.set_experiment("at once")
    (tmp_path / "target").mkdir()
    target = Folder(tmp_path / "target")
    sessions, versions = [], []
    for name in ("here", "there"):
        held, log = session.open_registry_and_log(tmp_path / name)
        with mlflow.start_run() as run:
            mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
        versions.append(held.register(run.info.run_id, tags(name)))
        sessions.append(ReleaseSession(held, log, target, name, place=f"machine {name}"))

    def ship(n: int) -> str:
        try:
            promotion.ship(
                sessions[n], "promotion", versions[n], image(sessions[n].who), {"version": versions[n].number}
            )
        except Refused as refused:
            return str(refused)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ship, (0, 1)))
    assert sorted(answer == "done" for answer in answers) == [False, True], answers
    (told,) = [answer for answer in answers if answer != "done"]
    assert "at the same moment" in told or "is in progress at machine" in told
    winner = sessions[answers.index("done")]
    champion = winner.registry.champion()
    assert champion
    assert champion.image == image(winner.who) == target.deployed()
    assert ship(1 - answers.index("done")) == "done"


def test_a_release_that_another_machine_began_is_left_alone_until_it_must_have_ended(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAINLINE_MODEL_NAME", "cut-off")
    held, log = session.open_registry_and_log(tmp_path)
    now = dt.datetime.now(dt.UTC)
    mlflow.set_experiment("cut off")
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
    number = held.register(run.info.run_id, tags("one")).number

    def begun(minutes: int) -> ReleaseSession:
        began = (now - dt.timedelta(minutes=minutes)).isoformat(timespec="seconds")
        intent = promotion.Intent(
            "x", "promotion", number, None, None, None, None, "somebody", {}, "another machine", began
        )
        held.write_note(models.INTENT, dataclasses.asdict(intent))
        return ReleaseSession(held, log, None, "a tester", place="this machine")

    with pytest.raises(Refused, match="by somebody is in progress at another machine"):
        promotion.end_interrupted_release(begun(minutes=5))
    assert promotion.end_interrupted_release(begun(minutes=31))
    at = begun(minutes=5)
    monkeypatch.setenv(promotion.TAKE_OVER, "1")
    assert promotion.end_interrupted_release(at)


def test_a_wrong_password_is_said_and_nothing_is_kept_here_instead(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    with pytest.raises(ExternalError, match="MLflow's registry did not answer"):
        open_registry(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


def test_an_unknown_version_is_answered_with_those_that_there_are(held: Registry, runs: list[str]) -> None:
    held.register(runs[0], tags("one"))
    with pytest.raises(ConfigurationError, match="no version 7: the versions are 1"):
        held.at(7)
