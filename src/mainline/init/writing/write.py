"""Everything that `make init` writes, for one proposal: rendered and tried first, then written as one change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mainline.config import loader
from mainline.errors import ConfigurationError
from mainline.init.proposal import Proposal
from mainline.init.writing import (
    cards,
    change,
    demo_yaml,
    example,
    manifest,
    names,
    package,
    params_yaml,
    readme,
    tests_written,
)
from mainline.init.writing import suites as expectation_suites
from mainline.init.writing.manifest import Manifest
from mainline.init.writing.trial import tried
from mainline.runtime import git, models
from mainline.runtime.atomic_files import scratch
from mainline.runtime.workspace import Workspace

BESIDE = Path(".mainline/init")  # the new versions of files that somebody has edited
BEFORE = Path(".mainline/before-init")  # without git: what was removed or replaced
LARGEST = 600 * 1024  # bytes: what the lint lets pass


@dataclass(frozen=True)
class Written:
    """Paths from the top; nothing of it is committed."""

    new: Sequence[str]
    updated: Sequence[str]  # nobody had edited them
    left: Mapping[str, Path]  # edited since, with the place of the version that would have been written
    removed: Sequence[str]
    todo: Sequence[str]  # in which a person must say something, each with how often
    notes: Sequence[str] = field(default=())  # what a person should know, in words

    @property
    def warnings(self) -> list[str]:
        """What to say at the end."""
        found = [f"{path} was edited: it stays. Compare: diff {path} {beside}" for path, beside in self.left.items()]
        if self.todo:
            found.append(f"TODO waits for you in {', '.join(self.todo)}; no gate asks for it")
        return [*self.notes, *found]


def write(proposal: Proposal, root: Path, *, keep: bool = False) -> Written:
    """As `written`, to stay."""
    with written(proposal, root, keep=keep) as found:
        return found


@contextmanager
def written(proposal: Proposal, root: Path, *, keep: bool = False) -> Iterator[Written]:
    """Write the project of a proposal, and take the example out unless it is to be kept.

    Files that an earlier call wrote are updated as long as nobody has edited them.

    Raises
    ------
    ConfigurationError
        Where the name is taken, the proposal is no valid configuration, or files of the example have changes that no
        commit holds.
    DataError
        Where the table cannot be prepared.
    ExternalError
        Where a file cannot be written. In each of these cases, and where the block fails, every file is as it was.
    """
    root = root.resolve()
    before = manifest.read(root)
    refuse_names(proposal, root, before)
    workspace = Workspace.at(root)
    refuse_other(proposal, workspace)
    # A further model leaves what is at the top, be it the example or a project.
    has_example = example.is_there(root) and workspace.of.name is None
    proposal = beside_example(proposal) if keep and has_example else proposal
    leaving = example.files(root, sources(proposal, root)) if has_example and not keep else []
    replaceable = {*leaving, *(example.REPLACED if has_example else ())}
    replaceable |= {readme.FILE} if leaving and readme.is_templates(root) else set()
    if has_example:
        example.refuse_edited(root, sorted(replaceable))
    apart = workspace.of.name is not None or (keep and has_example)
    with scratch(workspace.state) as folder:
        texts, notes = rendered(proposal, root, workspace.cache, folder, apart)
    left = {path for path, text in texts.items() if not may_write(root, path, text, before, replaceable)}
    stale = [path for path in before.files if path not in texts and before.is_own(root, path)]
    gone = [Path(path).name for path in example.listed(root) if path.startswith("src/")] if leaving else []
    gone += [before.name] if before.name and before.name != proposal.name else []
    lines = example.texts(root, proposal.name, gone, any(is_large(path) for path in sources(proposal, root)))
    kept = {path: text for path, text in texts.items() if path not in left}
    new = {path for path in kept if not (root / path).exists() or path in replaceable}
    updated = {path for path, text in {**kept, **lines}.items() if path not in new and differs(root, path, text)}
    digests = {path: manifest.digest(text.encode()) for path, text in kept.items()}
    digests |= {path: before.files[path] for path in left if path in before.files}
    removed = [path for path in [*leaving, *stale] if path not in texts]
    keep_copies(root, [*removed, *new])
    was = before.replaces or (function_of(root) if has_example else None)
    after = {**kept, **lines, str(manifest.place()): Manifest(proposal.name, digests, was).text}
    with change.applied(root, after, removed):
        beside = put_beside(root, texts, left)
        yield Written(sorted(new), sorted(updated), beside, removed, cards.waiting(kept), notes)


def function_of(root: Path) -> str:
    """The preparation function of the project that is here."""
    return loader.load(root / loader.FILE).settings.prepare.function


def refuse_names(proposal: Proposal, root: Path, before: Manifest) -> None:
    names.name_of(proposal.name, "", root, before.name)
    for table in proposal.settings["data"]["sources"]:
        if table == expectation_suites.FRAME or not names.as_package(table) or "/" in table:
            raise ConfigurationError(f"the table's name is {table!r}: a name for a file is needed, and not `frame`")


def refuse_other(proposal: Proposal, workspace: Workspace) -> None:
    """A further model is not replaced by one of another table and another label: its name is taken."""
    if workspace.of.name is None or not workspace.params.is_file():
        return
    settings = loader.load(workspace.params).settings
    if proposal.table not in settings.data.sources and proposal.label != settings.prepare.label:
        raise ConfigurationError(
            f"MODEL={workspace.of.name}: {workspace.of.params} is there already, and predicts {settings.prepare.label} "
            f"of {', '.join(settings.data.sources)}: give this model another name, or remove that one first"
        )


def beside_example(proposal: Proposal) -> Proposal:
    """With suites in a folder of their own: one that has no table is refused."""
    data = {**proposal.settings["data"], "expectations": f"data/{proposal.name}/expectations"}
    return replace(proposal, settings={**proposal.settings, "data": data})


def rendered(
    proposal: Proposal, root: Path, cache: Path, folder: Path, beside: bool
) -> tuple[dict[str, str], list[str]]:
    """The text of every file by its path, after it was tried; and what a person should know of it."""
    model = models.selected()
    params = str(model.params)
    texts = {params: params_yaml.render(proposal), **package.files(proposal), **tests_written.files(proposal)}
    trial = tried(proposal.name, texts, root, cache, folder)
    suites = expectation_suites.suites(proposal, trial.settings, trial.tables, trial.frame)
    notes = [f"left out of a suite, since the table's own rows break it: {rule}" for rule in suites.broken]
    data_card = f"data/{proposal.name}/README.md" if beside else cards.DATA_CARD
    folder_of_suites = trial.settings.data.expectations
    told = cards.files(proposal, trial.tables, folder_of_suites, str(model.card), data_card)
    if beside:
        return {**texts, **suites.files, **told}, notes
    played = demo_yaml.render(proposal, trial, texts[params])
    demo = {str(demo_yaml.FILE): played.text} if played.text else {}
    told[readme.FILE] = readme.render(proposal, trial.tables[proposal.table])
    return {**texts, **suites.files, **told, **demo}, [*notes, *([] if played.text else [played.why])]


def may_write(root: Path, path: str, text: str, before: Manifest, replaceable: set[str]) -> bool:
    """Whether a file is new, the example's, or as an earlier call left it."""
    there = (root / path).exists()
    return not there or path in replaceable or before.is_own(root, path) or not differs(root, path, text)


