"""The demo: train, review, release, monitor, retrain, and several failures, over months of data in minutes.

`play` is the table of contents. Everything happens in a scratch clone, with the commands that people and the
workflows call; the demo adds historical traffic and a page.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from mainline.demo import measure, page, replay, script
from mainline.demo.scene import Scene, change, keep, place, prepared
from mainline.demo.script import BadData, BadRelease
from mainline.demo.service import Process
from mainline.demo.story import Story
from mainline.errors import ExternalError
from mainline.serving import scorer, signature

# Exit statuses.
PASSED, REFUSED, INVALID = 0, 1, 3


def play(root: Path, months: int | None = None, local: bool = False) -> str:
    """Run the whole demo; return the last line, which names the page."""
    played = script.read(root / script.FILE)
    story = Story()
    with prepared(root, played, story, local) as scene:
        first_release(scene)
        refuse_worse(scene, played.start)
        spans = played.spans(months)
        for start, end in spans:
            month(scene, start, end, last=end == spans[-1][1])
    return page.write(scene.pages.relative_to(root), story, scene.months, scene.settings.compare.metric)


def first_release(scene: Scene) -> None:
    """Release the first model; without an image, such as offline on the first run, continue with a process."""
    try:
        release(scene, scene.script.start, "the first model")
    except ExternalError as error:
        if isinstance(scene.service, Process):
            raise
        scene.service.close()
        scene.service, why = place(scene.scratch, scene.service.folder, local=True, why=str(error))
        scene.story.say(f"  {why}")
        release(scene, scene.script.start, "the first model")


def release(scene: Scene, day: dt.date, what: str) -> bool:
    """Review and promote the clone's commit."""
    with scene.story.event(day, "release") as event:
        status = scene.service.release()
        event.exit, event.kind = status, "good" if status == PASSED else "bad"
        result = headline(scene.scratch.reports)
        event.text = f"{what} is version {scene.service.version}: {result}" if status == PASSED else f"{what}: {result}"
    if status == PASSED and not scene.first:
        scene.first = scene.service.version
    return status == PASSED


def refuse_worse(scene: Scene, day: dt.date) -> None:
    """A pull request with a worse model."""
    step, scratch = scene.script.worse, scene.scratch
    with scene.story.event(day, "pull request") as event:
        scratch.git("checkout", "--quiet", "-b", "worse")
        change(scratch, step)
        result = scratch.call("run", "--base", "main", check=(PASSED, REFUSED))
        event.exit, event.kind = result.status, "bad" if result.status else "warn"
        event.text = f"“{step.why}”: {headline(scratch.reports)}"
        event.link = keep(scene, scratch.reports / "report.html", "worse.html")
        scratch.git("checkout", "--quiet", "main")


def month(scene: Scene, start: dt.date, end: dt.date, last: bool) -> None:
    """A period of traffic, and the actions that follow."""
    played = scene.script
    if played.bad_release and played.bad_release.at == start:
        start = bad_release(scene, start, played.bad_release)
    live(scene, start, end)
    asked = watch(scene, end)
    if played.bad_data and played.bad_data.at <= start and not scene.delivered:
        refuse_bad_data(scene, start, end, played.bad_data)
    if asked and not last:
        retrain(scene, end)


def live(scene: Scene, start: dt.date, end: dt.date, judged: bool = True) -> None:
    """Replay the rows of these days; with `judged`, compare production with the frozen model on them."""
    with scene.story.event(start, "traffic") as event:
        known = signature.read(scene.service.model(scene.service.version))
        first = scene.service.model(scene.first)
        frozen = scorer.load(signature.read(first), first)
        sent = replay.batches(scene.frame, scene.settings, known, scene.moment(start), scene.moment(end))
        answered = replay.play(scene.service.port, sent, known, frozen)
        scene.service.ship()
        predicted = f"{answered.rows:,} rows predicted by version {scene.service.version}"
        event.text = f"{predicted}, {answered.labels_sent:,} labels sent"
    if judged:
        name = f"{start:%Y-%m-%d}"
        scene.months.append(measure.measured(scene.settings, known.classes, name, scene.service.version, answered))


