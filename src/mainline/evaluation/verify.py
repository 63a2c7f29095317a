"""Whether a record's model is the one that its fingerprint stands for: it is trained again and compared.

A record that was written by an earlier version may hold the model of a file that moved during its run, under the
fingerprint of the file that was there before and after. Its bytes are intact; only a second training finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mainline.data.sources.duckdb_scan import parquet_file
from mainline.errors import MainlineError
from mainline.evaluation.baseline import CONTRACT, ask
from mainline.runtime import git
from mainline.runtime.atomic_files import scratch
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record

State = Literal["same", "wrong", "unknown"]


@dataclass(frozen=True)
class Finding:
    """What is known of one record; `frame` is the name of its prepared frame, without its ending."""

    fingerprint: str
    frame: str | None
    state: State
    text: str


def verify(workspace: Workspace) -> Iterator[Finding]:
    """Every record of the workspace against a new training of its checkout or its commit; the lock must be held."""
    records, damaged = read_records(workspace.records)
    yield from damaged
    root = workspace.root
    checked: set[str] = set()
    commits = list(dict.fromkeys(r.facts.commit for r in records.values() if r.facts.commit and r.facts.clean))
    # The checkout as it is comes first: its data may be in no commit.
    for commit in (None, *commits):
        left = {name: record for name, record in records.items() if name not in checked}
        wanted = left if commit is None else {n: r for n, r in left.items() if r.facts.commit == commit}
        if not wanted:
            continue
        try:
            if commit is None:
                found = against(workspace, root, wanted)
            else:
                with git.worktree(root, commit, workspace.worktrees / commit) as tree:
                    found = against(workspace, tree, wanted)
        except MainlineError as error:
            if commit is not None:
                for name, record in wanted.items():
                    checked.add(name)
                    yield Finding(name, record.facts.frame, "unknown", f"{commit[:10]} cannot be trained: {error}")
            continue
        if found:
            checked.add(found.fingerprint)
            yield found
    for name, record in records.items():
        if name not in checked:
            yield Finding(name, record.facts.frame, "unknown", why_unknown(record))


def read_records(folder: Path) -> tuple[dict[str, Record], list[Finding]]:
    """The records whose files are what they say, and the others."""
    records, damaged = {}, []
    for path in sorted(folder.glob("*/record.json")):
        name = path.parent.name
        try:
            record = Record.read(path.parent)
            record.model_bytes()
            record.holdout, record.profile  # noqa: B018 - they raise where they are damaged
            if record.fingerprint != name:
                raise record.damaged("record.json", f"it is the record of {record.fingerprint}")
            records[name] = record
        except MainlineError as error:
            damaged.append(Finding(name, None, "wrong", str(error)))
    return records, damaged


def against(workspace: Workspace, tree: Path, wanted: dict[str, Record]) -> Finding | None:
    """The record among `wanted` that `tree` trains, compared with what it trains now; None where it is another."""
    with scratch(workspace.state) as first:
        again = trained_anew(tree, first)
        record = wanted.get(again.fingerprint)
        if record is None:
            return None
        name, frame = record.fingerprint, record.facts.frame
        if differs := other_data(record, again):
            return Finding(name, frame, "wrong", f"it was made from other data than its fingerprint says: {differs}")
        if not same_frame(workspace.frames / f"{frame}.parquet", Workspace.at(tree, first).frames / f"{frame}.parquet"):
            return Finding(name, frame, "wrong", "its prepared frame is not what its tables give")
        if record.digest == again.digest:
            return Finding(name, frame, "same", "trained again: the same model")
        with scratch(workspace.state) as second:
            once_more = trained_anew(tree, second)
            if once_more.digest != again.digest:
                return Finding(name, frame, "unknown", "its estimator gives another model at every fit")
        return Finding(name, frame, "wrong", "trained again, twice the same, it is another model")


def trained_anew(tree: Path, state: Path) -> Record:
    """By the code in `tree`, with nothing that was kept before, and with no other run in MLflow."""
    asked = ["train", "--state", str(state), "--contract", str(CONTRACT)]
    answer = ask(tree, asked, MLFLOW_TRACKING_URI=f"sqlite:///{state / 'mlflow.db'}")
    return Record.read(Path(answer["record"]))


def other_data(record: Record, again: Record) -> str | None:
    """What shows that two records of one fingerprint come from different data."""
    import numpy as np

    if record.facts.rows != again.facts.rows or record.facts.period != again.facts.period:
        return f"rows {record.facts.rows}, now {again.facts.rows}"
    before, now = record.holdout, again.holdout
    if not np.array_equal(before.row_id, now.row_id) or not np.array_equal(record.train_rows, again.train_rows):
        return "its rows are others"
    labels = int((~((before.y == now.y) | (np.isnan(before.y) & np.isnan(now.y)))).sum())
    if labels:
        return f"{labels:,} of {len(now.y):,} labels of the holdout are others"
    return "its features have another distribution" if record.profile != again.profile else None


def same_frame(kept: Path, made: Path) -> bool:
    """Whether two frames hold the same rows; a frame that is not kept any more is no difference."""
    import duckdb

    if not (kept.exists() and made.exists()):
        return True
    with duckdb.connect() as connection:
        try:
            sums = [
                connection.execute(f"SELECT count(*), sum(hash(rows)) FROM {parquet_file(path)} AS rows").fetchone()
                for path in (kept, made)
            ]
        except duckdb.Error:
            return False
    return bool(sums[0] == sums[1])


def why_unknown(record: Record) -> str:
    if record.facts.clean:
        return "its commit gives another fingerprint now: its data are elsewhere and have changed, or Python has"
    return "it was trained with changes that are in no commit"
