"""From a table that was never seen to a first verdict: read, guess, write, measure, review."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mainline.config import loader
from mainline.data.collect import relation_sql
from mainline.data.sources.duckdb_scan import connect
from mainline.evaluation.results import Review
from mainline.init import margins, reading, suggestions, thresholds
from mainline.init.guesses.times import NONE
from mainline.init.page import page
from mainline.init.proposal import Proposal, Wishes
from mainline.init.propose import propose
from mainline.init.suggestions import Suggestion
from mainline.init.writing import manifest, names, params_yaml, write
from mainline.init.writing.write import Written
from mainline.runtime.atomic_files import write_text
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from pipelines import training

PAGE = Path("init.html")


@dataclass(frozen=True)
class Begun:
    """What `make init` leaves: the proposal with its measured thresholds, its files, and the first verdict."""

    proposal: Proposal
    written: Written
    review: Review
    suggestions: list[Suggestion]


def proposed(
    wishes: Wishes, workspace: Workspace, progress: Progress, database: str
) -> tuple[reading.Reading, Proposal]:
    """Read the tables and decide; nothing is written but `reports/init.html`."""
    root = workspace.root
    before = manifest.read(root)
    with progress.stage("read") as detail:
        found = reading.read(wishes, workspace, database=database)
        if found.hidden and wishes.time in found.hidden.parts.values():
            wishes = replace(wishes, time=found.hidden.name)
        detail.text = ", ".join(
            f"{name}: {t.rows:,} rows, {len(t.columns)} columns" for name, t in found.tables.items()
        )
    like = workspace.of.name.replace("-", "_") if workspace.of.name else next(iter(found.tables))
    name = names.name_of(wishes.name, like, root, before.name)
    con = connect()
    with progress.stage("guess") as detail:
        proposal = propose(con, found.tables, wishes, found.sources, name, found.decisions)
        if found.hidden and proposal.settings["split"]["by"] != "time":  # no split by it: it is no column then
            said = tuple(each for each in proposal.findings if each.column == found.hidden.name)
            without = replace(wishes, time=NONE)
            found = reading.read(without, workspace, database=database)
            proposal = propose(con, found.tables, without, found.sources, name, found.decisions)
            proposal = replace(proposal, findings=(*said, *proposal.findings))
        proposal = replace(proposal, findings=(*found.findings, *proposal.findings))
        detail.text = f"{proposal.settings['task']}, label {proposal.label}, {len(proposal.decisions)} decisions"
    with progress.stage("page"):
        page(proposal, con, relation_sql(found.tables[proposal.table]), workspace.reports / PAGE)
    return found, proposal


def begin(
    found: reading.Reading, proposal: Proposal, workspace: Workspace, base: str, progress: Progress, *, keep: bool
) -> Begun:
    """Write the project, measure its thresholds, and give the first verdict.

    Raises
    ------
    MainlineError
        Where the project cannot be written or trained: everything is then as it was.
    """
    with ExitStack() as all_or_nothing:
        all_or_nothing.enter_context(reading.placed(found, workspace.root))
        with progress.stage("write") as detail:
            proposal = replace(proposal, copied=tuple(found.brought))
            written = all_or_nothing.enter_context(write.written(proposal, workspace.root, keep=keep))
            detail.text = f"{len(written.new)} files, {len(written.removed)} of the example removed"
        proposal = measured(proposal, written, workspace, progress)
        review = training.review(loader.load(workspace.params), workspace, base, progress)
        again = thresholds.met(proposal, review.gates)
        if again and rewrite(again, written, workspace):
            proposal = again
            review = training.review(loader.load(workspace.params), workspace, base, progress)
    known = thresholds.too_good(review.task, review.metrics, review.importance)
    if known:
        proposal = replace(proposal, findings=(*proposal.findings, known))
    return Begun(proposal, written, review, suggestions.suggest(proposal, list(review.importance)))


def measured(proposal: Proposal, written: Written, workspace: Workspace, progress: Progress) -> Proposal:
    """The proposal with what equal models say, which is written into params.yaml as well."""
    params = loader.load(workspace.params)
    job = training.begin(params, workspace, progress)
    training.prepare(job)
    with progress.stage("margins") as detail:
        found = margins.measure(job.params.settings, job.frame)
        detail.text = ", ".join(f"{one.metric} {one.margin:g}" for one in found.margins) or "not measurable"
    proposal = thresholds.with_measured(proposal, found)
    rewrite(proposal, written, workspace)
    return proposal


def rewrite(proposal: Proposal, written: Written, workspace: Workspace) -> bool:
    """Write params.yaml again, unless a person has edited it since an earlier call."""
    if str(workspace.of.params) in written.left:
        return False
    write_text(workspace.params, params_yaml.render(proposal))
    manifest.renew(workspace.root, str(workspace.of.params))
    return True
