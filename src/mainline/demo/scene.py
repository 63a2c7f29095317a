"""The set-up of the demo: a clone with the state of the first day, the later rows, and the service."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data import prepare as frame
from mainline.data.collect import collect
from mainline.demo import service
from mainline.demo.measure import Month
from mainline.demo.scratch import Scratch, cloned
from mainline.demo.script import Change, Script, edited
from mainline.demo.service import Containers, Process, Service
from mainline.demo.story import Story
from mainline.errors import MainlineError
from mainline.packaging import engine as engines
from mainline.retraining.data_until import UNTIL


@dataclass
class Scene:
    """The state of the demo."""

    script: Script
    scratch: Scratch
    service: Service
    story: Story
    pages: Path
    settings: Settings
    frame: Path
    first: str = ""  # the version of the frozen model
    delivered: bool = False  # the bad data were delivered
    months: list[Month] = field(default_factory=list)

    def moment(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), ZoneInfo(self.settings.data.timezone))


@contextlib.contextmanager
def prepared(root: Path, script: Script, story: Story, local: bool) -> Iterator[Scene]:
    """Set up the clone with the state of the first day, and the service, which is always removed at the end."""
    folder = root / ".mainline" / "demo"
    for name in ("models", "spool", "shipped"):
        shutil.rmtree(folder / name, ignore_errors=True)
    pages = root / "reports" / "demo"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    with story.event(script.start, "clone") as event:
        scratch = cloned(root, folder)
        file = scratch.root / loader.FILE
        text = UNTIL.sub(rb"\g<before>%b" % str(script.start).encode(), file.read_bytes(), count=1).decode()
        file.write_text(edited(text, script.settings), encoding="utf-8")
        for later in filter(None, (script.worse, script.bad_release)):
            edited(
                file.read_text(encoding="utf-8"), later.edits
            )  # fails before the demo starts if an edit does not fit
        scratch.commit(f"State of {script.start}")
        settings = loader.load(file).settings
        rows = folder / "live.parquet"
        end = script.spans()[-1][1]
        data = settings.data.model_copy(update={"until": end})
        everything = settings.model_copy(update={"data": data})
        frame.build(everything, collect(data, scratch.root, folder / "cache"), rows)
        event.text = f"{scratch.root.relative_to(root)}, with data until {script.start}"
    where, why = place(scratch, folder, local)
    story.say(f"  {why}")
    scene = Scene(script, scratch, where, story, pages, settings, rows)
    try:
        yield scene
    finally:
        scene.service.close()


def place(scratch: Scratch, folder: Path, local: bool, why: str = "as requested") -> tuple[Service, str]:
    """The service, and the reason for the choice."""
    port = service.free_port()
    if not local:
        try:
            engine = engines.find()
            name = service.name_of(folder)
            return Containers(scratch, folder, port, engine=engine, name=name), f"released to {engine.name}: {name}"
        except MainlineError as error:
            why = str(error)
    return Process(scratch, folder, port), f"no container: a local process serves the exported model ({why})"


def change(scratch: Scratch, step: Change) -> None:
    file = scratch.root / loader.FILE
    file.write_text(edited(file.read_text(encoding="utf-8"), step.edits), encoding="utf-8")
    scratch.commit(step.why)


def keep(scene: Scene, file: Path, name: str) -> str:
    shutil.copyfile(file, scene.pages / name)
    return name
