"""review.yml itself, run by act for the events that GitHub sends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mainline.packaging.engine import Engine
from mainline.runtime import archives
from tests.container.conftest import SMALL_STAGE, base_image, docker
from tests.projects import TOP, visits
from tests.workflows import events
from tests.workflows.act import Ran, triggers
from tests.workflows.stage import Stage

__all__ = ["docker"]

pytestmark = pytest.mark.slow

REVIEW = TOP / ".github" / "workflows" / "review.yml"
FEWER = ("max_iter: 30", "max_iter: 25")
SHELL = "$(touch pwned)`touch pwned`;touch pwned"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage on which main has run once: its record is in main's cache."""
    stage = Stage(tmp_path_factory.mktemp("released"))
    ran = stage.review(events.push(stage.origin, "main", "0" * 40))
    assert ran.status == 0, ran.log
    assert verdict(ran)["verdict"] == "no_baseline"
    assert claim(ran)["pull_request"] is None
    return stage


@pytest.fixture
def stage(released: Stage) -> Iterator[Stage]:
    """The same for each test: what it saved and pushed is gone afterwards."""
    kept = released.rehearsal.folder / "cache"
    shutil.copytree(kept, kept.with_name("cache-before"))
    tip = released.origin.commit_of("refs/heads/main")
    yield released
    shutil.rmtree(kept)
    kept.with_name("cache-before").rename(kept)
    events.git(released.origin.path, "update-ref", "refs/heads/main", tip)
    released.shop.git("branch", "--force", "kept", tip)
    released.shop.git("checkout", "--quiet", "--force", "-B", "main", "kept")


def test_a_forks_pull_request_is_compared_with_mains_record_from_the_cache_whatever_its_names_and_code_hold(
    stage: Stage,
) -> None:
    """Its code gets no token and gives no command."""
    branch = SHELL.replace(" ", "${IFS}")
    shop = stage.branch(branch)
    shop.edit("params.yaml", FEWER)
    shop.edit(
        "src/shop/frame.py",
        (
            "from ibis import _\n",
            "import os, subprocess, sys\nfrom ibis import _\n"
            "said = subprocess.run(['git', 'config', '--list'], capture_output=True, text=True).stdout\n"
            "names = sorted(n for n in os.environ if 'TOKEN' in n and os.environ[n])\n"
            "print('SEEN', names, 'extraheader' in said, file=sys.stderr)\n"
            "print('::error file=params.yaml,line=1::forged', file=sys.stderr)\n"
            "print('::set-env name=FORGED::yes', file=sys.stderr)\n",
        ),
    )
    event = stage.pull(message=SHELL, title=SHELL, fork=True, author="stranger", draft=True)
    assert event.payload["pull_request"]["head"]["ref"] == branch
    ran = stage.review(event)
    assert ran.status == 0, ran.log
    assert "SEEN [] False" in ran.log
    assert "❗  ::error file=params.yaml,line=1::forged" not in ran.log, "act shows a command that it obeys so"
    assert "::error file=params.yaml,line=1::forged" in ran.log, "and prints what is none"
    assert "✓ train" in ran.log
    assert not list(stage.rehearsal.folder.rglob("pwned"))
    main = stage.origin.commit_of("refs/heads/main")
    assert f"restored records-{main} from refs%2Fheads%2Fmain" in ran.log
    assert ran.names == ["report.html", "report.zip"]
    assert "Summary - ## ✅ Passed: no worse than main" in ran.log
    assert "<!doctype html>" in ran.read("report.html")
    assert report(ran).startswith("## ✅ Passed: no worse than main")
    found = verdict(ran)
    assert found["baseline"]["commit"] == main
    assert claim(ran) == {
        "pull_request": 7,
        "head_sha": event.payload["pull_request"]["head"]["sha"],
        "run_id": ran.artifacts.name,
        "run_attempt": "1",
    }
    assert stage.cached == [f"refs/heads/main records-{main}"], "a pull request saves no record"


def test_a_bots_change_that_cannot_change_the_model_trains_nothing_and_says_so(stage: Stage) -> None:
    shop = stage.branch("dependabot/pip/ruff")
    shop.edit("uv.lock", ('name = "ruff"\nversion = "', 'name = "ruff"\nversion = "9'))
    shop.write("docs/page.md", "# A page\n")
    ran = stage.review(stage.pull(author="dependabot[bot]"))
    assert ran.status == 0, ran.log
    assert report(ran).startswith("## ✅ Passed: this cannot change the model — nothing was trained")
    assert "<code>docs/page.md</code>" in report(ran)
    assert verdict(ran)["verdict"] == "identical"
    assert ran.names == ["report.zip"]
    assert "✓ train" not in ran.log