def differs(root: Path, path: str, text: str) -> bool:
    return not (root / path).is_file() or (root / path).read_bytes() != text.encode()


def sources(proposal: Proposal, root: Path) -> list[Path]:
    """The files of the proposal's tables in this repository."""
    from mainline.runtime.file_digests import expand

    patterns = [source.get("path") for source in proposal.settings["data"]["sources"].values()]
    return [*proposal.copied, *(path for each in patterns if each and "://" not in each for path in expand(each, root))]


def is_large(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > LARGEST


def keep_copies(root: Path, paths: Sequence[str]) -> None:
    """Without git nothing brings back what is removed or replaced: a copy is kept."""
    if git.is_top(root) and git.commit_of(root, "HEAD"):
        return
    for path in paths:
        if (root / path).is_file():
            (root / BEFORE / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, root / BEFORE / path)


def put_beside(root: Path, texts: Mapping[str, str], left: set[str]) -> dict[str, Path]:
    """The new versions of the files that are left, for whoever wants to compare."""
    shutil.rmtree(root / BESIDE, ignore_errors=True)
    for path in sorted(left):
        (root / BESIDE / path).parent.mkdir(parents=True, exist_ok=True)
        (root / BESIDE / path).write_text(texts[path], encoding="utf-8")
    return {path: BESIDE / path for path in sorted(left)}
