"""The order of a release, in a real MLflow store on SQLite: failures, kills at every step, two at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import random
import signal
import time
from pathlib import Path

import pytest

from mainline.errors import ConfigurationError, ExternalError, Refused
from mainline.registry.audit_log import AuditLog
from mainline.registry.models import INTENT, Registry, Version
from mainline.release import promotion
from mainline.release.promotion import ReleaseSession
from mainline.runtime.workspace import Workspace
from tests.folders import Folder
from tests.mainline.releases import agreement, apart, copied, image, kill, register, session

pytestmark = pytest.mark.slow

NAMES = ("one", "two", "three")


@pytest.fixture
def store(template: tuple[Path, list[str]], tmp_path: Path) -> Path:
    return copied(template[0], tmp_path / "store")


@pytest.fixture
def runs(template: tuple[Path, list[str]]) -> list[str]:
    return template[1]


@pytest.fixture
def target(tmp_path: Path) -> Folder:
    (tmp_path / "target").mkdir()
    return Folder(tmp_path / "target")


def promote(at: ReleaseSession, run: str, name: str) -> None:
    """A promotion as pipelines/release.py ends, after its gate."""
    promotion.end_interrupted_release(at)
    version = register(at, run, name)
    details = {"version": version.number, "image_digest": image(name), **promotion.digests(version)}
    promotion.ship(at, "promotion", version, image(name), details)


def promote_all(at: ReleaseSession, runs: list[str], *names: str) -> None:
    for name in names:
        promote(at, runs[NAMES.index(name)], name)


def events(at: ReleaseSession) -> list[str]:
    return [each.event for each in at.log.entries()]


def test_a_promotion_deploys_then_moves_the_aliases_and_writes_both_down(
    store: Path, runs: list[str], target: Folder
) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two")
    assert agreement(store, target) == (2, 1)
    assert target.deploys == [image("one"), image("two")]
    assert events(at) == ["deployed", "promoted", "deployed", "promoted"]
    assert at.registry.at(2).follows == 1
    assert at.registry.at(2).image == image("two")


def test_the_same_model_twice_is_one_version_and_nothing_is_deployed_again(
    store: Path, runs: list[str], target: Folder
) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "one")
    assert len(at.registry.versions()) == 1
    assert target.deploys == [image("one")]
    assert events(at) == ["deployed", "promoted"]


def test_a_deployment_that_fails_leaves_production_as_it_was(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one")
    (target.path / "refused").write_text(image("two"))
    with pytest.raises(ExternalError, match="does not start"):
        promote_all(at, runs, "two")
    assert agreement(store, target) == (1, None)
    assert events(at)[-1] == "withdrawn"
    assert "does not start" in at.log.entries()[-1].details["reason"]
    (target.path / "refused").unlink()
    promote_all(at, runs, "two")
    assert agreement(store, target) == (2, 1)


def test_the_alias_stays_where_another_image_answers_than_was_deployed(
    store: Path, runs: list[str], tmp_path: Path
) -> None:
    class Stuck(Folder):
        def deploy(self, digest: str) -> None:
            super().deploy(image("one"))

    (tmp_path / "target").mkdir()
    stuck = Stuck(tmp_path / "target")
    at = session(store, stuck)
    promote_all(at, runs, "one")
    with pytest.raises(ExternalError, match="answers with"):
        promote_all(at, runs, "two")
    assert agreement(store, stuck) == (1, None)


def test_a_rollback_returns_image_and_aliases_in_one_step(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two", "three")
    assert promotion.rollback(at, None).number == 2
    assert agreement(store, target) == (2, 1)
    assert promotion.rollback(at, 1).number == 1
    assert agreement(store, target) == (1, None)
    assert at.registry.at(3).tags["rolled_back"]
    with pytest.raises(Refused, match="no previous version"):
        promotion.rollback(at, None)
    promote_all(at, runs, "three")
    assert agreement(store, target) == (3, 1)
    assert not at.registry.at(3).tags["rolled_back"]


def test_where_nothing_was_released_a_rollback_says_where_to_look(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    register(at, runs[0], "one")
    for number in (None, 1, 9):
        with pytest.raises(Refused, match=r"this state has no released version.*MAINLINE_STATE or MLFLOW"):
            promotion.rollback(at, number)


def test_a_rollback_whose_run_is_run_again_goes_no_further_back(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two", "three")
    for _ in range(2):
        assert promotion.rollback(at, None, "77").number == 2
    assert agreement(store, target) == (2, 1)
    promote_all(at, runs, "three")
    with pytest.raises(Refused, match="has already rolled back to version 2, and another was released since"):
        promotion.rollback(at, None, "77")
    assert agreement(store, target) == (3, 2)
    assert promotion.rollback(at, None, "78").number == 2


def test_a_rollback_works_though_the_newest_version_is_broken(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two")
    at.registry.client.create_model_version(at.registry.name, f"runs:/{runs[2]}/gone", await_creation_for=0)
    at.registry.client.delete_run(runs[1])
    assert promotion.rollback(at, None).number == 1
    assert agreement(store, target) == (1, None)
    with pytest.raises(Refused, match="version 3 has never been in production"):
        promotion.rollback(at, 3)
    with pytest.raises(ConfigurationError, match="no version 9: the versions are 1, 2, 3"):
        promotion.rollback(at, 9)


def test_a_rollback_ends_though_what_came_before_it_was_deleted(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two", "three")
    at.registry.client.delete_model_version(at.registry.name, "1")
    assert promotion.rollback(at, None).number == 2
    assert agreement(store, target) == (2, None)


def test_a_release_of_a_version_that_was_deleted_is_taken_back(store: Path, runs: list[str], target: Folder) -> None:
    at = session(store, target)
    promote_all(at, runs, "one")
    version = register(at, runs[1], "two")
    intent = promotion.begin(at, "promotion", version, image("two"), at.registry.at(1), {"version": version.number})
    promotion.deploy(at, intent.image)
    at.registry.client.delete_model_version(at.registry.name, "2")
    assert promotion.end_interrupted_release(at) is None
    assert target.deployed() == image("one")
    assert events(at)[-1] == "withdrawn"
    assert promotion.open_intent(at.registry) is None


def test_a_version_without_an_image_is_not_deployed(store: Path, runs: list[str], target: Folder) -> None:
    alone = session(store, None)
    version = register(alone, runs[0], "one")
    promotion.ship(alone, "promotion", version, None, {"version": version.number})
    at = session(store, target)
    promote_all(at, runs, "two")
    with pytest.raises(Refused, match="without an image"):
        promotion.rollback(at, None)
    assert agreement(store, target) == (2, 1)


def test_a_release_cut_off_on_another_target_is_named_and_left_alone(
    store: Path, runs: list[str], target: Folder
) -> None:
    at = session(store, target)
    version = register(at, runs[0], "one")
    promotion.begin(at, "promotion", version, image("one"), None, {})
    with pytest.raises(ConfigurationError, match="TARGET=folder"):
        promotion.end_interrupted_release(session(store, None))
    assert at.registry.note(INTENT)


def test_a_log_that_does_not_verify_stops_a_rollback_before_anything_moves(
    store: Path, runs: list[str], target: Folder
) -> None:
    at = session(store, target)
    promote_all(at, runs, "one", "two")
    log = store / "audit.jsonl"
    log.write_text(log.read_text().replace("a tester", "somebody"))
    with pytest.raises(Refused, match="entry 1 was changed"):
        promotion.rollback(at, None)
    assert target.deployed() == image("two")


# Kills


def in_a_process(store: Path, target: Folder, run: str, name: str) -> None:
    with Workspace.at(store).locked():
        promote(session(store, target, f"process {os.getpid()}"), run, name)


def back_in_a_process(store: Path, target: Folder) -> None:
    with Workspace.at(store).locked():
        promotion.rollback(session(store, target), None)


def killed_at(step: int, store: Path, target: Folder, run: str, name: str) -> None:
    """A promotion that is killed just before its write number `step`."""
    left = step

    def counted(owner: type, method: str) -> None:
        original = getattr(owner, method)

        def counting(*given: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*given, **named)

        setattr(owner, method, counting)

    for method in ("write_note", "tag"):
        counted(Registry, method)
    counted(type(session(store, target).registry.client), "set_registered_model_alias")
    counted(type(session(store, target).registry.client), "delete_registered_model_alias")
    counted(Folder, "deploy")
    counted(Folder, "deployed")
    counted(AuditLog, "entries")
    counted(type(session(store, target).log.store), "append")
    in_a_process(store, target, run, name)


def test_a_kill_before_any_write_is_put_right_by_the_next_run(store: Path, runs: list[str], target: Folder) -> None:
    first = apart(in_a_process, store, target, runs[0], "one")
    first.join()
    before = copied(store, store.parent / "before")
    step, ended = 0, False
    while not ended:
        copy = copied(before, store.parent / f"store {step}")
        place = Folder(copied(target.path, store.parent / f"target {step}"))
        cut = apart(killed_at, step, copy, place, runs[1], "two")
        cut.join()
        ended = cut.exitcode == 0
        assert ended or cut.exitcode == -signal.SIGKILL
        again = apart(put_right, copy, place, runs[1], "two", (2, 1))
        again.join()
        assert again.exitcode == 0, f"killed at step {step}"
        step += 1
    assert step > 12, "every write was met"


def put_right(
    store: Path, target: Folder, run: str, name: str, expected: tuple[int | None, int | None] | None = None
) -> None:
    """The next run, and what is to be found after it."""
    in_a_process(store, target, run, name)
    assert agreement(store, target) == expected or expected is None
    assert target.deployed() == image(name)


def test_twenty_kills_at_random_moments_are_put_right_twenty_times(
    store: Path, runs: list[str], target: Folder
) -> None:
    """Promotions and rollbacks; what the next run is, is another thing each time."""
    seed = random.Random(20)
    apart(in_a_process, store, target, runs[0], "one").join()
    started = time.perf_counter()
    apart(in_a_process, store, target, runs[1], "two").join()
    usual = time.perf_counter() - started
    met = number = 0
    while met < 20:
        number += 1
        assert number <= 100, f"only {met} kills met a process at work"
        name = NAMES[number % 3]
        given = (in_a_process, store, target, runs[number % 3], name)
        cut = apart(back_in_a_process, store, target) if number % 5 == 4 else apart(*given)
        cut.join(seed.uniform(0.1, 1.0) * usual)  # the moment of the kill, not a wait for something
        met += cut.is_alive()
        kill(cut)
        started = time.perf_counter()
        again = apart(put_right, *given[1:])
        again.join()
        usual = 0.7 * usual + 0.3 * (time.perf_counter() - started)  # the machine may be busier now
        assert again.exitcode == 0, f"kill {number}"


@pytest.mark.parametrize("taken", ["over and followed by another", "over and withdrawn"])
def test_a_machine_that_slept_through_its_lease_moves_no_alias(
    store: Path, runs: list[str], target: Folder, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    monkeypatch.setattr(promotion, "PAUSE", 0.0)
    other = dataclasses.replace(session(store, target, "the other"), place="machine two")

    class Sleepy(Folder):
        def deploy(self, digest: str) -> None:
            if taken != "over and withdrawn":
                super().deploy(digest)
            with monkeypatch.context() as slept:
                slept.setattr(promotion, "LEASE", dt.timedelta(0))
                promotion.end_interrupted_release(other)
            if taken == "over and followed by another":
                promote(other, runs[2], "three")
            before.append((other.registry.champion(), events(other)))
            super().deploy(digest)

    before: list[tuple[Version | None, list[str]]] = []
    promote_all(other, runs, "one")
    at = dataclasses.replace(session(store, Sleepy(target.path), "the sleeper"), place="machine one")
    with pytest.raises(Refused, match="started one at the same moment, or took over: run again"):
        promote(at, runs[1], "two")
    assert [(at.registry.champion(), events(at))] == before
    promote(other, runs[2], "three")
    assert agreement(store, target)[0] == other.registry.versions()[-1].number


def test_a_lease_that_is_half_over_is_taken_anew_before_anything_moves(
    store: Path, runs: list[str], target: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "PAUSE", 0.0)
    at = dataclasses.replace(session(store, target), place="machine one")
    begun = promotion.begin(at, "promotion", register(at, runs[0], "one"), image("one"), None, {})
    assert promotion.hold(at, begun) == begun
    then = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=29)
    old = dataclasses.replace(begun, since=then.isoformat())
    at.registry.write_note(INTENT, dataclasses.asdict(old))
    renewed = promotion.hold(at, old)
    assert renewed.since >= begun.since
    assert promotion.open_intent(at.registry) == renewed
    at.registry.write_note(INTENT, dataclasses.asdict(dataclasses.replace(renewed, place="machine two")))
    with pytest.raises(Refused, match="a tester at machine two started one at the same moment, or took over"):
        promotion.hold(at, renewed)


def test_two_promotions_at_once_end_in_agreement(store: Path, runs: list[str], target: Folder) -> None:
    both = [apart(in_a_process, store, target, runs[n], NAMES[n]) for n in (0, 1)]
    for process in both:
        process.join()
        assert process.exitcode == 0
    champion, previous = agreement(store, target)
    assert {champion, previous} == {1, 2}
    assert sorted(target.deploys) == sorted([image("one"), image("two")])
