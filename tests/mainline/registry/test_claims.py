"""Two pushes of the state at once, in a real registry on the loopback."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mainline.errors import ExternalError
from mainline.registry import claims
from mainline.registry.claims import PARENT, SEQUENCE, StateMoved
from mainline.registry.oci import Repository
from mainline.registry.shared_state import Shared
from tests.servers import Oci, oci_registry

__all__ = ["oci_registry"]
pytestmark = pytest.mark.slow

TABLES = "create table model_versions(version, run_id); create table logged_models(model_id, source_run_id);"


@pytest.fixture
def machine(oci_registry: Oci, tmp_path: Path) -> Callable[[str], Shared]:
    """A machine of this name with the state, which has been begun."""
    reference = f"{oci_registry.host}/team/{secrets.token_hex(4)}"

    def named(name: str) -> Shared:
        folder = tmp_path / name
        folder.mkdir()
        return Shared(Repository(reference), folder)

    def fill(store: Path) -> None:
        with closing(sqlite3.connect(store / "mlflow.db")) as connection:
            connection.executescript(TABLES)
        (store / "artifacts").mkdir()
        add(store, "begun")

    named("first").init(fill)
    return named


def add(store: Path, event: str) -> None:
    with (store / "audit.jsonl").open("a") as log:
        log.write(json.dumps({"event": event, "version": 0}) + "\n")


def events(state: Shared) -> list[str]:
    lines = (state.pull() / "audit.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


def working(state: Shared, event: str) -> Shared:
    """On this machine the state was pulled and something was done."""
    add(state.pull(), event)
    return state


# Where the other push comes in between: before the last look, after it, and after the tag was moved.
@pytest.mark.parametrize("moment", ["first look", "last look", "put", "moved"])
def test_of_two_pushes_at_once_one_is_confirmed_and_kept_and_the_other_is_told(
    machine: Callable[[str], Shared], moment: str
) -> None:
    one, two = working(machine("one"), "by one"), working(machine("two"), "by two")
    look, put, looks, puts = two.unmoved, two.repository.put_manifest, [], []

    def looking(expected: str | None) -> None:
        look(expected)
        looks.append(expected)
        if (len(looks), moment) in ((1, "first look"), (2, "last look")):
            one.push()

    def putting(tags: list[str], *given: Any) -> Any:
        if tags == ["state"] and moment == "put" and not puts:
            puts.append(tags)
            one.push()
        found = put(tags, *given)
        if tags == ["state"] and moment == "moved":
            with pytest.raises(StateMoved):
                one.push()
        return found

    two.unmoved, two.repository.put_manifest = looking, putting  # type: ignore[method-assign]
    if moment == "moved":
        two.push()
    else:
        with pytest.raises(StateMoved, match="run again"):
            two.push()
    kept = "by two" if moment == "moved" else "by one"
    assert events(machine("later")) == ["begun", kept]
    two.unmoved, two.repository.put_manifest = look, put  # type: ignore[method-assign]
    late = two if moment != "moved" else one
    working(late, "again").push()
    assert events(machine("last")) == ["begun", kept, "again"]


def test_nothing_of_many_pushes_at_once_is_lost(machine: Callable[[str], Shared]) -> None:
    def work(name: str) -> list[str]:
        state, done = machine(name), []
        while len(done) < 3:
            try:
                working(state, f"{name} {len(done)}").push()
            except ExternalError:  # the registry of the tests answers 500 where two write at once
                continue
            done.append(f"{name} {len(done)}")
        return done

    with ThreadPoolExecutor(3) as pool:
        confirmed = [event for done in pool.map(work, ("a", "b", "c")) for event in done]
    assert {"begun", *confirmed} <= set(events(machine("later")))


def test_what_was_confirmed_stays_where_a_late_rival_moves_the_current_tag_back(
    machine: Callable[[str], Shared],
) -> None:
    earlier = working(machine("one"), "by one").push()
    late = working(machine("two"), "by two")
    late.push()
    late.repository.put_manifest(["state"], earlier.content)  # it looked before the second push, and wrote after it
    assert events(machine("reader")) == ["begun", "by one", "by two"]
    assert [state.digest for state in machine("list").listed() if state.current] != [earlier.digest]
    working(machine("three"), "by three").push()
    assert events(machine("last")) == ["begun", "by one", "by two", "by three"]
    stored = late.repository.manifest("state")
    assert stored and stored.annotations[SEQUENCE] == "4"  # the tag is where the state is again


def test_two_heads_are_found_by_every_later_pull_until_somebody_chooses(
    machine: Callable[[str], Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "WAITS", (0.1, 0.1))
    one, two = working(machine("one"), "by one"), working(machine("two"), "by two")
    first = one.repository.manifest("state")
    assert first
    lost = one.push()
    # As a version without claims would: it put its own over what another had pushed since.
    two.unmoved = lambda expected: None  # type: ignore[method-assign]
    content = {**lost.content, "annotations": {**lost.annotations, "who": "two"}}
    two.repository.put_manifest(["state-000002-abcdef", "state"], content)
    for name in ("later", "much later"):
        with pytest.raises(ExternalError, match=f"two states were pushed on top of the same one.*{lost.digest}"):
            machine(name).pull()
    on_top = {PARENT: two.repository.manifest("state").digest, SEQUENCE: "3"}  # type: ignore[union-attr]
    two.repository.put_manifest(
        ["state-000003-abcdef", "state"], {**content, "annotations": {**lost.annotations, **on_top}}
    )
    with pytest.raises(ExternalError, match="state restore"):
        machine("after another push").pull()
    machine("person").restore(lost.digest, lambda store, lines: add(store, "chosen"))
    assert events(machine("last")) == ["begun", "by one", "chosen"]
