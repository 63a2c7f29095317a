"""Proposals for tables of the tests, and the frame that they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from mainline.config.schema import Data, Settings
from mainline.data.collect import Collected, collect, relation_sql
from mainline.init.proposal import Proposal, Wishes
from mainline.init.propose import propose

TABLES = Path(__file__).resolve().parents[2] / "tables"
FAR = "2100-01-01"


def of_sources(folder: Path, sources: Mapping[str, Mapping[str, Any]], label: str, **wishes: Any) -> Proposal:
    """What is proposed for tables below `folder`; its settings are valid ones."""
    found = propose(
        duckdb.connect(), collected(folder, sources), Wishes(file="x", label=label, **wishes), sources, "shop", ()
    )
    Settings.model_validate(found.settings)
    return found


def collected(folder: Path, sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Collected]:
    return collect(Data.model_validate({"until": FAR, "sources": sources}), folder, folder / ".cache")


def of_frame(folder: Path, rows: pd.DataFrame, label: str, **wishes: Any) -> Proposal:
    rows.to_parquet(folder / "rows.parquet", index=False)
    return of_sources(folder, {"rows": {"path": "rows.parquet"}}, label, **wishes)


def left_out(proposal: Proposal) -> dict[str, str]:
    return {name: use.reason for name, use in proposal.uses.items() if use.role == "left out"}


def features(proposal: Proposal) -> dict[str, list[str]]:
    found: dict[str, list[str]] = proposal.settings["prepare"]["features"]
    return found


def said(proposal: Proposal, kind: str, column: str | None = None) -> str:
    """The findings of a kind, about a column if one is named."""
    return "\n".join(
        finding.text for finding in proposal.findings if finding.kind == kind and column in (None, finding.column)
    )


def frame_of(proposal: Proposal, folder: Path) -> pd.DataFrame:
    """The frame of the proposal's expressions, as the written preparation computes them."""
    import ibis

    backend = ibis.duckdb.connect()
    tables = {}
    sources = proposal.settings["data"]["sources"]
    for name, table in collected(folder, sources).items():
        backend.con.execute(f'CREATE VIEW "{name}" AS {relation_sql(table)}')
        tables[name] = backend.table(name)
    names = {"_": ibis._, "ibis": ibis, "tables": tables}
    rows = eval(proposal.join, names) if proposal.join else tables[proposal.table]
    made = {each.name: each.expression for each in proposal.derived}
    if proposal.label_expression:
        made[proposal.label] = proposal.label_expression
    return rows.mutate(**{name: eval(expression, names) for name, expression in made.items()}).execute()
