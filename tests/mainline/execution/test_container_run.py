"""`make run IN=docker`, in real containers of the trainer image."""

from __future__ import annotations

import json
import os
import signal

import pytest

from mainline.execution import container_run
from mainline.execution.trainer_image import Trainer
from mainline.packaging.engine import Engine
from tests.bounds import HANG, happens
from tests.mainline.execution.conftest import SOMEBODY
from tests.projects import TOP, Project, Result

pytestmark = pytest.mark.slow


def facts(project: Project) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in project.records]


def as_somebody(project: Project, *arguments: str, **variables: str) -> Result:
    """`mainline` for a user who is not root; where root runs the tests, the command is told that it is somebody."""
    if os.getuid():
        return project.mainline(*arguments, **variables)
    project.path(".mainline/lock").touch()
    for path in [project.root, *project.root.rglob("*")]:
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    words = ["mainline", *arguments]
    owned = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    program = f"import os, sys; os.getuid = os.getgid = lambda: {SOMEBODY}; sys.argv[:] = {words!r}\n"
    return project.python(program + "from mainline.cli.main import entry; entry()", **owned, **variables)


def test_the_container_makes_the_model_that_this_machine_makes(trainer: Trainer, project: Project) -> None:
    project.edit("params.yaml", ("max_iter: 30", "max_iter: 31"))
    baseline = project.git("rev-parse", "main")
    project.git("checkout", "--quiet", "-b", "more")
    project.commit("One more")
    here = project.run("--state", str(project.root.parent / "here"))
    assert here.status == 0, here.err
    expected = project.verdict

    done = as_somebody(project, "run", "--in", "docker", MAINLINE_TRAINER=trainer.reference, PYTHONHASHSEED="0")
    assert done.status == 0, done.err
    assert project.verdict["model_digest"] == expected["model_digest"]
    assert project.verdict["metrics"] == expected["metrics"]
    assert project.verdict["baseline"]["commit"] == baseline
    assert {each["image"] for each in facts(project)} == {trainer.digest}
    owners = {path.stat().st_uid for name in (".mainline", "reports") for path in project.path(name).rglob("*")}
    assert owners == {SOMEBODY if os.getuid() == 0 else os.getuid()}
    # Nothing has changed: the answer is known, and no container is needed for it.
    again = as_somebody(project, "run", "--in", "docker", MAINLINE_TRAINER="none.example/none")
    assert (again.status, again.out) == (0, done.out[done.out.index("✓ Passed") :]), again.err


def test_the_status_of_the_run_and_its_message_come_through(trainer: Trainer, project: Project) -> None:
    project.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 20"))
    done = project.run("--in", "docker", MAINLINE_TRAINER=trainer.reference)
    assert done.status == 3
    assert "minutes" in done.err
    assert facts(project) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_container_ends_with_its_caller_and_the_next_run_goes_on(
    docker: Engine, trainer: Trainer, project: Project, how: signal.Signals
) -> None:
    # A run that waits for as long as it is not stopped.
    project.edit("src/shop/frame.py", ("    bought =", "    import time; time.sleep(3600)\n    bought ="))
    run = project.start("run", "--in", "docker", MAINLINE_TRAINER=trainer.reference)
    lock = project.path(".mainline/cache")
    assert happens(lambda: run.poll() is not None or (lock.exists() and any(lock.iterdir())))
    assert containers(docker, project)
    run.send_signal(how)
    _, err = run.communicate(timeout=HANG)
    assert happens(lambda: not containers(docker, project))
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert "mainline: stopped; what was recorded before is intact" in err
        return
    project.git("checkout", "--quiet", "src")
    done = project.run("--in", "docker", MAINLINE_TRAINER=trainer.reference)
    assert done.status == 0, done.err


def test_a_container_that_could_not_start_is_no_run_that_passed() -> None:
    # As Docker says it of a container whose mount or program is missing: the status is 0, and it never ran.
    state = {"Status": "created", "Running": False, "ExitCode": 0, "Error": "no such file"}
    assert state["Status"] not in container_run.ENDED
    assert container_run.why(state, {}) == "could not start: no such file"


def containers(engine: Engine, project: Project) -> list[str]:
    """The containers, running or not, in which this project is."""
    return engine.run("ps", "--all", "--quiet", "--filter", f"volume={project.root}").split()


def test_what_needs_more_memory_than_it_is_given_says_so(trainer: Trainer, project: Project) -> None:
    done = project.run("--in", "docker", MAINLINE_TRAINER=trainer.reference, MAINLINE_JOB_MEMORY="60m")
    assert done.status == 4
    assert "needed more memory than MAINLINE_JOB_MEMORY=60m allows" in done.err


def test_an_image_of_another_lock_is_refused_with_the_command_that_builds_it(
    trainer: Trainer, project: Project
) -> None:
    lock = project.path("uv.lock").read_text()
    start = lock.index("sha256:", lock.index('name = "duckdb"'))
    project.write("uv.lock", f"{lock[: start + 7]}{'0' * 64}{lock[start + 71 :]}")
    done = project.run("--in", "docker", MAINLINE_TRAINER=trainer.reference)
    assert done.status == 2
    assert "was built from another lock" in done.err and "`make trainer` builds the one" in done.err
    assert facts(project) == []
    none = project.run("--in", "docker")
    assert (none.status, none.err) == (2, "mainline: no trainer image was built here: `make trainer` builds it\n")


def test_the_image_holds_what_is_locked_and_none_of_the_checkout(docker: Engine, trainer: Trainer) -> None:
    code = "import duckdb, importlib.util as u; print(duckdb.__version__, *map(u.find_spec, ('mainline', 'pytest')))"
    lock = (TOP / "uv.lock").read_text()
    version = lock[lock.index('name = "duckdb"') :].split('version = "')[1].split('"')[0]
    said = docker.run("run", "--rm", "--network=none", trainer.reference, "python", "-c", code)
    assert said == f"{version} None None"