def test_a_commit_of_a_merge_queue_is_compared_with_the_one_before_it_and_a_forged_record_is_no_record(
    stage: Stage,
) -> None:
    """The right key with wrong contents: main's fingerprint does not name main's model."""
    main = stage.origin.commit_of("refs/heads/main")
    forge(next((stage.rehearsal.folder / "cache").glob(f"*/*/records-{main}.tar")))
    shop = stage.branch("a-branch")
    shop.edit("params.yaml", FEWER)
    stage.push()
    ran = stage.review(events.merge_group(stage.origin, stage.origin.commit_of("refs/heads/a-branch")))
    assert ran.status == 0, ran.log
    assert f"restored records-{main}" in ran.log
    found = verdict(ran)
    assert found["baseline"]["commit"] == main
    assert found["baseline"]["fingerprint"] != "f" * 64
    assert found["verdict"] == "no_worse", "main's model was computed by main's own code"
    assert claim(ran)["pull_request"] is None
    assert len(stage.cached) == 1, "a queue saves no record"


def test_a_worse_model_is_red_after_its_report_was_left_which_first_of_all_says_that_it_edits_its_judges(
    stage: Stage,
) -> None:
    """And main reads no cache that it wrote: who has the workflow save whatever they like fool themselves at the most.

    A push to main is compared with the commit before, and keeps its own record.
    """
    shop = stage.branch("worse")
    shop.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [pages]"), ("    brier: 0.01", "    brier: 0.5"))
    shop.edit("data/expectations/visits.yaml", ("max_value: 240", "max_value: 999"))
    shop.edit(
        ".github/workflows/review.yml",
        ("timeout-minutes: 60", "timeout-minutes: 50"),
        (
            "if: ${{ !cancelled() && github.event_name == 'push' "
            "&& github.ref_name == github.event.repository.default_branch }}",
            "if: ${{ !cancelled() }}",
        ),
        ('key: "records${{ matrix.model.suffix }}-${{ github.sha }}"', "key: records-poison"),
    )
    ran = stage.review(stage.pull())
    assert ran.status != 0
    assert ran.names == ["report.html", "report.zip"]
    assert verdict(ran)["verdict"] == "worse"
    line = line_of(shop.root / "params.yaml", "roc_auc: 0.02")
    assert f"::error file=params.yaml,line={line},title=gate%3A margin%3A roc_auc::" in ran.log
    first = report(ran).split("\n\n")[0]
    assert first.startswith("> [!WARNING]\n> **Gates changed in this pull request:**")
    for name in ("gates.margins.brier", "data/expectations/visits.yaml", ".github/workflows/review.yml"):
        assert f"<code>{name}</code>" in first
    page = ran.read("report.html")
    assert page.index("Gates changed in this pull request") < page.index("<h1>")
    assert "refs/pull/7/merge records-poison" in stage.cached, ran.log

    stage.branch("main")
    before = stage.origin.commit_of("refs/heads/main")
    stage.shop.edit("params.yaml", FEWER)
    event = stage.push()
    ran = stage.review(event)
    assert ran.status == 0, ran.log
    assert "from refs%2Fheads%2Fmain" in ran.log
    assert "records-poison" not in ran.log
    found = verdict(ran)
    assert found["baseline"]["commit"] == before
    kept = sorted(f"refs/heads/main records-{commit}" for commit in (before, event.sha))
    assert stage.cached == [*kept, "refs/pull/7/merge records-poison"]
    tarred = next((stage.rehearsal.folder / "cache").glob(f"*/*/records-{event.sha}.tar"))
    import tarfile

    with tarfile.open(tarred) as tar:
        folders = {Path(name).parts[2] for name in tar.getnames() if len(Path(name).parts) > 2}
    assert folders == {found["fingerprint"]}, "one record, or the cache grows with every commit"


