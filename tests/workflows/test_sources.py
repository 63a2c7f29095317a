"""What runs of the default branch keep of sources that are not in the repository, run by act with a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.github.double import GitHubDouble, github
from tests.mainline.data.sources.killable import Server, jetstream_at, publish
from tests.projects import visits
from tests.workflows import events
from tests.workflows.act import Ran
from tests.workflows.stage import Stage, environment
from tests.workflows.test_review import FEWER, report, verdict

__all__ = ["github"]

pytestmark = pytest.mark.slow

SOURCE = ("{path: data/visits.parquet, time: at}", "{topic: visits, brokers: $BROKERS, time: at}")
KEPT = {"MAINLINE_SNAPSHOT": "true"}  # the repository's variable


class Streaming(Stage):
    """A shop whose visits are a stream that its repository's runs can reach, and runs for forks cannot."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.broker: Server = jetstream_at(folder / "jetstream")
        self.url = f"nats://127.0.0.1:{self.broker.port}"
        self.shop.edit("params.yaml", SOURCE)
        self.shop.path("data/visits.parquet").unlink()
        self.push("The visits are a stream")

    def send(self, rows: pd.DataFrame, *more: bytes, purge: int = 0) -> None:
        said = rows.drop(columns="bought").assign(at=rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        values = [json.dumps(row).encode() for row in said.to_dict("records")]
        publish(self.url, "visits", [*values, *more], purge)

    def run(self, event: events.Event, workflow: str = "review.yml", *, reaches: bool = True, **details: object) -> Ran:
        machine = {"BROKERS": self.url} if reaches else {}
        return self.rehearsal.run(
            event, workflow, settings=KEPT, REHEARSAL_ENVIRONMENT=environment(), **machine, **details
        )

    def rows(self) -> list[str]:
        """The caches of rows, oldest first."""
        kept = (self.rehearsal.folder / "cache").glob("*/*/rows-*.tar")
        names = sorted(kept, key=lambda path: path.stat().st_mtime_ns)
        return [f"{path.parent.parent.name} {path.stem}".replace("%2F", "/") for path in names]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    """Main has run on all visits; the broker has forgotten them since, and has 40 others."""
    made = Streaming(tmp_path_factory.mktemp("streaming"))
    try:
        made.send(visits(), b"{broken")
        ran = made.run(events.push(made.origin, "main", "0" * 40), job="review")
        assert ran.status == 0, ran.log
        late = visits(40, seed=1)
        made.send(late.assign(visit=range(4800, 4840)), purge=4802)
        yield made
    finally:
        made.broker.kill()


def test_a_pull_request_is_reviewed_on_main_s_rows_of_a_stream_that_the_broker_has_forgotten(stage: Streaming) -> None:
    """And a moved cutoff is said by table: the files of fetched tables are those of this run."""
    (main,) = stage.rows()
    assert main.startswith("refs/heads/main rows-top.")
    shop = stage.branch("fewer")
    shop.edit("params.yaml", FEWER)
    said = "import os, sys\nfrom ibis import _\nprint('KEPT', os.environ.get('MAINLINE_SNAPSHOT'), file=sys.stderr)\n"
    shop.edit("src/shop/frame.py", ("from ibis import _\n", said))
    ran = stage.run(stage.pull(), job="review")
    assert ran.status == 0, ran.log
    assert "KEPT None" in ran.log, "a snapshot of its own would push out main's"
    assert f"restored {main.split()[1]} from refs%2Fheads%2Fmain" in ran.log
    found = verdict(ran)
    assert found["attribution"]["roc_auc"]["due_to_data"] == 0, "main's code has the same rows, the 40 new ones too"
    assert (found["verdict"], found["tables"]) == ("no_worse", {})
    assert found["baseline"]["commit"] == stage.origin.commit_of("refs/heads/main")
    assert stage.rows() == [main], "a pull request saves no rows"
    said = found["messages"]["visits"]
    assert (said["read"], said["aside"], said["malformed"], said["gone"]) == (4841, 1, 1, 0)
    shop.edit("params.yaml", ("until: 2026-03-02", "until: 2026-02-25"))
    earlier = verdict(stage.run(stage.pull(), job="review"))["tables"]["visits"]
    assert (earlier["added"], earlier["removed"], earlier["changed"]) == (0, 0, 0)
    assert earlier["later"] < -100
    assert f"| <code>visits</code> | 4,841 | 1 | 0 | 0 | <code>{said['where']}</code> |" in report(ran)


def test_a_fork_is_judged_on_main_s_snapshot_or_says_in_one_line_why_it_is_not(stage: Streaming) -> None:
    shop = stage.branch("stranger")
    shop.edit("params.yaml", FEWER)
    ran = stage.run(stage.pull(fork=True, number=8), reaches=False, job="review")
    assert ran.status == 0, ran.log
    assert "isits: the source cannot be reached from a fork; these are the rows of main's run of" in report(ran)
    found = verdict(ran)
    assert (found["verdict"], found["tables"]) == ("no_worse", {})

    shop.edit("params.yaml", ("until: 2026-03-02", "until: 2026-03-09"))
    ran = stage.run(stage.pull(fork=True, number=8), reaches=False, job="review")
    assert ran.status != 0
    assert report(ran).startswith("## ❌ Stopped: an external system failed")
    (line,) = [line for line in report(ran).splitlines() if "not judged" in line]
    assert "data.sources.visits cannot be reached from a fork's pull request" in line
    assert "main's snapshot ends at 2026-03-02T00:00:00+00:00, before data.until: not judged" in line


def test_a_retraining_goes_on_where_main_stopped_and_keeps_what_it_read(stage: Streaming, github: GitHubDouble) -> None:
    (main,) = stage.rows()
    repository = github.repository(events.REPOSITORY)
    repository.commit("heads/main", {"params.yaml": stage.shop.path("params.yaml").read_bytes()})
    ran = stage.run(
        events.schedule(stage.origin, "47 6 * * 1"), "retrain.yml", token=github.token(), GITHUB_API_URL=github.api
    )
    assert f"restored {main.split()[1]} from refs%2Fheads%2Fmain" in ran.log, ran.log
    assert "Success - Main make retrain BASE=HEAD" in ran.log
    first, second = stage.rows()
    assert (first, second.split()[0]) == (main, "refs/heads/main")

    again = stage.run(
        events.schedule(stage.origin, "47 6 * * 1"), "retrain.yml", token=github.token(), GITHUB_API_URL=github.api
    )
    assert f"restored {second.split()[1]}" in again.log, again.log
    assert stage.rows() == [first, second], "what holds the same is not saved again"
