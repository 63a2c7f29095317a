"""Each gate of the staging test refuses the container that it is there for: real ones, each unfit in one way."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mainline.config.loader import Params
from mainline.evaluation.results import Gate
from mainline.packaging.engine import Engine
from mainline.packaging.image import Image
from mainline.packaging.staging import load, tests
from mainline.packaging.staging.container import running
from mainline.packaging.staging.tests import Staging
from tests.container.conftest import Built, gates
from tests.exports import Export, make

pytestmark = pytest.mark.slow

Changed = Callable[..., AbstractContextManager[Staging]]
LIMIT = 400  # megabytes of memory that these containers get

# The server as it is, after a change of it.
SERVED = "import os, sys, time\nfrom mainline.serving import app, server\n{change}\nsys.exit(server.main())\n"

ANOTHER_ANSWER = """
answer = app.App._answer
async def slightly(self, *given):
    _, listed, line, unknown = await answer(self, *given)
    return self.encode({"predictions": [[p - .001, q + .001] for p, q in listed]}), listed, line, unknown
app.App._answer = slightly
"""
NOT_AS_DESCRIBED = """
answer = app.App._answer
async def words(self, *given):
    _, listed, line, unknown = await answer(self, *given)
    return self.encode({"predictions": ["likely" for _ in listed]}), listed, line, unknown
app.App._answer = words
"""
FAILS_ON_WHAT_IS_NO_ROW = """
from mainline.serving.errors import Rejection
def defect(self): raise ValueError
Rejection.body = defect
"""
SLOW = """
score = app.App.score
def slowly(self, rows):
    time.sleep(.1)
    return score(self, rows)
app.App.score = slowly
"""
HEAVY = "ballast = b'x' * (200 << 20)"
LATE = "time.sleep(2)"
ENDS = "sys.exit('the licence has run out')"
WRITES = "open('/app/file', 'w')"
STOPPED = """
import asyncio, signal
def deaf(*given):
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, {then})
server.announce = deaf  # what it does last before it serves
"""
GONE_AT_ONCE = STOPPED.format(then="os._exit, 0")
STAYS = STOPPED.format(then="print")
CROWDED = """
answer = app.App._answer
async def crowded(self, *given):
    if self.waiting > 20:
        {then}
    await app.asyncio.sleep(.2)
    return await answer(self, *given)
app.App._answer = crowded
"""
FAILS_WHEN_CROWDED = CROWDED.format(then="raise MemoryError")
HANGS_WHEN_CROWDED = CROWDED.format(then="await app.asyncio.sleep(3600)")
DIES_WHEN_CROWDED = CROWDED.format(then="os._exit(137)")


def derived(docker: Engine, folder: Path, image: str, *lines: str) -> str:
    """An image on top of another one, by the lines of a Dockerfile."""
    (folder / "Dockerfile").write_text("\n".join([f"FROM {image}", *lines]) + "\n")
    tag = f"mainline-test-{secrets.token_hex(4)}"
    docker.run("build", "--tag", tag, str(folder))
    return tag


@contextlib.contextmanager
def unfit(docker: Engine, built: Built, folder: Path, change: str, *lines: str) -> Iterator[str]:
    """The image of the model with a server that was changed."""
    (folder / "changed.py").write_text(SERVED.format(change=change))
    (folder / "changed.py").chmod(0o644)
    command = 'CMD ["python", "/app/changed.py"]'
    image = derived(docker, folder, built.image.reference, "COPY changed.py /app/changed.py", command, *lines)
    try:
        yield image
    finally:
        docker.attempt("rmi", "--force", image)


@contextlib.contextmanager
def staged(docker: Engine, built: Built, params: Params, image: str) -> Iterator[Staging]:
    with running(docker, image, LIMIT) as server:
        yield Staging(params, docker, image, built.export.record, built.requests, server)


@pytest.fixture
def lenient(made: Export) -> Params:
    return gates(made, memory_limit_megabytes=LIMIT)


@pytest.fixture
def changed(docker: Engine, built: Built, lenient: Params, tmp_path: Path) -> Changed:
    """Runs the server after a change of it, and gives what the gates are held against."""

    @contextlib.contextmanager
    def start(change: str, params: Params = lenient, *lines: str) -> Iterator[Staging]:
        with unfit(docker, built, tmp_path, change, *lines) as image, staged(docker, built, params, image) as staging:
            yield staging

    return start


@pytest.fixture(scope="module")
def other(docker: Engine, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image of another model, under the labels of the one that was reviewed."""
    folder = tmp_path_factory.mktemp("other")
    export = make(folder / "export", estimator_params="{max_iter: 3, early_stopping: false}")
    shutil.copytree(export.folder, folder / "context/model")
    image = derived(docker, folder / "context", built.image.reference, "COPY model/ /model/")
    yield Image(image, image, None, {})
    docker.attempt("rmi", "--force", image)


def test_another_model_under_the_labels_of_the_reviewed_one_is_refused(
    docker: Engine, built: Built, lenient: Params, other: Image
) -> None:
    with staged(docker, built, lenient, other.reference) as staging:
        said, same = tests.identity(staging), tests.same_answers(staging)
    assert (said.passed, same.passed) == (False, False)
    assert "different: pipeline_digest" in said.measured
    assert "model_digest" in said.measured
    assert "differ, by up to" in same.measured


