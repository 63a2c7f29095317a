"""What the demo's scenes play in: a clone as it was on the first day, the rows to come, and where the model answers."""

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
    """Where the story plays, and what has happened in it so far."""

    script: Script
    scratch: Scratch
    service: Service
    story: Story
    pages: Path
    settings: Settings
    frame: Path
    first: str = ""  # the version that the frozen model is
    delivered: bool = False  # the bad data have come
    months: list[Month] = field(default_factory=list)

    def moment(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), ZoneInfo(self.settings.data.timezone))


@contextlib.contextmanager
def prepared(root: Path, told: Script, story: Story, local: bool) -> Iterator[Scene]:
    """The clone as it was on the first day, and where its model will answer; that is gone afterwards, come what may."""
    folder = root / ".mainline" / "demo"
    for name in ("models", "spool", "shipped"):
        shutil.rmtree(folder / name, ignore_errors=True)
    pages = root / "reports" / "demo"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    with story.event(told.start, "clone") as event:
        scratch = cloned(root, folder)
        file = scratch.root / loader.FILE
        text = UNTIL.sub(rb"\g<before>%b" % str(told.start).encode(), file.read_bytes(), count=1).decode()
        file.write_text(edited(text, told.settings), encoding="utf-8")
        for later in (told.worse, told.bad_release):
            edited(file.read_text(encoding="utf-8"), later.edits)  # what cannot be played is told before it begins
        scratch.commit(f"As it was on {told.start}")
        settings = loader.load(file).settings
        rows = folder / "live.parquet"
        end = told.spans()[-1][1]
        data = settings.data.model_copy(update={"until": end})
        everything = settings.model_copy(update={"data": data})
        frame.build(everything, collect(data, scratch.root, folder / "cache"), rows)
        event.text = f"{scratch.root.relative_to(root)}, where data end on {told.start}"
    where, why = place(scratch, folder, local)
    story.say(f"  {why}")
    scene = Scene(told, scratch, where, story, pages, settings, rows)
    try:
        yield scene
    finally:
        scene.service.close()


def place(scratch: Scratch, folder: Path, local: bool, why: str = "as asked for") -> tuple[Service, str]:
    """Where the model will answer, and why there."""
    port = service.free_port()
    if not local:
        try:
            engine = engines.find()
            name = service.name_of(folder)
            return Containers(scratch, folder, port, engine=engine, name=name), f"released to {engine.name}: {name}"
        except MainlineError as error:
            why = str(error)
    return Process(scratch, folder, port), f"no container: the exported model is served by a process of its own ({why})"


def change(scratch: Scratch, told: Change) -> None:
    file = scratch.root / loader.FILE
    file.write_text(edited(file.read_text(encoding="utf-8"), told.edits), encoding="utf-8")
    scratch.commit(told.why)


def keep(scene: Scene, file: Path, name: str) -> str:
    shutil.copyfile(file, scene.pages / name)
    return name
