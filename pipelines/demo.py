"""A year in minutes: train, review, release, watch, retrain, and what goes wrong on the way.

`play` reads as its table of contents. Everything happens in a scratch clone, by the verbs that people and the
workflows call; the demo adds the traffic of the past and a page.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from mainline.demo import measure, page, replay, script
from mainline.demo.scene import Scene, change, keep, place, prepared
from mainline.demo.service import Process
from mainline.demo.story import Story
from mainline.errors import ExternalError
from mainline.serving import scorer, signature

# Of a verb that judges.
PASSED, REFUSED, INVALID = 0, 1, 3


def play(root: Path, months: int | None = None, local: bool = False) -> str:
    """The whole story; returns its last words, which say where the page is."""
    told = script.read(root / script.FILE)
    story = Story()
    with prepared(root, told, story, local) as scene:
        first_release(scene)
        refuse_worse(scene, told.start)
        spans = told.spans(months)
        for start, end in spans:
            month(scene, start, end, last=end == spans[-1][1])
    return page.write(scene.pages.relative_to(root), story, scene.months, scene.settings.compare.metric)


def first_release(scene: Scene) -> None:
    """As `release`; where an image cannot be had, such as offline for the first time, the story goes on without."""
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
        said = headline(scene.scratch.reports)
        event.text = f"{what} is version {scene.service.version}: {said}" if status == PASSED else f"{what}: {said}"
    if status == PASSED and not scene.first:
        scene.first = scene.service.version
    return status == PASSED


def refuse_worse(scene: Scene, day: dt.date) -> None:
    """A pull request with a worse model."""
    told, scratch = scene.script.worse, scene.scratch
    with scene.story.event(day, "pull request") as event:
        scratch.git("checkout", "--quiet", "-b", "worse")
        change(scratch, told)
        said = scratch.call("run", "--base", "main", check=(PASSED, REFUSED))
        event.exit, event.kind = said.status, "bad" if said.status else "warn"
        event.text = f"“{told.why}”: {headline(scratch.reports)}"
        event.link = keep(scene, scratch.reports / "report.html", "worse.html")
        scratch.git("checkout", "--quiet", "main")


def month(scene: Scene, start: dt.date, end: dt.date, last: bool) -> None:
    """A period of traffic, and what follows from it."""
    told = scene.script
    if told.bad_release.at == start:
        start = bad_release(scene, start)
    live(scene, start, end)
    asked = watch(scene, end)
    if told.bad_data.at <= start and not scene.delivered:
        refuse_bad_data(scene, start, end)
    if asked and not last:
        retrain(scene, end)


def live(scene: Scene, start: dt.date, end: dt.date, judged: bool = True) -> None:
    """Replay the rows of these days; with `judged`, hold production against the frozen model on them."""
    with scene.story.event(start, "traffic") as event:
        known = signature.read(scene.service.model(scene.service.version))
        first = scene.service.model(scene.first)
        frozen = scorer.load(signature.read(first), first)
        sent = replay.batches(scene.frame, scene.settings, known, scene.moment(start), scene.moment(end))
        answered = replay.play(scene.service.port, sent, known, frozen)
        scene.service.ship()
        asked = f"{answered.rows:,} rows asked of version {scene.service.version}"
        event.text = f"{asked}, {answered.told:,} labels followed"
    if judged:
        name = f"{start:%Y-%m-%d}"
        scene.months.append(measure.measured(scene.settings, known.classes, name, scene.service.version, answered))


def watch(scene: Scene, day: dt.date) -> bool:
    """Monitor; whether it asks for a retraining."""
    noon = dt.datetime.combine(day + dt.timedelta(days=2), dt.time(12), dt.UTC)
    with scene.story.event(day, "monitor") as event:
        said = scene.scratch.call("monitor", "--now", noon.isoformat(), check=(PASSED, REFUSED, INVALID))
        health = json.loads((scene.scratch.reports / "monitor.json").read_text(encoding="utf-8"))
        event.exit, event.kind = said.status, "good" if said.status == PASSED else "warn"
        event.text = f"{health['verdict']}: {health['headline']}"
        event.link = keep(scene, scene.scratch.reports / "monitor.html", f"monitor-{day}-{scene.service.version}.html")
    return said.status == REFUSED


def retrain(scene: Scene, day: dt.date) -> None:
    """The retraining, as the workflow would open it; merged and released where it passed."""
    scratch = scene.scratch
    with scene.story.event(day, "retraining") as event:
        said = scratch.call("retrain", "--today", str(today(day)), check=(PASSED, REFUSED))
        found = json.loads((scratch.reports / "retraining" / "retraining.json").read_text(encoding="utf-8"))
        event.exit, event.kind = said.status, "good" if found["passed"] else "bad"
        ready = found["outcome"] == "ready"
        event.text = f"{found['branch']}: {headline(scratch.reports / 'retraining')}" if ready else found["message"]
        if ready:
            event.link = keep(scene, scratch.reports / "retraining" / "report.html", f"retrain-{day}.html")
    if ready and found["passed"]:
        scratch.git("merge", "--quiet", "--no-ff", "--message", f"Merge {found['branch']}", found["branch"])
        release(scene, day, f"what was trained until {found['until']}")


def refuse_bad_data(scene: Scene, start: dt.date, end: dt.date) -> None:
    """The period's data arrive wrong, are stopped at the gate, and arrive again."""
    told, scratch = scene.script.bad_data, scene.scratch
    with scene.story.event(end, "bad data") as event:
        told.spoil(scratch.root, start)
        scratch.commit(told.why)
        said = scratch.call("retrain", "--today", str(today(end)), check=(INVALID, PASSED, REFUSED))
        event.exit, event.kind = said.status, "bad" if said.status == INVALID else "warn"
        event.text = f"“{told.why}”: {said.why.removeprefix('no branch was made: ')[:200]}"
        scratch.git("revert", "--no-edit", "HEAD")
        scene.delivered = True


def bad_release(scene: Scene, start: dt.date) -> dt.date:
    """A model that lowered the bar for itself is released, found out, and taken back; the day from which it is well."""
    told, scratch = scene.script.bad_release, scene.scratch
    change(scratch, told)
    if not release(scene, start, f"“{told.why}”"):
        scratch.git("revert", "--no-edit", "HEAD")
        return start
    found = start + dt.timedelta(days=told.days)
    live(scene, start, found, judged=False)
    if not watch(scene, found):
        return found  # nobody noticed: it stays
    with scene.story.event(found, "rollback") as event:
        scene.service.rollback()
        event.kind, event.text = "warn", f"version {scene.service.answering()} answers again; the change is reverted"
        scratch.git("revert", "--no-edit", "HEAD")
    return found


def today(day: dt.date) -> dt.date:
    """When somebody looks: two days after a period, as retrain.lag and late labels ask for."""
    return day + dt.timedelta(days=2)


def headline(reports: Path) -> str:
    """The report's first line, in plain text."""
    verdict = json.loads((reports / "verdict.json").read_text(encoding="utf-8"))
    failed = [gate["name"] for gate in verdict["gates"] if not gate["passed"]]
    word = verdict["verdict"].replace("_", " ")
    return f"{word}; failed: {', '.join(failed)}" if failed else word