def watch(scene: Scene, day: dt.date) -> bool:
    """Run the monitor; return whether a retraining is due."""
    noon = dt.datetime.combine(day + dt.timedelta(days=2), dt.time(12), dt.UTC)
    with scene.story.event(day, "monitor") as event:
        result = scene.scratch.call("monitor", "--now", noon.isoformat(), check=(PASSED, REFUSED, INVALID))
        health = json.loads((scene.scratch.reports / "monitor.json").read_text(encoding="utf-8"))
        event.exit, event.kind = result.status, "good" if result.status == PASSED else "warn"
        event.text = f"{health['verdict']}: {health['headline']}"
        event.link = keep(scene, scene.scratch.reports / "monitor.html", f"monitor-{day}-{scene.service.version}.html")
    return result.status == REFUSED


def retrain(scene: Scene, day: dt.date) -> None:
    """Retrain as the workflow does; merge and release the model if it passes."""
    scratch = scene.scratch
    with scene.story.event(day, "retraining") as event:
        result = scratch.call("retrain", "--today", str(today(day)), check=(PASSED, REFUSED))
        found = json.loads((scratch.reports / "retraining" / "retraining.json").read_text(encoding="utf-8"))
        event.exit, event.kind = result.status, "good" if found["passed"] else "bad"
        ready = found["outcome"] == "ready"
        event.text = f"{found['branch']}: {headline(scratch.reports / 'retraining')}" if ready else found["message"]
        if ready:
            event.link = keep(scene, scratch.reports / "retraining" / "report.html", f"retrain-{day}.html")
    if ready and found["passed"]:
        scratch.git("merge", "--quiet", "--no-ff", "--message", f"Merge {found['branch']}", found["branch"])
        release(scene, day, f"the model trained until {found['until']}")


def refuse_bad_data(scene: Scene, start: dt.date, end: dt.date, step: BadData) -> None:
    """The data of the period are invalid, are refused, and are delivered again."""
    scratch = scene.scratch
    with scene.story.event(end, "bad data") as event:
        step.spoil(scratch.root, start)
        scratch.commit(step.why)
        result = scratch.call("retrain", "--today", str(today(end)), check=(INVALID, PASSED, REFUSED))
        event.exit, event.kind = result.status, "bad" if result.status == INVALID else "warn"
        event.text = f"“{step.why}”: {result.why.removeprefix('no branch was made: ')[:200]}"
        scratch.git("revert", "--no-edit", "HEAD")
        scene.delivered = True


def bad_release(scene: Scene, start: dt.date, step: BadRelease) -> dt.date:
    """A change that weakens its own gates is released, detected and rolled back; return the day of the rollback."""
    scratch = scene.scratch
    change(scratch, step)
    if not release(scene, start, f"“{step.why}”"):
        scratch.git("revert", "--no-edit", "HEAD")
        return start
    found = start + dt.timedelta(days=step.days)
    live(scene, start, found, judged=False)
    if not watch(scene, found):
        return found  # not detected: it stays in production
    with scene.story.event(found, "rollback") as event:
        scene.service.rollback()
        event.kind, event.text = (
            "warn",
            f"version {scene.service.answering()} is in production again; the change is reverted",
        )
        scratch.git("revert", "--no-edit", "HEAD")
    return found


def today(day: dt.date) -> dt.date:
    """The day of the commands: two days after a period, because of retrain.lag and late labels."""
    return day + dt.timedelta(days=2)


def headline(reports: Path) -> str:
    """The report's first line, in plain text."""
    verdict = json.loads((reports / "verdict.json").read_text(encoding="utf-8"))
    failed = [gate["name"] for gate in verdict["gates"] if not gate["passed"]]
    word = verdict["verdict"].replace("_", " ")
    return f"{word}; failed: {', '.join(failed)}" if failed else word