def test_the_reviewed_model_that_is_answered_otherwise_is_refused_by_parity_alone(
    built: Built, changed: Changed
) -> None:
    with changed(ANOTHER_ANSWER) as staging:
        said, same = tests.identity(staging), tests.same_answers(staging)
    assert said.passed, said.measured
    rows = f"{len(built.requests.rows):,}"
    assert (same.passed, same.measured) == (False, f"{rows} of {rows} differ, by up to 0.001")


@pytest.mark.parametrize("change", [NOT_AS_DESCRIBED, FAILS_ON_WHAT_IS_NO_ROW], ids=["answer", "5xx"])
def test_a_server_that_breaks_its_own_description_is_refused(changed: Changed, change: str) -> None:
    with changed(change) as staging:
        found = tests.keeps_contract(staging)
    assert not found.passed
    assert "no deviation" not in found.measured


def test_a_slow_one_is_refused_by_its_latency_and_its_throughput(made: Export, changed: Changed) -> None:
    with changed(SLOW, gates(made, p99_milliseconds=90, requests_per_second=50)) as staging:
        latency, throughput = tests.under_load(staging)
    assert (latency.name, latency.passed) == ("latency", False), latency.measured
    assert (throughput.name, throughput.passed) == ("throughput", False), throughput.measured
    assert "failed" not in latency.measured, "every request was answered: it is refused for its time"


def test_one_that_holds_too_much_memory_is_refused(made: Export, changed: Changed) -> None:
    with changed(HEAVY, gates(made, memory_megabytes=200)) as staging:
        found = tests.memory(staging)
    assert not found.passed
    assert 200 < float(found.measured.removesuffix(" MB")) < LIMIT


def test_three_megabytes_more_than_an_image_may_have_are_refused(
    docker: Engine, built: Built, changed: Changed, tmp_path: Path
) -> None:
    with staged(docker, built, gates(built.export, image_megabytes=1000), built.image.reference) as staging:
        fits = tests.size(staging)
    assert fits.passed
    most = float(fits.measured.removesuffix(" MB")) + 1
    (tmp_path / "ballast").write_bytes(os.urandom(3_000_000))
    with changed("", gates(built.export, image_megabytes=most), "COPY ballast /app/ballast") as staging:
        found = tests.size(staging)
    assert not found.passed
    assert float(found.measured.removesuffix(" MB")) >= most + 2


def test_one_that_starts_late_is_refused(made: Export, changed: Changed) -> None:
    with changed(LATE, gates(made, cold_start_seconds=2)) as staging:
        found = tests.cold_start(staging)
    assert not found.passed
    assert float(found.measured.removesuffix(" s")) > 2


@pytest.mark.parametrize(
    ("change", "why"), [(ENDS, "the licence has run out"), (WRITES, "Read-only file system")], ids=["ends", "writes"]
)
def test_one_that_does_not_start_or_wants_to_write_is_refused_with_what_it_said(
    docker: Engine, built: Built, lenient: Params, tmp_path: Path, change: str, why: str
) -> None:
    with unfit(docker, built, tmp_path, change) as image:
        (found,) = tests.stage(lenient, docker, image, built.export.record, built.requests)
    assert (found.name, found.passed) == ("start", False)
    assert why in found.measured


def test_one_that_runs_as_root_is_refused(docker: Engine, built: Built, lenient: Params, tmp_path: Path) -> None:
    image = derived(docker, tmp_path, built.image.reference, "USER root")
    try:
        with staged(docker, built, lenient, image) as staging:
            found = tests.hardened(staging)
    finally:
        docker.attempt("rmi", "--force", image)
    assert (found.passed, found.measured) == (False, "runs as user root")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (FAILS_WHEN_CROWDED, "× 500"),
        # Where all that may wait do so, the next one is refused, for ever.
        (HANGS_WHEN_CROWDED, "afterwards (no answer|503)"),
        (DIES_WHEN_CROWDED, "container has ended"),
    ],
    ids=["fails", "hangs", "dies"],
)
def test_one_that_does_not_bear_a_crowd_is_refused(
    changed: Changed, monkeypatch: pytest.MonkeyPatch, change: str, why: str
) -> None:
    if change is HANGS_WHEN_CROWDED:
        monkeypatch.setattr(load, "PATIENCE", 3.0)
    with changed(change) as staging:
        found = tests.attempt("overload", staging, tests.overload)
    assert not found.passed
    assert re.search(why, found.measured)


@pytest.mark.parametrize(
    ("change", "why"),
    [(GONE_AT_ONCE, "8 lost; exit status 0"), (STAYS, "none, it is still running")],
    ids=["gone", "stays"],
)
def test_one_that_loses_requests_when_it_is_stopped_or_does_not_stop_is_refused(
    changed: Changed, monkeypatch: pytest.MonkeyPatch, change: str, why: str
) -> None:
    monkeypatch.setattr(tests, "DRAINED", 4.0)
    with changed(change) as staging:
        found: Gate = tests.drain(staging)
    assert not found.passed
    assert why in found.measured