def test_a_container_that_is_not_fit_is_red_and_the_report_says_what_was_measured(stage: Stage, docker: Engine) -> None:
    base_image(docker)
    shop = stage.branch("container")
    shutil.copy(TOP / "deploy" / "Dockerfile", shop.path("deploy/Dockerfile"))
    limits = SMALL_STAGE.replace("cold_start_seconds: 30", "cold_start_seconds: 0.001  # nobody waits")
    shop.write("params.yaml", shop.path("params.yaml").read_text() + limits)
    shop.edit("params.yaml", FEWER)
    ran = stage.review(stage.pull())
    assert ran.status != 0, ran.log
    found = {gate["name"]: gate for gate in verdict(ran)["gates"]}
    failed = [name for name, gate in found.items() if not gate["passed"]]
    assert failed == ["container: cold start"], found
    assert {"container: parity", "container: contract", "container: drain"} <= set(found)
    assert "Failed: gate “container: cold start”" in ran.read("report", "report.md")
    line = shop.path("params.yaml").read_text().splitlines().index("  cold_start_seconds: 0.001  # nobody waits") + 1
    assert f"file=params.yaml,line={line},title=gate%3A container%3A cold start" in ran.log


def test_invalid_data_are_red_and_the_report_says_which_expectation_on_which_rows(stage: Stage) -> None:
    shop = stage.branch("invalid")
    rows = visits()
    rows.loc[41, "minutes"] = 999.0
    shop.data(rows)
    ran = stage.review(stage.pull())
    assert ran.status != 0
    assert ran.names == ["report.zip"]
    text = report(ran)
    assert text.startswith("## ❌ Stopped: the data are invalid")
    assert "minutes" in text
    assert "999" in text
    assert verdict(ran)["passed"] is False
    line = line_of(shop.root / "data/expectations/visits.yaml", "minutes, min_value: 0") - 1
    assert f"::error file=data/expectations/visits.yaml,line={line}," in ran.log


def test_a_wrong_setting_is_shown_on_its_line(stage: Stage) -> None:
    shop = stage.branch("wrong")
    shop.edit("params.yaml", ("  holdout: 2 weeks", "  holdouts: 2 weeks"))
    ran = stage.review(stage.pull())
    assert ran.status != 0
    assert report(ran).startswith("## ❌ Stopped: the configuration or the command is wrong")
    line = line_of(shop.root / "params.yaml", "holdouts")
    assert f"::error file=params.yaml,line={line},title=split.holdouts is not a setting" in ran.log


def test_a_base_whose_code_does_not_run_is_named_and_nothing_passes_unmeasured(stage: Stage) -> None:
    shop = stage.branch("main")
    shop.edit("src/shop/frame.py", ("from ibis import _", "from ibis import nothing_of_that_name as _"))
    stage.push("Break main")
    shop.edit("src/shop/frame.py", ("nothing_of_that_name as _", "_"))
    shop.git("checkout", "--quiet", "-b", "mend")
    ran = stage.review(stage.pull())
    assert ran.status != 0
    assert ran.names == ["report.html", "report.zip"]
    assert verdict(ran)["verdict"] == "not_measurable"
    assert "the baseline could not be trained" in report(ran)
    assert "nothing_of_that" in report(ran)


def test_without_a_base_branch_the_absolute_gates_decide(stage: Stage) -> None:
    shop = stage.branch("alone")
    shop.edit("params.yaml", FEWER)
    stage.push()
    event = events.dispatch(stage.origin, "alone")
    events.git(stage.origin.path, "update-ref", "-d", "refs/heads/main")
    ran = stage.review(event)
    assert ran.status == 0, ran.log
    assert verdict(ran)["verdict"] == "no_baseline"
    assert "there is no main here" in report(ran).replace("<!-- -->", "")


@pytest.mark.parametrize(
    ("action", "starts"), [("opened", True), ("synchronize", True), ("reopened", True), ("closed", False)]
)
def test_a_closed_pull_request_starts_nothing(released: Stage, action: str, starts: bool) -> None:
    head = released.origin.commit_of("refs/heads/main")
    assert triggers(REVIEW, events.pull_request(released.origin, head, action=action)) is starts


def report(ran: Ran) -> str:
    return ran.read("report", "report.md")


def verdict(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.read("report", "verdict.json"))
    return found


def claim(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ran.read("report", "review.json"))
    return found


def line_of(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def forge(cache: Path) -> None:
    """In a cache, have every record say that it is another fingerprint's, as one copied under its name would."""
    import tarfile
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(cache) as tar:
            archives.unpack(tar, Path(folder))
        for path in Path(folder).rglob("record.json"):
            facts = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps({**facts, "fingerprint": "f" * 64}), encoding="utf-8")
        with tarfile.open(cache, "w") as tar:
            tar.add(Path(folder, ".mainline"), arcname=".mainline")
